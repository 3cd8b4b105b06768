"""``specdec sweep``: what is shown, what is kept, and every way to get it wrong in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from stub_notebook import RECORDED, stub_notebook

from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.sweep import running
from specdec_lib.bench.sweep.folder import SweepFolder

SETTINGS = "pairs: [pocket]\ndraft_lengths: [2, 4]\ndomains: [code]\nmax_new_tokens: 8\n"


@pytest.fixture(autouse=True)
def light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Notebooks that know no model, and kernels that need not be forked."""
    monkeypatch.setenv("SPECDEC_KERNELS", "fresh")
    monkeypatch.chdir(tmp_path)

    def use(*cells: str) -> None:
        monkeypatch.setattr(running, "BENCHMARK_NOTEBOOK", stub_notebook(tmp_path, *cells))

    use()
    return use


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(SETTINGS)
    return path


def test_cells_are_run_kept_and_not_run_again(specdec, config: Path) -> None:
    shown = specdec("sweep", config)
    assert shown.code == 0 and "2 cells done; the results are in runs/mine" in shown.out
    assert "specdec results runs/mine" in shown.out and "specdec report runs/mine" in shown.out
    assert "[sweep] 1/2" in shown.err and "K = 2" in shown.err and "×" in shown.err
    records, problems = read_records("runs/mine/results.jsonl")
    assert problems == [] and [record.kind for record in records] == ["cell"] * 2
    again = specdec("sweep", config, "--json").document
    assert len(again["recorded"]) == 2 and again["done"] == [] and again["cells"] == 2
    assert read_records("runs/mine/results.jsonl")[0] == records


def test_a_look_at_the_plan_runs_nothing(specdec, config: Path) -> None:
    shown = specdec("sweep", config, "--dry-run")
    assert shown.code == 0 and "mine: 2 cells" in shown.out and "2 cells to run" in shown.out
    assert "roughly" in shown.out and not Path("runs").exists()
    rows = specdec("sweep", config, "--dry-run", "--json").document["cells"]
    assert [(row["label"], row["state"]) for row in rows] == [("K = 2", "to run"), ("K = 4", "to run")]
    assert all(row["gib"] > 0 and row["seconds"] > 0 for row in rows)


def test_a_cell_that_fails_is_named_its_notebook_kept_and_the_code_is_1(specdec, config: Path, light) -> None:
    light(f"if k_values == [2]:\n    1 / 0\n{RECORDED}")
    shown = specdec("sweep", config, "-o", "kept")
    assert shown.code == 1 and "1 cell done, 1 failed" in shown.out
    (line,) = [line for line in shown.err.splitlines() if line.startswith("warning: ")]
    assert "cell 1 failed" in line and "ZeroDivisionError" in line and "kept/failed/" in line
    light()
    told = specdec("sweep", config, "-o", "kept", "--json").document
    assert len(told["done"]) == 1 and len(told["recorded"]) == 1 and told["failed"] == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("pairs: [pocket]\ndraft_lenghts: [2]", "did you mean 'draft_lengths'?"),
        ("pairs: [pockte]", "Unknown pair 'pockte'"),
        ("pairs: [{target: nowhere/at-all/x, draft: lookup}]", "nowhere/at-all/x"),
    ],
)
def test_what_cannot_be_run_is_one_line_before_anything_is_made(specdec, config, content, said) -> None:
    config.write_text(content)
    shown = specdec("sweep", config)
    assert shown.code == 2 and said in shown.err and shown.err.count("\n") == 1
    assert not Path("runs").exists()


def test_a_file_that_is_not_there_and_two_clusters_are_refused(specdec, config: Path) -> None:
    assert "no such file" in specdec("sweep", "mien").err
    shown = specdec("sweep", config, "--workers", 2, "--scheduler", "tcp://x:1")
    assert shown.code == 2 and "give one of the two" in shown.err


def test_a_folder_that_another_process_holds_or_that_cannot_be_made_is_named(specdec, config: Path) -> None:
    with SweepFolder("held"):
        shown = specdec("sweep", config, "-o", "held")
    assert shown.code == 2 and "another process runs this sweep" in shown.err
    Path("file").write_text("")
    shown = specdec("sweep", config, "-o", "file/below")
    assert shown.code == 2 and "cannot be saved" in shown.err and shown.err.count("\n") == 1


def test_what_a_sweep_is_lies_beside_its_results(specdec, config: Path) -> None:
    specdec("sweep", config)
    told = json.loads(Path("runs/mine/sweep.json").read_text())
    keys = {cell["key"] for cell in told["cells"]}
    assert told["settings"]["draft_lengths"] == [2, 4] and keys == set(os.listdir("runs/mine/cells"))
