"""``specdec doctor``: what it finds, and that it never waits for long."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from specdec_lib.cli.checks import Finding, machine, memory
from specdec_lib.models.files import headers
from specdec_lib.models.files.sizes import GIB
from specdec_lib.models.registry import REGISTRY
from specdec_lib.utils.paths import data_path

POCKET = data_path("models")


@pytest.fixture
def offline(monkeypatch) -> None:
    """Nobody answers, at once."""
    monkeypatch.setattr(machine, "check_hub", lambda: Finding("hub", "note", "cannot be reached"))
    monkeypatch.setattr(machine, "check_ollama", lambda: Finding("Ollama", "note", "no server"))
    monkeypatch.setattr(memory, "is_cached", lambda model_id: model_id.startswith("Qwen"))


def test_the_report_fits_80_columns_and_names_what_matters(specdec, offline) -> None:
    shown = specdec("doctor")
    assert shown.code == 0 and shown.err == ""
    assert max(map(len, shown.out.splitlines())) <= 80
    for word in ("torch", "transformers", "memory", "GPU", "compiler", "embedded pair", "hub", "Ollama"):
        assert word in shown.out or word == "memory"
    rows = {line.split()[0]: line for line in shown.out.splitlines() if line.strip()}
    assert rows["pocket"].rstrip().endswith("ready")
    assert rows["qwen3"].rstrip().endswith("downloaded")
    assert rows["gpt2_dev"].rstrip().endswith("hub not reached")
    assert rows["phi3_llama3"].rstrip().endswith("hub not reached")


def test_json(specdec, offline) -> None:
    document = specdec("doctor", "--json").document
    assert {check["name"]: check["status"] for check in document["checks"]}["embedded pair"] == "ok"
    assert 0 < document["memory"]["free_gib"] <= document["memory"]["total_gib"]
    assert [row["pair"] for row in document["pairs"]] == list(REGISTRY)
    for row in document["pairs"]:
        assert list(row["needs_gib"]) == ["as listed", "float32", "bfloat16", "int4"]
        free = document["memory"]["free_gib"]
        assert all(
            row["fits"][dtype] == (need <= free) for dtype, need in row["needs_gib"].items() if need > 0.1
        )


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_an_embedded_pair_that_cannot_be_read_is_named_and_ends_with_1(
    specdec, offline, monkeypatch, tmp_path: Path, damage: str
) -> None:
    if damage == "damaged":
        shutil.copytree(POCKET / "pocket-target", tmp_path / "models" / "pocket-target")
        (tmp_path / "models" / "pocket-target" / "model.safetensors").write_bytes(b"torn")
    monkeypatch.setattr(headers, "data_path", lambda *parts: tmp_path.joinpath(*parts))
    shown = specdec("doctor")
    assert shown.code == 1
    assert "✗  embedded pair  pocket-target" in shown.out and damage in shown.out
    assert "pocket               missing" in " ".join(shown.out.split("  ")) or "missing" in shown.out


def test_a_target_alone_needs_the_memory_of_one_model(specdec, own) -> None:
    alone = specdec("doctor", *own[:2], "--autoregressive", "--json").document
    both = specdec("doctor", *own, "--json").document
    assert list(alone["models"]) == ["target"] and alone["vocabulary"] == "no draft model"
    weights = alone["models"]["target"]["parameters"]
    assert alone["needs_gib"]["as asked"] == pytest.approx(1.2 * 4 * weights / GIB, abs=1e-3)
    assert [check["name"] for check in alone["checks"]] == ["target", "memory"]
    assert alone["checks"][0] == both["checks"][0]
    shown = " ".join(specdec("doctor", *own[:2], "--autoregressive").out.split())  # lines may end anywhere
    assert f"{weights / 1e3:.1f} k parameters" in shown and "MiB of" in shown and "0.00" not in shown


@pytest.mark.parametrize("columns", [38, 44, 55, 61, 67])
def test_no_line_ends_between_a_number_and_its_unit(specdec, monkeypatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = specdec("doctor", "--pair", "pocket").out
    assert "GiB" in shown and not re.search(r"\d +\n +(GiB|M)\b", shown)


def test_the_help_says_what_happens_without_a_pair(specdec) -> None:
    said = " ".join(specdec("doctor", "--help").out.replace("│", " ").split())
    assert "[default: the machine, and all pairs]" in said and "[default: pocket]" not in said
