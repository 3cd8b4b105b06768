"""``specdec results``: lists, filters, merges and exports, and every way to get it wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from specdec_lib.bench.records.reading import read_records
from tests.bench.records.test_schema import make_record
from tests.written_sweeps import OTHER_MACHINE, small_cell, write_cells


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """The folder of a sweep with twelve cells."""
    places = [(k, domain, t) for t in (0.0, 0.8) for domain in ("code", "conversation") for k in (1, 2, 8)]
    cells = [small_cell(number, *place) for number, place in enumerate(places)]
    return write_cells(tmp_path / "sweep" / "results.jsonl", cells).parent


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    cells = [small_cell(number, k, environment=OTHER_MACHINE) for number, k in enumerate((1, 2))]
    return write_cells(tmp_path / "elsewhere.jsonl", cells)


def flat(shown: str) -> str:
    return " ".join(shown.split())


def test_a_list_has_a_row_a_cell_and_says_what_all_share(specdec, sweep: Path, monkeypatch) -> None:
    monkeypatch.chdir(sweep.parent)
    shown = specdec("results", "sweep")
    assert shown.code == 0 and shown.err == ""
    said = flat(shown.out)
    assert said.startswith("12 cells in sweep/results.jsonl")
    assert "all: dtype float32, engine specdec_lib, batch 1, compiled no" in said
    assert shown.out.count("pocket") == 12 and "machines" not in said and "more" not in said
    assert max(map(len, shown.out.splitlines())) <= 80
    (heading,) = [
        line for line in shown.out.splitlines() if "speedup" in line and "α" in line and "K" in line
    ]
    assert heading.split() == ["pair", "draft", "K", "domain", "T", "speedup", "α", "tok/s", "tok/s"]


def test_long_names_lose_their_middle_and_no_word_is_broken(specdec, tmp_path: Path) -> None:
    name = "a-pair-with-a-very-long-name"
    cells = [
        small_cell(n, 4, domain, pair=name) for n, domain in enumerate(("conversation", "summarization"))
    ]
    shown = specdec("results", write_cells(tmp_path / "r.jsonl", cells)).out
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80 and f"all: pair {name}" in flat(shown)
    table = [line.split() for line in lines if "×" in line]
    assert len(table) == 2, "a row a cell"
    for pair, *_ in table:
        begin, end = pair.split("…")
        assert name.startswith(begin) and name.endswith(end) and 8 <= len(pair) <= 18


def test_a_limit_says_how_many_more_there_are_and_counts_them(specdec, sweep: Path) -> None:
    shown = specdec("results", sweep, "--limit", "5")
    assert shown.out.count("pocket") == 5
    said = flat(shown.out)
    assert "… and 7 cells more" in said and "K: 1 (4), 2 (4), 8 (4)" in said
    assert specdec("results", sweep, "--limit", "0").out.count("pocket") == 0


def test_conditions_and_order(specdec, sweep: Path) -> None:
    asked = ["--where", "k>1", "-w", "domain=code", "--sort", "-k", "--json"]
    document = specdec("results", sweep, *asked).document
    assert [(cell["k"], cell["temperature"]) for cell in document["cells"]] == [
        (8, 0),
        (8, 0.8),
        (2, 0),
        (2, 0.8),
    ]
    assert (document["num_cells"], document["num_read"]) == (4, 12)
    assert document["shared"]["domain"] == "code" and document["counts"]["k"] == {"2": 2, "8": 2}
    assert flat(specdec("results", sweep, "-w", "k>1", "-w", "domain=code").out).startswith(
        "4 of 12 cells in"
    )
    nothing = specdec("results", sweep, "--where", "k=3")
    assert nothing.code == 0 and flat(nothing.out).startswith("0 of 12 cells in")


def test_several_machines_are_told_apart(specdec, sweep: Path, elsewhere: Path) -> None:
    said = flat(specdec("results", sweep, elsewhere).out)
    assert "14 cells in 2 files" in said and "2 machines: their times are not pooled" in said
    assert (
        "A: a processor, 2 cores, 1 thread, 12 cells B: a processor, 8 cores, 1 thread, 2 cells (cores 2 is"
        in said
    )
    document = specdec("results", sweep, elsewhere, "--where", "machine=B", "--json").document
    assert [cell["machine"] for cell in document["cells"]] == ["B", "B"]
    assert [row["machine"] for row in document["machines"]] == ["B"]


def test_standard_input_is_read(specdec, elsewhere: Path) -> None:
    document = specdec("results", "-", "--json", stdin=elsewhere.read_bytes()).document
    assert document["num_cells"] == 2 and document["results"] == ["-"]


def test_merge_then_list(specdec, sweep: Path, elsewhere: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.jsonl"
    merged = specdec("results", sweep, elsewhere, sweep, "--merge", out)
    assert merged.code == 0, merged.err
    said = flat(merged.out)
    assert f"14 cells in {out}, in the order of time" in said
    assert "12 cells stand there again and count once" in said and "2 machines: their times" in said
    assert len(read_records(out)[0]) == 14
    document = specdec("results", sweep, elsewhere, "--merge", out, "--json").document
    assert (document["num_cells"], document["num_repeated"]) == (14, 14)


def test_export_holds_what_meets_the_conditions(specdec, sweep: Path, tmp_path: Path) -> None:
    out = tmp_path / "cells.csv"
    exported = specdec("results", sweep, "--where", "k=8", "--export", out)
    said = "".join(exported.out.split())  # a long path is broken where the line ends
    assert exported.code == 0 and said.startswith("".join(f"4 cells in {out}, 41 columns".split()))
    with out.open(newline="") as file:
        assert [line["k"] for line in csv.DictReader(file)] == ["8"] * 4
    assert specdec("results", sweep, "--export", out, "--json").document["num_cells"] == 12


def test_torn_lines_are_named_and_other_kinds_counted(specdec, tmp_path: Path) -> None:
    run = json.dumps(make_record()).encode()
    path = write_cells(tmp_path / "r.jsonl", [small_cell(0)], b'{"schema": 1, "ki', run)
    for asked in ([], ["--export", tmp_path / "c.csv"], ["--merge", tmp_path / "m.jsonl"]):
        shown = specdec("results", path, *asked)
        assert shown.code == 2
        warning, error = shown.err.splitlines()
        assert warning.startswith(f"warning: {path}:2: not JSON")
        assert error.startswith("error: 1 line is no record, as told above; the good ones were ")
        assert "1 cell in" in flat(shown.out) and "1 record of another kind (run (1))" in flat(shown.out)
    document = specdec("results", path, "--json").document
    assert document["num_problems"] == len(document["problems"]) == 1 and document["other_kinds"] == {
        "run": 1
    }


@pytest.mark.parametrize(
    "asked, said",
    [
        (
            ["--where", "dmain=code"],
            "--where names 'dmain', which is no column; there are 41, such as domain",
        ),
        (["--where", "k"], "--where is 'k'; give a column"),
        (["--sort", "-speed"], "--sort names 'speed'"),
        (["--limit", "-1"], "-1 is below 0"),
        (["--export", "x.xlsx"], "'.xlsx' is no format"),
        (["--merge", "x.jsonl", "--where", "k=4"], "--merge keeps every cell"),
        (["--merge", "x.jsonl", "--export", "x.csv"], "give it without --export"),
    ],
)
def test_what_is_wrong_is_one_line_and_writes_nothing(specdec, sweep: Path, asked, said, monkeypatch) -> None:
    monkeypatch.chdir(sweep)
    shown = specdec("results", sweep, *asked)
    assert shown.code == 2 and shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith("error: ") and said in line
    assert [path.name for path in sweep.iterdir()] == ["results.jsonl"]


def test_what_is_not_there_is_one_line(specdec, tmp_path: Path) -> None:
    shown = specdec("results", tmp_path / "none.jsonl")
    assert shown.code == 2 and "none.jsonl is not there; name a results file" in shown.err
    assert specdec("results").code == 2
