"""``specdec explain``: what stands on the screen and in the document, and every way to get it wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from specdec_lib.bench.explain import sentences
from specdec_lib.utils.paths import data_path
from tests.bench.sessions import costs, profiled, timed
from tests.written_sweeps import small_cell, write_cells

SESSION = [
    *timed(k=2, accepted=1),
    *timed(k=4, accepted=2),
    *timed(k=2, accepted=1, temperature=0.8),
    profiled(2, 1, temperature=0.8),
    profiled(0, 0),
    profiled(2, 1),
    profiled(4, 2),
    costs((2, 4)),
]


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    """A line each; baselines that several K have in common stand there once."""
    path.write_text("".join(dict.fromkeys(json.dumps(dict(record)) + "\n" for record in records)))
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write(tmp_path / "r.jsonl", SESSION)


def flat(shown: str) -> str:
    """The text without the line breaks of a terminal."""
    return " ".join(shown.split())


def best_of(group: dict[str, Any]) -> dict[str, Any]:
    """The cell of a group that is explained in words."""
    return max(group["cells"], key=lambda cell: cell["measured"])


# -- what is shown ---------------------------------------------------------------------------------


def test_tables_and_sentences_at_80_columns(specdec, results: Path) -> None:
    shown = specdec("explain", results)
    assert shown.code == 0 and shown.err == ""
    assert "pocket at temperature 0, code" in shown.out and "pocket at temperature 0.8, code" in shown.out
    assert "Where it goes at K = 4" in shown.out and shown.out.count("★") == 2
    said = flat(shown.out)
    document = specdec("explain", results, "--json").document
    groups = document["groups"]
    told = [one for group in groups for one in best_of(group)["advice"] + group["outlook"]["advice"]]
    assert len(told) > 8 and all(f"• {advice['sentence']}" in said for advice in told)
    assert document["notes"] == [sentences.NO_BASELINE, sentences.interpolated([2, 4])]
    assert all(note in said for note in document["notes"])
    assert "α: share of judged draft tokens that were accepted" in said
    assert max(map(len, shown.out.replace(str(results), "FILE").splitlines())) <= 80


def test_the_verdict_comes_before_the_levers(specdec, results: Path) -> None:
    said = flat(specdec("explain", results, "-t", 0).out)
    [group] = specdec("explain", results, "-t", 0, "--json").document["groups"]
    verdict, *levers = best_of(group)["advice"]
    assert verdict["key"] == "explained" and {"draft", "overhead"} <= {lever["key"] for lever in levers}
    order = [verdict, *group["outlook"]["advice"], *levers]
    assert sorted(order, key=lambda advice: said.index(advice["sentence"])) == order


def test_filters(specdec, results: Path) -> None:
    shown = specdec("explain", results, "-t", 0, "-k", 2, "--domain", "code", "--reach", 1.5)
    assert "at temperature 0, code" in shown.out and "0.8, code" not in shown.out
    assert "Where it goes at K = 2" in shown.out and "1.50×" in flat(shown.out)


def test_json_is_one_document_with_every_number(specdec, results: Path) -> None:
    document = specdec("explain", results, "--json").document
    assert document["results"] == str(results) and document["pair"] == "pocket" and document["problems"] == []
    group = document["groups"][0]
    assert (group["temperature"], group["domain"]) == (0.0, "code")
    assert [cell["k"] for cell in group["cells"]] == [2, 4]
    assert [row["k"] for row in group["outlook"]["curve"]] == [1, 2, 3, 4]
    cell = group["cells"][1]
    total = cell["terms"][0]["speedup"] + sum(term["change"] for term in cell["terms"][1:])
    assert total == pytest.approx(cell["measured"]) == pytest.approx(1.1 * 3 / 1.8)
    assert {"key", "sentence", "numbers", "gain"} == set(cell["advice"][0])


def test_what_is_unexplained_is_marked(specdec, tmp_path: Path) -> None:
    """The same rounds against single forwards that were timed twice as slow for the draft."""
    slow = costs((2, 4))
    slow["costs"]["forwards"][0]["seconds"] = [0.004]
    path = write(tmp_path / "slow.jsonl", [*SESSION[:-1], slow])
    shown = specdec("explain", path, "-t", 0)
    assert shown.code == 0 and " % !" in shown.out
    [group] = specdec("explain", path, "-t", 0, "--json").document["groups"]
    keys = [advice["key"] for advice in best_of(group)["advice"]]
    assert keys[0] == "unexplained" and "check_draft" in keys


def test_without_a_profile_it_says_what_cannot_be_told(specdec, tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", [*timed(), costs()])
    shown = specdec("explain", path)
    assert shown.code == 0 and shown.err == ""
    assert sentences.NO_PROFILE.format(ks=4) in flat(shown.out)
    [group] = specdec("explain", path, "--json").document["groups"]
    keys = {advice["key"] for advice in best_of(group)["advice"]}
    assert {"inseparable", "draft"} <= keys and "overhead" not in keys


# -- which file ------------------------------------------------------------------------------------


def test_what_was_measured_here_comes_first(specdec, results: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    results.rename(tmp_path / "runs" / "mine.jsonl")
    shown = specdec("explain", "--pair", "mine", "--json")
    assert shown.document["results"] == str(Path("runs", "mine.jsonl"))


def test_a_pair_of_ones_own_is_found_as_bench_names_it(specdec, own, results, tmp_path, monkeypatch) -> None:
    """The file is looked for where ``bench`` writes it; the models themselves need not be there."""
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    seen: list[Any] = []
    monkeypatch.setattr("specdec_lib.cli.selection.Selection.check", lambda selection: None)
    monkeypatch.setattr("specdec_lib.cli.measuring._check_output", lambda path: seen.append(path) or 1 / 0)
    for arguments in (
        own,
        [*own[:2], "--drafter", "mine:Lookup"],
        ["--drafter", "mine:Lookup"],
        ["--draft", "lookup:n=2-3"],
        [*own[:2], "--draft", f"suffix > {own[3]}@bfloat16"],
        ["--target", "org/big", "--draft", "org/small"],
    ):
        with suppress(ZeroDivisionError):
            specdec("bench", *arguments, "-n", "4")
        path = seen[-1]
        assert path.parent == Path("runs")
        path.write_bytes(results.read_bytes())
        shown = specdec("explain", *arguments, "-t", 0, "--json")
        assert shown.code == 0 and shown.document["results"] == str(path)
        path.unlink()


def test_the_embedded_pair_is_recorded(specdec, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = specdec("explain", "--json").document
    home = data_path().parent
    assert document["pair"] == "pocket"
    assert Path(document["results"]) in (home / "runs" / "pocket.jsonl", data_path("results", "pocket.jsonl"))


def test_the_recorded_session_is_explained_whole(specdec) -> None:
    document = specdec("explain", data_path("results", "pocket.jsonl"), "--json").document
    assert not any("left out" in note or "no profile" in note for note in document["notes"])
    for cell in (cell for group in document["groups"] for cell in group["cells"]):
        total = cell["terms"][0]["speedup"] + sum(term["change"] for term in cell["terms"][1:])
        assert total == pytest.approx(cell["measured"], rel=1e-12)


def test_a_benchmark_in_progress_is_named_and_the_next_file_is_read(
    specdec, tmp_path: Path, monkeypatch
) -> None:
    """Runs without costs and phases, and costs without runs: neither explains anything."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    for records, said in ((timed(), "neither single forwards nor"), ([costs()], "holds no timed run")):
        write(tmp_path / "runs" / "pocket.jsonl", records)
        shown = specdec("explain", "--json")
        source = shown.document["results"]
        assert shown.code == 0 and Path(source) != Path("runs", "pocket.jsonl")
        assert shown.err.startswith("warning: runs/pocket.jsonl") and shown.err.count("\n") == 1
        assert said in shown.err and f"reading {source} instead" in shown.err


