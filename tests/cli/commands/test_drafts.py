"""``--draft`` takes the grammar of drafts in every command, and what drafts has one name everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

DRAFTS = ("lookup", "suffix:least=1", "self@bfloat16", "lookup:n=2-3 > {draft}", "layers:1", "skip:0")
PROMPT = "abcabcabcab"


@pytest.fixture(params=DRAFTS)
def drafted(request, own, layered) -> list[str]:
    """``--target T --draft D`` with a draft of the grammar."""
    return ["--target", layered, "--draft", request.param.format(draft=own[3])]


def test_generate_emits_the_targets_own_text(specdec, drafted) -> None:
    options = ("-n", 16, "--ignore-eos", "--json")
    document = specdec("generate", PROMPT, *drafted, *options).document
    plain = specdec("generate", PROMPT, *drafted[:2], "--autoregressive", *options).document
    assert document["result"]["generated_ids"] == plain["result"]["generated_ids"]
    assert document["result"]["num_draft_tokens"] > 0


def test_doctor_says_whether_it_drafts(specdec, drafted) -> None:
    shown = specdec("doctor", *drafted, "--json")
    checks = {check["name"]: check for check in shown.document["checks"]}
    assert shown.code == 0 and {check["status"] for check in checks.values()} <= {"ok", "note"}
    assert ("drafter" in checks) == ("self" not in drafted[-1])


def test_bench_and_explain_meet_under_one_name(specdec, drafted, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    short = ("-k", 2, "-t", 0, "-n", 6, "--repeats", 1, "--prompts", "prompts.txt", "--in-process")
    Path("prompts.txt").write_text(f"{PROMPT}\nxyzxyz\n")
    assert specdec("bench", *drafted, *short, "--json").code == 0
    (file,) = Path("runs").iterdir()
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert {record.get("pair", file.stem) for record in records} == {file.stem}
    shown = specdec("explain", *drafted, "--json")
    assert shown.code == 0 and Path(shown.document["results"]) == file


def test_verify_proves_a_lookup(specdec, own, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("abcabcab\nxyxyxy\n0101010\n")
    prompts = ("--prompts", tmp_path / "prompts.txt", "--samples", 300, "--tokens", 24)
    shown = specdec("verify", *own[:2], "--draft", "lookup > suffix", *prompts, "--json")
    assert shown.code == 0 and shown.document["exact"]
    assert shown.document["pair"].startswith("lookup-or-suffix+")


def test_the_default_target_drafts_for_itself(specdec) -> None:
    document = specdec(
        "generate", "def f(x):\n    return x\n", "--draft", "lookup", "-n", 8, "--json"
    ).document
    assert document["pair"] == "lookup+pocket-target"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--draft", "lokup"], "unknown word 'lokup'; did you mean lookup?"),
        (["--draft", "lookup:m=3"], "lookup has no option 'm'; there are n, tokens"),
        (["--draft", "layers:20"], "draft for pocket-target: all of its 20 layers are kept; leave some out"),
        (["--draft", "skip:7,20"], "layer 20 is to be left out; it has layers 0 to 19"),
        (["--draft", "lookup > head:./nobody"], "'head:./nobody': there is no such folder"),
        (["--draft", "lookup > ollama:no-such"], "not among the models that Ollama has downloaded"),
        (["--draft", "lookup > small.gguf"], "GGUF file 'small.gguf' does not exist"),
        (["--draft", "lookup > ./nobody"], "model folder './nobody' does not exist"),
        (["--draft", "lookup > json:Nobody"], "drafter 'json:Nobody': AttributeError"),
        (["--draft", "lookup", "--steps", "x.html"], "the laws of two models, and lookup is none"),
        (["--draft", "lookup", "--drafter", "json:Nobody"], "give one of the two"),
        (["--draft", "lookup", "--draft-dtype", "int4"], "'lookup' is no model"),
        (["--draft", "lookup", "--autoregressive"], "leave it out, or --draft"),
    ],
)
def test_what_cannot_draft_is_one_line(specdec, arguments, said) -> None:
    shown = specdec("generate", "abc", *arguments)
    assert shown.code == 2 and shown.out == ""
    assert shown.err.startswith("error: ") and said in shown.err and shown.err.count("\n") == 1


def test_what_a_class_within_a_cascade_raises_is_a_line_of_its_file(
    specdec, own, tmp_path, monkeypatch
) -> None:
    (tmp_path / "fails_behind.py").write_text(
        "class Mine:\n"
        "    name, context_length = 'mine', None\n"
        "    def __init__(self, target): self.vocab_size = target.vocab_size\n"
        "    def start(self, prompt_ids, end=0): return self\n"
        "    def roll_back(self, keep_length): ...\n"
        "    def propose(self, *given): return 1 / 0\n"
    )
    monkeypatch.chdir(tmp_path)
    shown = specdec("generate", "abc", *own[:2], "--ignore-eos", "--draft", "lookup:n=9 > fails_behind:Mine")
    assert shown.code == 1
    assert "ZeroDivisionError" in shown.err and "fails_behind.py, line 6" in shown.err
