"""``specdec bench``: one tiny measurement, what is said of it, and every way to get it wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import pytest
import torch
from papermill import PapermillExecutionError
from transformers import AutoModelForCausalLM

from specdec_lib.bench.measure.benchmark import Benchmark
from specdec_lib.bench.measure.subjects import load_subject
from specdec_lib.bench.notebook import execute
from specdec_lib.bench.records.reading import read_records
from specdec_lib.cli import measuring
from specdec_lib.cli.commands import bench
from specdec_lib.cli.measuring import has_notebook
from specdec_lib.cli.options import ModelOptions
from specdec_lib.cli.selection import selection_of
from specdec_lib.errors import RecordError, UnsoundLogits
from specdec_lib.models.hub import HubAnswer

TINY = ["--domains", "code", "-t", "0", "-n", "5", "--prompts", "2", "--repeats", "1", "--device", "cpu"]


@pytest.fixture(scope="session")
def results(tmp_path_factory) -> Path:
    """A results file of one session, made in this process by the tiniest grid."""
    from specdec_lib.cli import main

    path = tmp_path_factory.mktemp("runs") / "new" / "tiny.jsonl"
    assert main(["bench", "--in-process", "-k", "1,2", *TINY, "-o", str(path), "--json"]) == 0
    return path


def test_a_measurement_appends_records_of_each_kind(results: Path) -> None:
    records, problems = read_records(results)
    assert problems == [] and [r["kind"] for r in records].count("run") == 2 * 3
    assert {r["kind"] for r in records} == {"run", "costs", "profile"}
    assert {r["config"]["model_pair_name"] for r in records if r["kind"] == "run"} == {"pocket"}


def test_show_prints_the_table_at_80_columns(specdec, results: Path) -> None:
    shown = specdec("bench", "--show", results)
    assert shown.code == 0 and shown.err == ""
    assert "pocket at temperature 0" in shown.out and shown.out.count("★") == 2
    assert "exact: 4 of 4 speculative runs" in shown.out
    assert "accepted ÷ drafted counts them" in " ".join(shown.out.split())
    assert max(map(len, shown.out.replace(str(results), "FILE").splitlines())) <= 80


def test_show_as_json(specdec, results: Path) -> None:
    summary = specdec("bench", "--show", results, "--json").document
    assert summary["pair"] == "pocket" and summary["runs"] == 6 and summary["problems"] == []
    assert [row["k"] for row in summary["cells"]] == [1, 2]
    row = summary["cells"][0]
    ratio = row["sd_tokens_per_second"] / row["ar_tokens_per_second"]
    assert row["speedup"] == pytest.approx(ratio) and 0 <= row["alpha_hat"] <= 1
    assert [row["decoder"] for row in summary["latency"]] == ["AR", "SD-K1", "SD-K2"]


def test_progress_and_results_do_not_mix(specdec, results: Path, tmp_path: Path, monkeypatch) -> None:
    """Standard output holds the document alone, also while something is measured."""
    content = results.read_bytes()

    def measured(self) -> list:
        self.report("half of it")
        self.output_path.write_bytes(content)
        return []

    monkeypatch.setattr(Benchmark, "warm_up", lambda self: None)
    monkeypatch.setattr(Benchmark, "measure", measured)
    shown = specdec("bench", "--in-process", "--no-profile", *TINY, "-o", tmp_path / "r.jsonl", "--json")
    assert shown.code == 0 and shown.document["runs"] == 6
    assert "measuring 10 runs of 5 tokens" in shown.err and "[bench] half of it" in shown.err


def test_resuming_runs_nothing_twice(specdec, results: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"".join(line for line in results.read_bytes().splitlines(True)[:3]))  # one block of two
    options = ("--in-process", "-k", "1,2", *TINY, "-o", path, "--no-profile", "--resume", "--json")
    shown = specdec("bench", *options)
    assert shown.code == 0 and "3 runs are recorded already, 3 are left" in shown.err
    assert shown.document["runs"] == 6
    assert len(read_records(path)[0]) == 6
    assert specdec("bench", *options).code == 0 and len(read_records(path)[0]) == 6


MINE = """
from types import SimpleNamespace
import torch
from specdec_lib.decoding.drafters.base import Proposal