def test_where_no_other_file_is_the_error_names_the_one(specdec, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    write(tmp_path / "runs" / "mine.jsonl", timed())
    shown = specdec("explain", "--pair", "mine")
    assert shown.code == 2 and shown.err.startswith("error: runs/mine.jsonl: neither single forwards nor")


def test_a_session_of_several_machines_is_called_so(specdec, tmp_path: Path) -> None:
    """It has timed runs: that they do not pair is what is wrong with it."""
    shown = specdec(
        "explain", write(tmp_path / "r.jsonl", [SESSION[0] | {"environment": {"threads": 9}}, *SESSION[1:]])
    )
    assert shown.code == 2 and "was measured on several machines (threads 9" in shown.err
    assert "no timed run" not in shown.err and str(tmp_path / "r.jsonl") in shown.err


def test_of_one_draft_length_nothing_is_said_to_lie_between(specdec, tmp_path: Path) -> None:
    records = [*timed(), costs(), profiled(0, 0), profiled(4, 2)]
    one = specdec("explain", write(tmp_path / "one.jsonl", records))
    assert sentences.interpolated([4]) in flat(one.out)
    many = specdec("explain", write(tmp_path / "many.jsonl", SESSION))
    assert sentences.interpolated([2, 4]) in flat(many.out)


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["/no/such/file"], "/no/such/file: No such file or directory"),
        (["/"], "Is a directory"),
        (["--pair", "nobody"], "Unknown pair 'nobody'. Available pairs: pocket,"),
        (["--pair", "gpt2_dev"], "no results of 'gpt2_dev' in runs/gpt2_dev.jsonl; measure first with"),
        (["--pair", "b+a"], "no results of 'b+a' in runs/b+a.jsonl; measure first with"),
        (["a.jsonl", "--pair", "pocket"], "give one of the two"),
        (["a.jsonl", "--target", "a", "--draft", "b"], "--target chooses a results file, and RESULT is one"),
        (["--target", "a"], "--target needs a --draft, a --drafter class"),
        (["--draft", "b"], "--draft needs a --target"),
        (["--pair", "pocket", "--target", "a", "--draft", "b"], "not both"),
        (["--target", "a", "--draft", "b"], "no results of 'b+a' in runs/b+a.jsonl; measure first with"),
        (["a.jsonl", "--k", "many"], "--k"),
    ],
)
def test_bad_input_is_one_error_line_and_code_2(specdec, tmp_path, monkeypatch, arguments, said) -> None:
    monkeypatch.chdir(tmp_path)
    shown = specdec("explain", *arguments)
    assert shown.code == 2 and shown.out == ""
    assert shown.err.startswith("error: ") and shown.err.count("\n") == 1 and said in shown.err


