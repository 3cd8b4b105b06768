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
from specdec_lib.cli.views import sentences as words
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


def test_engines_are_looked_for_before_anything_is_loaded(specdec, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(measuring, "measure_peers", lambda order: pytest.fail("nothing is to be measured"))
    asked = ["bench", "--peers", "--in-process", *TINY, "-o", tmp_path / "r.jsonl"]
    missing = specdec(*asked, "--engines", "llama.cpp", "--engines-folder", tmp_path)
    assert missing.code == 2 and missing.out == "" and missing.err.count("\n") == 1
    assert "make peers" in missing.err and "llama-server" in missing.err
    unknown = specdec(*asked, "--engines", "http://127.0.0.1:1,llama.ccp")
    assert unknown.code == 2 and "did you mean llama.cpp?" in unknown.err
    alone = specdec("bench", *TINY, "-o", tmp_path / "r.jsonl", "--engines", "llama.cpp")
    assert alone.code == 2 and "--peers too" in alone.err
    assert not (tmp_path / "r.jsonl").exists()


def test_engines_come_to_what_measures_and_to_its_notebook(specdec, results, tmp_path, monkeypatch) -> None:
    orders, seen = [], {}

    def measured(order) -> None:
        orders.append(order)
        order.output.write_bytes(results.read_bytes())

    def run_benchmark(output_path, *, notebook, stream, **parameters) -> None:
        execute.check_parameters(notebook, parameters)
        seen.update(parameters)
        Path(output_path).write_bytes(results.read_bytes())

    monkeypatch.setattr(measuring, "measure_peers", measured)
    monkeypatch.setattr(execute, "run_benchmark", run_benchmark)
    urls = ["one=http://127.0.0.1:1", "http://127.0.0.1:2"]
    asked = ["bench", "--peers", *TINY, "-o", tmp_path / "r.jsonl", "--engines-folder", tmp_path]
    asked += ["--engines", urls[0], "--engines", urls[1]]
    assert specdec(*asked, "--in-process").code == specdec(*asked).code == 0
    assert [engine.name for engine in orders[0].engines] == ["one", "127.0.0.1:2"]
    assert orders[0].engines_folder == tmp_path
    assert (seen["engines"], seen["engines_folder"]) == (urls, str(tmp_path))


def test_engines_stand_in_the_same_table_with_what_they_are(specdec, tmp_path) -> None:
    path, same = tmp_path / "engines.jsonl", {"first_difference": -1, "reference": "hf-generate"}
    for record in comparison(temperatures=(0.0,)):
        append_record(path, record)
    options = {"version": "11434.0.0", "weights": "f32", "cache": "f32", "threads": 1}
    for name, k, seconds in (("llama.cpp", 0, 0.25), ("llama.cpp-K4", 4, 0.125)):
        told = {"library": "llama.cpp", "method": "speculative" if k else "autoregressive", "k": k}
        append_record(path, arm("hf-generate", **told, options=options) | {"decoder": name})
        for prompt in range(2):
            made = run("hf-generate", prompt, seconds * (1 + prompt), **same)
            append_record(path, made | {"decoder": name, "engine": "llama.cpp"})
        cut = run("hf-generate", 2, seconds, ids=[1, 2]) | {"decoder": name, "engine": "llama.cpp"}
        append_record(path, cut)
    shown = specdec("bench", "--peers", "--show", path)
    rows = {line.split()[0]: line.split()[1:] for line in shown.out.splitlines() if " 2/2" in line}
    assert rows["llama.cpp"][0] == "26.7" and rows["llama.cpp"][-2] == "0.80"
    assert rows["llama.cpp-K4"][-2] == "1.60" and "★" in rows["llama.cpp-K4"]
    said = " ".join(shown.out.split())
    facts = "llama.cpp, version 11434.0.0, weights f32, cache f32, threads 1"
    assert "compiling took 30 s of hf-static-compiled, " in said
    assert (
        f"llama.cpp, llama.cpp-K4: {facts}" in said
        and words.texts_cut(1, ["llama.cpp", "llama.cpp-K4"]) in said
    )
    assert "best engine with a draft" in said
    assert max(map(len, shown.out.replace(str(path), "FILE").splitlines())) <= 80
    document = specdec("bench", "--peers", "--show", path, "--json").document
    plain = {row["arm"]: row["ratio"] for row in document["over_plain"]}
    assert plain["llama.cpp"] == pytest.approx(1) and plain["llama.cpp-K4"] == pytest.approx(2)
    assert document["facts"]["llama.cpp"] == {"library": "llama.cpp", **options}


def test_help_names_both_switches(specdec) -> None:
    shown = specdec("bench", "--help")
    assert "--peers" in shown.out and "--no-compile" in shown.out


def test_a_corrupt_line_costs_itself(specdec, results: Path, tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(b'{"torn\n' + results.read_bytes())
    shown = specdec("bench", "--peers", "--show", path, "--json")
    assert shown.code == 2 and json.loads(shown.out)["runs"] == 6
    assert shown.err.startswith(f"warning: {path}:1: not JSON")