class Repeat:
    \"\"\"Drafts the last token again.\"\"\"
    context_length, name = None, "repeat"

    def __init__(self, target):
        self.vocab_size = target.vocab_size

    def start(self, prompt_ids, end=0):
        return self

    def propose(self, context_ids, k, params, generator):
        ids = torch.tensor([context_ids[-1]] * k)
        return Proposal(ids, torch.nn.functional.one_hot(ids, self.vocab_size).float())

    def roll_back(self, keep_length):
        pass
"""


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """A stranger's file of prompts: two domains, one id, a prompt that leaves no room in a context of 64."""
    rows = [
        {"prompt": "the cat", "id": "first"},
        {"text": "a dog sat", "domain": "dogs & co"},
        {"text": "x" * 62},
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("\ufeff" + "".join(json.dumps(row) + "\r\n" for row in rows))
    return path


def test_own_models_prompts_and_dtypes_go_through_the_notebook(
    specdec, own, questions, tmp_path: Path
) -> None:
    """For real, once: nothing but parameters reaches the kernel."""
    path, options = tmp_path / "own.jsonl", ("--prompts", questions, "--draft-dtype", "bfloat16")
    grid = ["-k", "2", "-t", "0", "-n", "5", "--repeats", "1", "--no-profile"]
    shown = specdec("bench", *own, *options, *grid, "-o", path, "--json")
    assert shown.code == 0, shown.err
    assert "1 of 2 prompts of questions leave no room for 5 new tokens and are left out" in shown.err
    records = [r for r in read_records(path)[0] if r["kind"] == "run"]
    assert {(r["prompt_id"], r["config"]["prompt_domain"]) for r in records} == {
        ("first", "questions"),
        ("dogs & co_000", "dogs & co"),
    }
    (pair,) = {r["config"]["model_pair_name"] for r in records}
    assert re.fullmatch(r"tiny-draft-[0-9a-f]{6}\+tiny-target-[0-9a-f]{6}", pair) and len(records) == 4
    assert [records[0]["models"][role]["dtype"] for role in ("target", "draft")] == ["float32", "bfloat16"]
    prompts = records[0]["prompts"]
    assert prompts == {"source": "questions.jsonl", "hash": ANY, "chat": False, "ids": ANY}
    assert set(prompts["ids"]) == {"questions", "dogs & co"} and len(set(prompts["ids"].values())) == 2
    [notebook] = tmp_path.glob("benchmark_pair-own-*.ipynb")
    shown = printed(notebook)
    assert "4 cells of a temperature, a domain and a K" in shown
    assert "\n4 timed runs of 5 tokens to measure\n" in shown
    assert re.search(r"^\d+ threads?\n", shown, re.MULTILINE) and "1 threads" not in shown
    table = shown[shown.index("T  domain") :].splitlines()
    assert table[0].split() == ["T", "domain", "K", "speedup", "95", "%", "interval"]
    assert len(table) == 2 + 3 and all(line.endswith("×    –") for line in table[2:])  # one prompt a domain
    assert len({line.index("×") for line in table[2:]}) == 1


def printed(notebook: Path) -> str:
    """Everything that the cells of a notebook wrote to standard output."""
    cells = json.loads(notebook.read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join("".join(one["text"]) for one in outputs if one.get("name") == "stdout")


CHATS = [
    {"prompt": "the cat"},
    {"messages": [{"role": "user", "content": "Why?"}], "domain": "chats"},
]


@pytest.mark.parametrize("command", ["bench", "verify"])
def test_a_chat_that_the_target_cannot_take_is_refused_before_anything_runs(
    specdec, own, tmp_path: Path, monkeypatch, command: str
) -> None:
    """Neither weights nor a notebook; one line with file, line and model, and no file of results."""
    path, target = tmp_path / "chats.jsonl", own[1]
    path.write_text("".join(json.dumps(row) + "\n" for row in CHATS))
    monkeypatch.setattr(execute, "run_benchmark", lambda *_, **__: pytest.fail("a notebook ran"))
    monkeypatch.setattr(
        "specdec_lib.cli.selection.Selection.load", lambda *_: pytest.fail("weights were read")
    )
    monkeypatch.chdir(tmp_path)
    given = [command, *own, "--prompts", path]
    shown = specdec(*given)
    assert shown.code == 2 and shown.out == "" and shown.err.count("\n") == 1
    for part in (f"error: {path}:2: the tokenizer has no chat template", target):
        assert part in shown.err
    assert not (tmp_path / "runs").exists()
    for more in ("--chat",), ("--chat", "--prompts", "3"):
        shown = specdec(command, *own, *more)
        assert shown.code == 2 and "no chat template" in shown.err and shown.err.count("\n") == 1


def test_chats_of_domains_that_are_not_run_are_not_looked_at(specdec, own, tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in CHATS))
    options = ("--in-process", "--no-profile", "-k", "2", "-t", "0", "-n", "4", "--repeats", "1", "--json")
    given = ("bench", *own, "--prompts", path, "-o", tmp_path / "r.jsonl", *options)
    assert specdec(*given, "--domains", "chats").code == 2
    assert specdec(*given).code == 2 and not (tmp_path / "r.jsonl").exists()
    assert specdec(*given, "--domains", path.stem).code == 0


@pytest.mark.parametrize("there_before", [False, True])
def test_a_failure_before_the_first_record_leaves_no_empty_file_or_folder(
    specdec, tmp_path: Path, monkeypatch, there_before: bool
) -> None:
    path = tmp_path / "new" / "runs" / "r.jsonl"
    if there_before:
        path.parent.mkdir(parents=True)
        path.touch()  # somebody's own: not for us to take away
    monkeypatch.setattr(Benchmark, "warm_up", lambda self: (_ for _ in ()).throw(RecordError("broken")))
    shown = specdec("bench", "--in-process", *TINY, "-k", "2", "-o", path)
    assert shown.code == 2 and shown.err.endswith("error: broken\n")
    assert path.exists() == (tmp_path / "new").exists() == there_before


@pytest.mark.parametrize("command", ["bench", "verify"])
def test_prompts_out_of_a_pipe_are_refused_by_each_command(
    specdec, own, tmp_path: Path, command: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    shown = specdec(command, *own, "--prompts", tmp_path / "pipe")
    assert shown.code == 2 and "is a pipe or a device" in shown.err and shown.err.count("\n") == 1


def test_a_drafter_of_ones_own_is_measured_with_its_phases(
    specdec, own, questions, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_to_bench.py").write_text(MINE)
    options = ("--drafter", "mine_to_bench:Repeat", "--in-process", "-k", "1,2", "--prompts", questions)
    shown = specdec("bench", *own[:2], *options, "-t", "0", "-n", 5, "--repeats", 1, "--json")
    assert shown.code == 0, shown.err
    (path,) = Path("runs").iterdir()
    assert re.fullmatch(r"mine_to_bench\.Repeat\+tiny-target-[0-9a-f]{6}\.jsonl", path.name)
    records, problems = read_records(path)
    assert problems == [] and {r["kind"] for r in records} == {"run", "costs", "profile"}
    draft = records[0]["models"]["draft"]
    assert draft["class"] == "mine_to_bench:Repeat" and len(draft["source_hash"]) == 12
    assert specdec("explain", path).code == 0


def test_the_drafters_name_is_one_everywhere(own, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_to_name.py").write_text(MINE)
    subject = load_subject(target=own[1], drafter="mine_to_name:Repeat", device="cpu")
    asked = ModelOptions(target=own[1], drafter="mine_to_name:Repeat")
    assert subject.name == selection_of(asked).pair.pair_name
    assert subject.draft.name == "repeat"
    assert str(subject) == f"{subject.target}\ndrafter 'repeat'"  # no address of an object
    assert str(replace(subject, draft=subject.target)) == f"{subject.target}\n{subject.target}"


def test_a_pair_of_ones_own_goes_to_the_notebook_as_it_was_asked_for(
    specdec, own, chatty, questions, results: Path, tmp_path: Path, monkeypatch
) -> None:
    """Drafter and chat included, for both notebooks: every name is a parameter that the notebook has."""
    seen = {}

    def run_benchmark(output_path, *, notebook, stream, **parameters) -> None:
        seen.update(execute.checked_parameters(notebook, parameters))
        _copy(results, output_path)

    monkeypatch.setattr(execute, "run_benchmark", run_benchmark)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_to_ask.py").write_text(MINE)
    more = ("--prompts", questions, "--num-prompts", 1, "--chat", "--drafter", "mine_to_ask:Repeat")
    assert specdec("bench", *chatty[:2], *more, "--domains", "dogs & co", "-o", "r.jsonl").code == 0
    assert (seen["target"], seen["draft"], seen["drafter"]) == (chatty[1], None, "mine_to_ask:Repeat")
    assert (seen["prompts"], seen["num_prompts"], seen["chat"]) == (str(questions), 1, True)
    assert seen["domains"] == ["dogs & co"]
    shown = specdec("bench", "--peers", *own, "--dtype", "float32", "-o", "p.jsonl")
    assert (seen["target"], seen["draft"], seen["dtype"]) == (own[1], own[3], "float32")
    assert shown.code == 2  # the copied results hold no comparison


def test_what_a_drafter_raises_in_the_notebook_ends_as_it_does_here(
    specdec, own, tmp_path: Path, monkeypatch
) -> None:
    """With the code and the line of `generate`; what is not its code's is the notebook's failure."""
    (tmp_path / "mine_that_fails.py").write_text(MINE)
    place = "\x1b[36mFile \x1b[39m\x1b[32m~/mine_that_fails.py:12\x1b[39m, in \x1b[36mRepeat.propose\x1b[39m"

    def failing(traceback: list[str], ename: str) -> None:
        cell = PapermillExecutionError(3, 2, "", ename, "division by zero", ["Traceback", *traceback])
        failed = execute.NotebookFailed("benchmark_pair.ipynb: it failed")
        failed.executed = tmp_path / "stopped.ipynb"
        raise failed from cell

    def shown(*failure):
        monkeypatch.setattr(execute, "run_benchmark", lambda *_, **__: failing(*failure))
        options = ("--drafter", "mine_that_fails:Repeat", "-o", tmp_path / "r.jsonl")
        return specdec("bench", *own[:2], *TINY, *options)

    monkeypatch.chdir(tmp_path)
    raised = shown([place], "ZeroDivisionError")
    line = f"ZeroDivisionError: division by zero ({tmp_path / 'mine_that_fails.py'}, line 12)"
    stopped = f"the notebook as it stopped is {tmp_path / 'stopped.ipynb'}"
    assert (raised.code, raised.err) == (1, f"error: the drafter raised {line}; {stopped}\n")
    for failure in (([], "ZeroDivisionError"), ([place], "InvalidArgument")):
        refused = shown(*failure)
        assert (refused.code, refused.err) == (2, "error: benchmark_pair.ipynb: it failed\n")


def _copy(source: Path, path: Path) -> None:
    path.write_bytes(source.read_bytes())


def test_a_named_pair_goes_through_the_notebook_with_parameters_it_has(
    specdec, results: Path, tmp_path: Path, monkeypatch
) -> None:
    seen = {}

    def run_benchmark(output_path, *, notebook, stream, **parameters) -> None:
        execute.check_parameters(execute.BENCHMARK_NOTEBOOK, parameters)
        assert notebook == execute.BENCHMARK_NOTEBOOK
        seen.update(parameters)
        print("from the notebook\x1b[31m", file=stream)
        _copy(results, output_path)

    monkeypatch.setattr(execute, "run_benchmark", run_benchmark)
    path = tmp_path / "r.jsonl"
    options = ("--seed", 7, "--threads", 1, "--no-profile", "--resume")
    shown = specdec("bench", "-k", "2", *TINY, "-o", path, *options)
    assert shown.code == 0 and "from the notebook␛[31m\n" in shown.err and seen["resume"] is True
    assert (seen["pair"], seen["k_values"], seen["seed"], seen["domains"]) == (None, [2], 7, ["code"])
    assert (seen["profile"], seen["threads"], seen["device"]) == (False, 1, "cpu")


def test_without_papermill_it_is_measured_here(monkeypatch, tmp_path: Path) -> None:
    assert has_notebook()
    monkeypatch.setattr(execute, "BENCHMARK_NOTEBOOK", tmp_path / "none.ipynb")
    assert not has_notebook()


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--pair", "pockte"], "Unknown pair 'pockte'"),
        (["--dtype", "int8"], "Unsupported dtype 'int8'"),
        (["-k", "1,x"], "draft length 'x': unknown word 'x'; give a whole number"),
        (["-k", ""], "draft length '': unknown word ''"),
        (["-k", "0"], "draft length is '0'; give a whole number from 1 on"),
        (["-k", "2,cost-awar"], "unknown word 'cost-awar'; did you mean cost-aware?"),
        (["-k", "2,entropy:0.4,gama=1"], "entropy has no option 'gama'; did you mean gamma?"),
        (["-k", "2,cost-aware", "--peers"], "--k holds cost-aware; give numbers"),
        (["-k", "2,2"], "each once"),
        (["-t", "nan"], "temperatures hold nan"),
        (["-t", "-1"], "temperatures hold -1.0"),
        (["--domains", "code,poetry"], "'poetry'; choose from code, conversation, summarization"),
        (["-n", "-1"], "max_new_tokens holds -1"),
        (["--prompts", "0"], "--prompts is 0; give a number of at least 1"),
        (["--prompts", "no.jsonl"], "'no.jsonl' is neither a number nor a file that exists"),
        (["--prompts", "3", "--num-prompts", "2"], "give one of the two"),
        (["--peers", "--drafter", "json:JSONDecoder", "--target", "pocket-target"], "give a --draft model"),
        (["--peers", "--draft", "lookup"], "give a --draft model"),
        (["--draft", "lokup"], "unknown word 'lokup'; did you mean lookup?"),
        (["--drafter", "json:Nobody", "--target", "pocket-target"], "drafter 'json:Nobody': AttributeError"),
        (["--repeats", "0"], "repeats holds 0"),
        (["--seed", "-1"], "seed holds -1"),
        (["--threads", "0"], "'--threads': 0 is below 1; give 1 or more"),
        (["--in-process", "--threads", "-1"], "'--threads': -1 is below 1; give 1 or more"),
        (["--repeats", "1_0"], "'--repeats': '1_0' is no whole number; write one such as 4"),
        (["-t", "0,0_1"], "--temperatures is '0,0_1'; give numbers"),
        (["-t", "0,"], "--temperatures is '0,'; give numbers"),
        (["-k", "2,entropy,most=4"], "options stand behind a colon; write entropy:most=4"),
        (["--prompts", "3_0"], "'3_0' is neither a number nor a file that exists"),
        (["--in-process", "--prompts", "500"], "500 are asked for"),
        (["--in-process", "--device", "warp"], "'warp' is not available"),
        (["--device", "warp"], "'warp' is not available"),
        (["--pair", "gpt2_dev"], "cannot load the configuration of gpt2-xl: no folder has that name"),
        (["--target", "/no/model", "--draft", "gpt2"], "model folder '/no/model' does not exist"),
        (["--target", "pocket-target", "--draft", "gpt2"], "cannot load the configuration of gpt2: no"),
        (["--show", "/no/such/file"], "/no/such/file: No such file or directory"),
    ],
)
def test_bad_input_is_one_error_line_and_code_2(
    specdec, tmp_path: Path, monkeypatch, arguments, said
) -> None:
    """Nothing but the error: no progress before it, whether a notebook would measure or this process."""
    monkeypatch.setattr("specdec_lib.models.hub.ask_hub", lambda model_id: HubAnswer(False))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    shown = specdec("bench", "-o", tmp_path / "r.jsonl", *arguments)
    assert shown.code == 2 and shown.out == ""
    errors = shown.err.splitlines()
    assert len(errors) == 1 and errors[0].startswith("error: ") and said in errors[0]


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "questions.jsonl:2: has none of prompt, text"),
        (["--domains", "dogs"], "questions.jsonl:2: has none of"),
    ],
)
def test_a_bad_row_of_prompts_is_one_error_line(specdec, questions, tmp_path, arguments, said) -> None:
    questions.write_text('{"prompt": "fine"}\n{"answer": 42}\n')
    shown = specdec("bench", "--prompts", questions, *arguments, "-o", tmp_path / "r.jsonl")
    assert shown.code == 2 and shown.out == "" and shown.err.count("\n") == 1 and said in shown.err