@pytest.mark.parametrize(
    "records, said",
    [
        ([], "holds no timed run; measure with `specdec bench`"),
        ([costs()], "holds no timed run"),
        (timed(), "neither single forwards nor profiled rounds were measured"),
        ([*timed(), costs(()), profiled(0, 0)], "the forward of 5 tokens was not timed"),
        ([one for one in timed() if one["config"]["K"]], "neither single forwards nor profiled"),
        ([one for one in timed() if not one["config"]["K"]], "no speculative run"),
    ],
)
def test_a_file_that_explains_nothing_says_why_in_one_line(specdec, tmp_path, records, said) -> None:
    shown = specdec("explain", write(tmp_path / "r.jsonl", records))
    assert shown.code == 2 and shown.out == ""
    assert shown.err.startswith("error: ") and shown.err.count("\n") == 1 and said in shown.err


@pytest.mark.parametrize(
    "option", [("-t", 0.5), ("-t", "nan"), ("-k", 3), ("--domain", "all\x1b[31m"), ("--reach", 0)]
)
def test_a_filter_that_nothing_passes(specdec, results: Path, option) -> None:
    shown = specdec("explain", results, *option)
    assert shown.code == 2 and shown.out == "" and shown.err.count("\n") == 1 and "\x1b" not in shown.err


def test_corrupt_lines_are_named_and_the_good_ones_explained(specdec, results: Path) -> None:
    results.write_bytes(b'{"torn\n' + results.read_bytes() + b"\xff\n")
    shown = specdec("explain", results)
    assert shown.code == 2 and "Nothing is unexplained" in shown.out
    *warnings, error = shown.err.splitlines()
    assert len(warnings) == 2 and f"{results}:1: not JSON" in warnings[0] and "not UTF-8" in warnings[1]
    assert (
        error.startswith("error: ") and "2 of its lines named above; the good records are explained" in error
    )
    assert len(specdec("explain", results, "--json").document["problems"]) == 2


def test_nothing_but_corrupt_lines(specdec, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("not a record\n")
    shown = specdec("explain", path)
    warning, error = shown.err.splitlines()
    assert shown.code == 2 and warning.startswith(f"warning: {path}:1: not JSON") and "no timed run" in error


def test_names_in_the_file_move_nothing_on_the_terminal(specdec, tmp_path: Path) -> None:
    lines = write(tmp_path / "r.jsonl", SESSION).read_text()
    path = tmp_path / "r.jsonl"
    path.write_text(lines.replace('"session": "one"', '"session": "[red]\\u001b[31m"'))
    shown = specdec("explain", path)
    assert shown.code == 0 and "\x1b" not in shown.out and "[red]␛[31m" in flat(shown.out)


def test_a_sweep_is_pointed_to_its_report_and_its_cells(specdec, tmp_path: Path) -> None:
    results = write_cells(tmp_path / "sweep" / "results.jsonl", [small_cell()])
    (results.parent / "cells").mkdir()
    for asked in (results.parent, results):
        shown = specdec("explain", asked)
        (line,) = shown.err.splitlines()
        assert shown.code == 2 and line.startswith(f"error: {asked} holds the cells of a sweep")
        assert f"`specdec report {asked}`" in line and f"{Path('cells', 'KEY', 'runs.jsonl')}" in line


def test_a_sweep_without_results_is_told_of_and_another_folder_is_none(specdec, tmp_path: Path) -> None:
    assert "Is a directory" in specdec("explain", tmp_path).err
    (tmp_path / "sweep.json").write_text("{}")
    assert f"no cell of the sweep in {tmp_path} is done" in specdec("explain", tmp_path).err
