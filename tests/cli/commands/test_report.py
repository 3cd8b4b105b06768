"""``specdec report``: a page, three sentences, rows as JSON, and a line for everything that can go wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_cells import made_cell, made_sweep


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return written(tmp_path / "sweep", made_sweep(ks=(2, 4), temperatures=(0.0,)))


def written(folder: Path, cells) -> Path:
    folder.mkdir()
    (folder / "results.jsonl").write_text("".join(json.dumps(cell.line) + "\n" for cell in cells))
    return folder


def test_a_folder_gets_its_page_and_the_terminal_three_sentences(specdec, sweep: Path) -> None:
    done = specdec("report", sweep)
    assert done.code == 0 and done.err == ""
    page = sweep / "report.html"
    assert page.read_bytes().startswith(b"<!doctype html>") and b"Sweep made" in page.read_bytes()
    assert page.name in done.out.replace("\n", "") and done.out.count("•") == 3
    assert [path.name for path in sweep.iterdir() if path.name.startswith(".")] == []


def test_json_holds_the_rows_and_the_sentences(specdec, sweep: Path, tmp_path: Path) -> None:
    done = specdec("report", sweep / "results.jsonl", "--output", tmp_path / "deep" / "page.html", "--json")
    told = done.document
    assert (tmp_path / "deep" / "page.html").is_file() and told["output"].endswith("page.html")
    assert len(told["findings"]) == 3 and told["comparison"] is None and told["problems"] == []
    assert len(told["tables"]["speedups"]) == 2 * 4 and told["tables"]["setups"][0]["num_cells"] == 6


def test_two_files_are_compared(specdec, sweep: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other", [made_cell(4), made_cell(8)])
    told = specdec("report", sweep, other, "--json").document
    assert len(told["comparison"]["rows"]) == 1 and told["comparison"]["only_b"] == ["code, T = 0, K = 8"]
    assert "B gives" in told["findings"][0]
    page = (sweep / "report.html").read_text()
    assert "compared with another" in page and str(other / "results.jsonl") in page


def test_torn_lines_are_named_and_the_others_used(specdec, sweep: Path) -> None:
    with (sweep / "results.jsonl").open("a") as file:
        file.write('{"schema": 1, "kind": "ce')
    done = specdec("report", sweep)
    assert done.code == 0 and "results.jsonl:7" in done.err and "not JSON" in done.err
    assert "since no record: 1 line of" in (sweep / "report.html").read_text()


@pytest.mark.parametrize("content", ["", "{torn\n", '{"schema": 1, "kind": "run"}\n'])
def test_nothing_to_show_is_one_line_and_no_page(specdec, tmp_path: Path, content: str) -> None:
    (tmp_path / "results.jsonl").write_text(content)
    done = specdec("report", tmp_path)
    last = done.err.splitlines()[-1]
    assert (
        done.code == 2 and done.out == "" and last.startswith("error: report: ") and "specdec sweep" in last
    )
    assert not (tmp_path / "report.html").exists()


def test_records_of_another_kind_are_told_with_who_reads_them(specdec, tmp_path: Path) -> None:
    done = specdec(
        "report", Path(__file__).parents[3] / "data" / "results" / "pocket.jsonl", "-o", tmp_path / "x.html"
    )
    assert (
        done.code == 2 and done.err.count("\n") == 1 and "of kind run" in done.err and "explain" in done.err
    )


def test_what_is_not_there_is_one_line(specdec, tmp_path: Path, sweep: Path) -> None:
    for arguments in ([tmp_path / "nowhere"], [sweep, tmp_path / "nowhere"], [tmp_path]):
        done = specdec("report", *arguments)
        assert done.code == 2 and done.err.startswith("error: ") and done.err.count("\n") == 1


def test_the_results_are_never_written_over(specdec, sweep: Path) -> None:
    before = (sweep / "results.jsonl").read_bytes()
    done = specdec("report", sweep, "--output", sweep / "results.jsonl")
    assert done.code == 2 and "results file itself" in done.err
    assert (sweep / "results.jsonl").read_bytes() == before


def test_a_page_that_cannot_be_written_leaves_what_was_there(specdec, sweep: Path) -> None:
    done = specdec("report", sweep, "--output", sweep)
    assert done.code == 2 and "it is a folder" in done.err and done.err.count("\n") == 1
    assert sorted(path.name for path in sweep.iterdir()) == ["results.jsonl"]


def test_the_settings_that_lie_beside_the_results_are_on_the_page(specdec, sweep: Path) -> None:
    settings = {"name": "made", "pairs": ["<b>pocket"], "draft_lengths": [2, 4]}
    (sweep / "sweep.json").write_text(json.dumps({"name": "made", "settings": settings, "cells": []}))
    assert specdec("report", sweep).code == 0
    page = (sweep / "report.html").read_text()
    assert "pairs:\n- &#x27;&lt;b&gt;pocket&#x27;" in page or "pairs:\n- &lt;b&gt;pocket" in page
    (sweep / "sweep.json").write_text("{torn")
    assert specdec("report", sweep).code == 0
    assert "draft_lengths:" not in (sweep / "report.html").read_text()