def test_a_domain_that_the_file_does_not_have_is_named(specdec, questions, tmp_path) -> None:
    shown = specdec("bench", "--prompts", questions, "--domains", "code", "-o", tmp_path / "r.jsonl")
    assert shown.code == 2 and shown.err.count("\n") == 1
    assert "questions.jsonl has no domain 'code'; it has questions, dogs & co" in shown.err


def test_a_domain_whose_name_holds_a_comma_is_one(specdec, own, tmp_path) -> None:
    path, output = tmp_path / "mine.jsonl", tmp_path / "r.jsonl"
    rows = ({"prompt": "a", "domain": "code,x"}, {"prompt": "b", "domain": "other"})
    path.write_text("\n".join(map(json.dumps, rows)))
    grid = ("-k", 1, "-n", 2, "--repeats", 1, "--in-process", "-o", output)
    assert specdec("bench", *own, "--prompts", path, "--domains", "code,x", *grid).code == 0
    records = [json.loads(line) for line in output.read_text().splitlines()]
    runs = [record["config"]["prompt_domain"] for record in records if "config" in record]
    assert set(runs) == {"code,x"}


def test_each_turn_of_a_question_is_a_prompt_and_the_session_goes_on(specdec, chatty, tmp_path) -> None:
    path, output = tmp_path / "question.jsonl", tmp_path / "r.jsonl"
    path.write_text('{"question_id": 7, "category": "talk", "turns": ["Hi", "Yo"]}\n')
    grid = ("-k", 1, "-t", 0, "-n", 4, "--repeats", 1, "--no-profile", "--in-process", "--json")
    given = ("bench", *chatty, "--prompts", path, *grid, "-o", output)
    shown = specdec(*given)
    assert shown.code == 0 and "the target answers 1 turn of talk, untimed" in shown.err
    written = output.read_text().splitlines()
    runs = [record for record in map(json.loads, written) if record["kind"] == "run"]
    assert [run["prompt_id"] for run in runs] == ["7/turn1", "7/turn1", "7/turn2", "7/turn2"]
    assert len({run["prompt_tokens"] for run in runs}) == 2
    assert specdec(*given, "--resume").code == 0 and output.read_text().splitlines() == written
    path.write_text(path.read_text().replace("Yo", "No"))
    shown = specdec(*given, "--resume")
    assert shown.code == 2 and "ran other prompts (question.jsonl" in shown.err


