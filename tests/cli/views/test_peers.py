"""``specdec bench --peers``: one tiny comparison, what is said of it, and the ways to get it wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from specdec_lib.bench.notebook import execute
from specdec_lib.bench.records.appending import append_record
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.tables.peers import RATIOS
from specdec_lib.cli import measuring, sentences
from tests.bench.comparisons import ARMS, arm, comparison, run

TINY = ["--domains", "code", "-t", "0", "-n", "3", "--prompts", "1", "--repeats", "1", "--device", "cpu"]
NAMES = ["hf-generate", "hf-assisted", "hf-assisted-K2", "hf-lookup", "ours-AR", "ours-K2"]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A results file of one comparison, measured in this process by the tiniest grid."""
    from specdec_lib.cli import main

    path = tmp_path_factory.mktemp("peers") / "tiny.jsonl"
    arguments = ["bench", "--peers", "--no-compile", "--in-process", "-k", "2", *TINY, "-o", str(path)]
    assert main(arguments) == 0
    return path


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A comparison made by arithmetic, with a refused arm, a tie and a graph that came late."""
    path = tmp_path / "written.jsonl"
    tie = {"first_difference": 5, "reference": "hf-generate", "logit_gap": 0.25, "tied": True}
    for record in comparison():
        append_record(path, record)
    append_record(path, arm("hf-static-compiled", refused="InvalidCxxCompiler: no\x1b[31m compiler"))
    append_record(path, run("ours-K4", 2, **tie))
    append_record(path, run("ours-AR-compiled", 2, new_graphs=1))
    return path


def test_a_comparison_appends_its_arms_and_runs(results: Path) -> None:
    records, problems = read_records(results)
    assert problems == [] and [r["decoder"] for r in records if r["kind"] == "arm"] == NAMES
    assert [r["kind"] for r in records].count("peer") == len(NAMES)


def test_a_finished_comparison_is_resumed_without_running_anything(specdec, results, tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(results.read_bytes())
    switches = ["--peers", "--resume", "--no-compile", "--in-process", "-k", "2"]
    shown = specdec("bench", *switches, *TINY, "-o", path, "--json")
    assert shown.code == 0 and "6 runs are recorded already, no block is left" in shown.err
    assert path.read_bytes() == results.read_bytes() and shown.document["runs"] == 6


def test_show_prints_arms_and_ratios_at_80_columns(specdec, results: Path) -> None:
    shown = specdec("bench", "--peers", "--show", results)
    assert shown.code == 0 and shown.err == ""
    assert "pocket at temperature 0" in shown.out and shown.out.count("★") == 2
    assert all(name in shown.out for name in NAMES)
    assert sentences.ids_that_agree(5, 5) in shown.out
    assert max(map(len, shown.out.replace(str(results), "FILE").splitlines())) <= 80


def test_show_as_json(specdec, results: Path) -> None:
    summary = specdec("bench", "--peers", "--show", results, "--json").document
    assert (summary["pair"], summary["runs"], summary["problems"]) == ("pocket", 6, [])
    assert [row["arm"] for row in summary["arms"]] == NAMES
    assert [row["name"] for row in summary["ratios"]] == list(RATIOS)
    first, *_, last = summary["arms"]
    assert first["ratio"] == 1
    assert last["ratio"] == pytest.approx(last["tokens_per_second"] / first["tokens_per_second"])
    assert summary["identity"] == {"compared": 5, "identical": 5, "differing": []}


def test_what_is_odd_is_said_below_the_tables(specdec, written: Path) -> None:
    shown = specdec("bench", "--peers", "--show", written)
    assert (
        shown.code == 0 and "refused: hf-static-compiled: InvalidCxxCompiler: no␛[31m compiler" in shown.out
    )
    assert sentences.compiled_in_the_clock(1, "ours-AR-compiled") in shown.out
    said = " ".join(shown.out.split())
    names, place = "ours-K4 differs from hf-generate", "on code_002 from token 5 on"
    assert sentences.ids_that_differ(names, place, logit_gap=0.25, tied=True) in said
    assert "hf-static-compiled was refused" in said
    assert "pocket at temperature 0 " in shown.out and "pocket at temperature 0.8 " in shown.out


def test_a_comparison_that_names_no_threads_is_said_to_have_none(specdec, tmp_path: Path) -> None:
    path = tmp_path / "foreign.jsonl"
    for record in comparison():
        append_record(path, record | {"environment": {}})
    shown = specdec("bench", "--peers", "--show", path)
    assert "of tiny (float32, cpu) in " in " ".join(shown.out.split())
    assert specdec("bench", "--peers", "--show", path, "--json").document["threads"] is None


def test_a_named_pair_goes_through_its_notebook_with_parameters_it_has(
    specdec, results: Path, tmp_path: Path, monkeypatch
) -> None:
    seen = {}

    def run_benchmark(output_path, *, notebook, stream, **parameters) -> None:
        execute.check_parameters(notebook, parameters)
        seen.update(parameters, notebook=notebook)
        Path(output_path).write_bytes(results.read_bytes())

    monkeypatch.setattr(execute, "run_benchmark", run_benchmark)
    path = tmp_path / "r.jsonl"
    shown = specdec(
        "bench", "--peers", "--no-compile", "-k", "2", *TINY, "-o", path, "--threads", 1, "--resume", "--json"
    )
    assert shown.code == 0 and shown.document["runs"] == 6
    assert seen["notebook"] == execute.PEERS_NOTEBOOK
    assert (seen["compile"], seen["k_values"], seen["threads"], seen["device"]) == (False, [2], 1, "cpu")
    assert seen["resume"] is True and "decoders" not in seen and "profile" not in seen


def test_compiled_arms_are_in_unless_they_are_not_wanted(specdec, results, tmp_path, monkeypatch) -> None:
    wanted = []

    def measured(order) -> None:
        wanted.append(order.compile)
        order.output.write_bytes(results.read_bytes())

    monkeypatch.setattr(measuring, "measure_peers", measured)
    for switch in ([], ["--compile"], ["--no-compile"]):
        arguments = ["bench", "--peers", "--in-process", *switch, *TINY, "-o", tmp_path / "r.jsonl"]
        assert specdec(*arguments).code == 0
    assert wanted == [True, True, False]


def test_the_default_file_is_one_of_its_own(specdec, results, tmp_path, monkeypatch) -> None:
    outputs = []

    def measured(order) -> None:
        outputs.append(order.output)
        order.output.write_bytes(results.read_bytes())

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measuring, "measure_peers", measured)
    assert specdec("bench", "--peers", "--in-process", *TINY).code == 0
    assert outputs == [Path("runs/pocket-peers.jsonl")]


def test_a_file_without_a_comparison(specdec, tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text("")
    shown = specdec("bench", "--peers", "--show", path)
    assert shown.code == 2 and "measure one with `specdec bench --peers`" in shown.err


def test_a_comparison_of_which_no_arm_ran(specdec, tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    for name in ARMS:
        append_record(path, arm(name, refused="RuntimeError: no"))
    shown = specdec("bench", "--peers", "--show", path)
    assert shown.code == 0 and shown.out.startswith("No arm of the comparison was timed.")
    assert shown.out.count("refused: ") == len(ARMS)
    document = specdec("bench", "--peers", "--show", path, "--json").document
    assert document["arms"] == document["ratios"] == [] and len(document["refused"]) == len(ARMS)


def test_help_names_both_switches(specdec) -> None:
    shown = specdec("bench", "--help")
    assert "--peers" in shown.out and "--no-compile" in shown.out


def test_a_corrupt_line_costs_itself(specdec, results: Path, tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(b'{"torn\n' + results.read_bytes())
    shown = specdec("bench", "--peers", "--show", path, "--json")
    assert shown.code == 2 and json.loads(shown.out)["runs"] == 6
    assert shown.err.startswith(f"warning: {path}:1: not JSON")