def test_a_template_that_takes_one_turn_is_named_before_weights_are_read(
    specdec, chatty, tmp_path, monkeypatch
) -> None:
    folder = tmp_path / "once"
    shutil.copytree(chatty[1], folder)
    template = folder / "chat_template.jinja"
    once = "{% if messages[1:] %}{{ raise_exception('one turn') }}{% endif %}"
    template.write_text(once + template.read_text())
    path = tmp_path / "question.jsonl"
    path.write_text('{"turns": ["Hi"]}\n{"turns": ["Hi", "Yo"]}\n')
    monkeypatch.setattr(
        "specdec_lib.cli.selection.Selection.load", lambda *_: pytest.fail("weights were read")
    )
    given = ("--target", folder, "--draft", chatty[3], "--prompts", path, "-o", tmp_path / "r.jsonl")
    shown = specdec("bench", *given, "--in-process")
    assert shown.code == 2 and shown.err.count("\n") == 1
    assert "question.jsonl:2: the template refuses the messages" in shown.err and "one turn" in shown.err


def test_models_that_do_not_belong_together_are_one_error_line(
    specdec, own, untranslatable, tmp_path
) -> None:
    """Their tokenizers are first read when they are loaded, which is before the first line of progress."""
    options = ("--in-process", "--draft", untranslatable, *TINY)
    shown = specdec("bench", *own[:2], *options, "-o", tmp_path / "r.jsonl")
    assert shown.code == 2 and shown.out == "" and shown.err.count("\n") == 1
    assert "vocabular" in shown.err


def test_an_output_that_cannot_be_written_is_found_out_first(specdec, tmp_path: Path) -> None:
    """A pipe that nobody reads would be waited for without a word."""
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "file" / "r.jsonl", tmp_path / "pipe", Path("/dev/null")):
        shown = specdec("bench", "-o", path)
        assert shown.code == 2 and shown.err.startswith(f"error: cannot write results to {path}: ")
        assert shown.err.count("\n") == 1


def test_a_corrupt_results_file_keeps_its_good_lines_and_names_the_bad(specdec, results, tmp_path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(b'{"torn\n' + results.read_bytes() + b"\xff\n")
    shown = specdec("bench", "--show", path)
    assert shown.code == 2 and "pocket at temperature 0" in shown.out
    *warnings, error = shown.err.splitlines()
    assert len(warnings) == 2 and f"{path}:1: not JSON" in warnings[0] and "not UTF-8" in warnings[1]
    assert error.startswith("error: ") and "2 of its lines named above" in error
    summary = specdec("bench", "--show", path, "--json").document
    assert summary["runs"] == 6 and len(summary["problems"]) == 2


def test_a_results_file_without_records(specdec, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("not a record\n")
    shown = specdec("bench", "--show", path)
    assert shown.code == 2 and shown.out == ""
    warning, error = shown.err.splitlines()
    assert warning.startswith(f"warning: {path}:1: not JSON") and "no timed run among the records" in error


def test_appending_to_a_torn_file_warns_and_goes_on(specdec, results, tmp_path, monkeypatch) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(results.read_bytes() + b'{"half')
    monkeypatch.setattr(measuring, "measure", lambda *arguments, **options: None)
    shown = specdec("bench", "--in-process", "-o", path, "--json")
    assert shown.code == 0 and shown.err.startswith(f"warning: {path}:") and "not JSON" in shown.err
    assert path.read_bytes().startswith(results.read_bytes())


def test_a_file_of_something_else_is_never_written_to(specdec, own, questions, tmp_path) -> None:
    """A slip of the keyboard must not end a model or somebody's prompts."""
    config, text = shutil.copy(Path(own[1], "config.json"), tmp_path), tmp_path / "notes.txt"
    text.write_text("remember the milk")
    for path in (Path(config), questions, text):
        before = path.read_bytes()
        shown = specdec("bench", *own, "--prompts", questions, "--in-process", "-o", path)
        assert shown.code == 2 and shown.out == "" and shown.err.count("\n") == 1
        assert "holds no record but something else" in shown.err and path.read_bytes() == before


def test_a_full_disk_while_a_record_is_written(specdec, results, tmp_path, monkeypatch) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(results.read_bytes())

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    shown = specdec("bench", "--in-process", "-k", "1", *TINY, "-o", path)
    assert shown.code == 2 and shown.out == ""
    assert "No space left on device; the record was not written" in shown.err.splitlines()[-1]
    assert path.read_bytes() == results.read_bytes()


@pytest.mark.parametrize("measured", [True, False])
def test_an_interrupt_says_where_the_records_are(specdec, tmp_path: Path, monkeypatch, measured) -> None:
    path = tmp_path / "r.jsonl"

    def interrupt(*arguments, **options) -> None:
        path.write_text("{}\n" * measured)
        raise KeyboardInterrupt

    monkeypatch.setattr(measuring, "measure", interrupt)
    shown = specdec("bench", "--in-process", "-o", path)
    said = f"what was measured is in {path}" if measured else f"nothing was added to {path}"
    assert shown.code == 130 and shown.err.splitlines()[-1].endswith(said)


def test_a_session_without_pairs_of_runs_is_said(results: Path, tmp_path: Path, specdec) -> None:
    lines = [line for line in results.read_text().splitlines() if json.loads(line).get("decoder") == "AR"]
    path = tmp_path / "ar.jsonl"
    path.write_text("\n".join(lines) + "\n")
    shown = specdec("bench", "--show", path)
    assert shown.code == 0 and shown.out.startswith("No speedup")


def test_records_of_a_problem_are_not_hidden(results: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(results.read_bytes() + b"{}\n")
    with pytest.raises(RecordError, match="1 of its lines named above"):
        bench._report(path, as_json=True, strict=True)
    assert json.loads(capsys.readouterr().out)["problems"][0].startswith(f"{path}:")


def test_logits_that_are_no_numbers_are_one_error_line_and_no_record(specdec, tmp_path, monkeypatch) -> None:
    def unsound(self) -> None:
        raise UnsoundLogits("logits of pocket-target hold NaN; its weights are damaged")

    monkeypatch.setattr(Benchmark, "warm_up", unsound)
    path = tmp_path / "r.jsonl"
    shown = specdec("bench", "--in-process", *TINY, "-o", path)
    assert shown.code == 2 and shown.out == "" and not path.exists()
    *progress, error = shown.err.splitlines()
    assert error == "error: logits of pocket-target hold NaN; its weights are damaged" and len(progress) == 1


@pytest.fixture
def damaged_draft(own, tmp_path: Path) -> Path:
    """The draft of ``own``, one weight of whose head is no number."""
    folder = shutil.copytree(own[3], tmp_path / "damaged")
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.lm_head.weight[7, 3] = torch.nan
    model.save_pretrained(folder)
    return folder


def test_a_draft_of_no_use_is_measured_to_its_end(specdec, own, damaged_draft, questions, tmp_path) -> None:
    """Its logits are no numbers, which costs speed alone: single forwards are timed all the same."""
    path, grid = tmp_path / "r.jsonl", ("-k", "2", "-t", "0,0.8", "-n", "4", "--repeats", "1")
    few = ("--prompts", questions, "--num-prompts", "1", "--in-process")
    models = (*own[:2], "--draft", damaged_draft)
    shown = specdec("bench", *models, *grid, *few, "-o", path, "--json")
    assert shown.code == 0, shown.err
    assert {r["kind"] for r in read_records(path)[0]} == {"run", "profile", "costs"}
    explained = specdec("explain", path, "-t", "0")
    assert explained.code == 0, explained.err
