"""``specdec generate``: the text of the decoder, its JSON, and every way to get it wrong."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from specdec_lib.cli import sentences
from specdec_lib.cli.prompt import read_prompt
from specdec_lib.cli.selection import Selection
from specdec_lib.cli.terminal import safe_text
from specdec_lib.cli.views.generation import Comparison
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.generation import Generation
from specdec_lib.errors import InvalidArgument
from specdec_lib.profiling.metrics import GenerationResult


def test_text_then_a_summary(specdec, own) -> None:
    shown = specdec("generate", "hello", *own, "-n", 12, "--device", "cpu")
    assert shown.code == 0 and shown.err == ""
    text, _, told = shown.out.rpartition("\nSD  | 12 tok | ")
    summary, *details = told.splitlines()
    assert text.startswith("hello") and "accept=" in summary
    details = " ".join(details)
    assert details.startswith("accept = accepted ÷ drafted: ") and "α = " in details
    assert details.endswith("finished: length") and "accepted a round: 0×" in details


def test_json_is_one_document_and_nothing_else(specdec, own) -> None:
    shown = specdec("generate", "hello", *own, "-n", 12, "--k", 3, "--json")
    document = shown.document
    assert shown.code == 0 and shown.err == "" and shown.out.isascii()
    assert document["decoder"] == "SD-K3" and document["prompt"] == "hello"
    assert re.fullmatch(r"tiny-draft-[0-9a-f]{6}\+tiny-target-[0-9a-f]{6}", document["pair"])
    assert len(document["result"]["generated_ids"]) == document["result"]["num_tokens"] == 12
    assert len(document["prompt_ids"]) == 5


@pytest.mark.parametrize("more", [["-t", 0], ["-t", 0.8, "--seed", 3, "--verifier", "block", "--top-k", 50]])
def test_what_is_shown_is_what_is_generated(specdec, own, more) -> None:
    """The streamed text, the JSON text and the decoder's own are one."""
    arguments = ["generate", "hé", *own, "-n", 40, "--ignore-eos", *more]
    document = specdec(*arguments, "--json").document
    assert len(document["result"]["generated_ids"]) == 40
    shown = specdec(*arguments).out.rsplit("\n\n", 1)[0]
    assert shown.removesuffix("\n") == safe_text("hé" + document["text"]).removesuffix("\n")


def test_speculation_changes_nothing_at_temperature_0(specdec, own) -> None:
    documents = [
        specdec("generate", "abc", *own[:2], "-n", 30, "--dtype", "float32", "--json", *more).document
        for more in (["--autoregressive"], [*own[2:], "--k", 1], [*own[2:], "--k", 7])
    ]
    assert [d["decoder"] for d in documents] == ["AR", "SD-K1", "SD-K7"]
    assert len({tuple(d["result"]["generated_ids"]) for d in documents}) == 1


def test_no_tokens_asked_for(specdec, own) -> None:
    document = specdec("generate", "abc", *own, "-n", 0, "--json").document
    assert document["text"] == "" and document["result"]["num_tokens"] == 0
    assert specdec("generate", "abc", *own, "-n", 0).code == 0


def test_the_embedded_pair_is_the_default(specdec) -> None:
    document = specdec("generate", "def f(x):", "-n", 4, "--json").document
    assert document["pair"] == "pocket" and len(document["result"]["generated_ids"]) == 4


@pytest.mark.parametrize("more", [["-t", 0], ["-t", 0.9, "--seed", 3, "--verifier", "block", "--top-k", 50]])
def test_the_page_of_a_generation_holds_its_tokens(specdec, own, tmp_path, more) -> None:
    page = tmp_path / "steps.html"
    plain = ["generate", "hello", *own, "-n", 12, "--ignore-eos", *more, "--json"]
    document = specdec(*plain, "--steps", page).document
    assert document["result"]["generated_ids"] == specdec(*plain).document["result"]["generated_ids"]
    html = page.read_text(encoding="utf8")
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.S)[1])
    (trace,) = data["traces"]
    emitted = [len([p for p in r["places"] if p["outcome"] == "accepted"]) + 1 for r in trace["rounds"]]
    assert sum(emitted) == 12 and trace["about"]["k"] == 4
    assert html.startswith("<!doctype html>") and not re.search(r"https?://", html)


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["x", "--pair", "pockte"], "Unknown pair 'pockte'. Available pairs: pocket"),
        (["x", "--dtype", "int8"], "Unsupported dtype 'int8'. Choose from:"),
        (["x", "--target", "/no/such/folder", "--draft", "pocket-draft"], "'/no/such/folder' does not exist"),
        (["x", "--target", ".", "--draft", "."], "holds no model"),
        (["x", "--steps", "/no/such/folder/x.html"], "there is no folder /no/such/folder"),
        (["x", "--compare", "--autoregressive"], "leave one of them out"),
        (["x", "--compare", "--steps", "x.html"], "slows the run"),
        (["x", "--system", "caf\udce9"], "the --system text is not UTF-8"),
        (["x", "--steps", "x.html", "--autoregressive"], "--autoregressive drafts nothing"),
        (["x", "--steps", "x.html", "--repetition-penalty", "1.2"], "leave one of them out"),
        (["x", "--target", "~nobody-here/m", "--draft", "pocket-draft"], "folder '~nobody-here/m'"),
        (["x", "--device", "warp"], "'warp' is not available"),
        (["x", "--device", "meta"], "'meta' holds shapes and no numbers"),
        (["x", "--device", "hpu"], "'hpu' is not available"),
        (["x", "--temperature", "-0.1"], "temperature is -0.1"),
        (["x", "--temperature", "nan"], "temperature is nan"),
        (["x", "--temperature", "inf"], "temperature is inf"),
        (["x", "--temperature", "0_1"], "'-t': '0_1' is no number; write one such as 0.8"),
        (["x", "--temperature", "０.５"], "'０.５' is no number"),
        (["x", "--top-p", "high"], "'--top-p': 'high' is no number"),
        (["x", "--top-k", "1_0"], "'--top-k': '1_0' is no whole number; write one such as 4"),
        (["x", "--top-k", "4.0"], "'4.0' is no whole number"),
        (["x", "-n", "-1"], "'-n': -1 is below 0; give 0 or more"),
        (["x", "--top-k", "0"], "top_k is 0"),
        (["x", "--top-p", "1.5"], "top_p is 1.5"),
        (["x", "--min-p", "-1"], "min_p is -1.0"),
        (["x", "--repetition-penalty", "0"], "repetition_penalty is 0.0"),
        (["x", "--seed", "-1"], "seed is -1"),
        (["x", "--seed", str(2**80)], "seed is"),
        (["x", "--verifier", "guess"], "unknown verifier 'guess'; choose token or block"),
        (["x", "--stop", "a", "--stop", ""], "--stop is empty"),
        (["x", "--steps", "."], ". is a folder"),
        ([""], "the prompt is empty"),
        (["--prompt-file", "/no/such/file"], "/no/such/file: No such file or directory"),
        (["--prompt-file", "/"], "/: Is a directory"),
        (["x", "--prompt-file", "y"], "choose one"),
        (["caf\udce9"], "the prompt is not UTF-8 text (byte 3)"),
        (["x", "--stop", "caf\udce9"], "the --stop text is not UTF-8 text (byte 3)"),
    ],
)
def test_bad_input_is_one_line_and_code_2(specdec, arguments, said) -> None:
    refused(specdec("generate", *arguments), said)


def refused(shown, said: str) -> None:
    assert shown.code == 2 and shown.out == ""
    assert shown.err.startswith("error: ") and shown.err.count("\n") == 1, shown.err
    assert said in shown.err


def test_no_network(specdec, monkeypatch) -> None:
    def unreachable(*arguments, **options) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)
    refused(specdec("generate", "x", "--pair", "gpt2_dev", "--dtype", "float32"), "the hub cannot be reached")


def test_vocabularies_that_cannot_be_translated(specdec, own, untranslatable) -> None:
    refused(specdec("generate", "x", *own[:2], "--draft", untranslatable), "do not share a vocabulary")


def test_vocabularies_that_differ_are_translated_and_the_text_is_the_targets_own(
    specdec, own, stranger
) -> None:
    prompt = ["generate", "x", *own[:2], "-n", "24", "--ignore-eos", "--json"]
    shown, alone = specdec(*prompt, "--draft", stranger), specdec(*prompt, "--autoregressive")
    assert (shown.code, alone.code) == (0, 0) and "two vocabularies" in shown.err
    assert shown.document["text"] == alone.document["text"]


def test_a_prompt_beyond_the_context(specdec, own) -> None:
    refused(specdec("generate", "x" * 65, *own), "the prompt has 65 tokens, tiny-target sees 64")


def test_damaged_weights(specdec, own, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    for file in Path(own[1]).iterdir():
        (folder / file.name).write_bytes(
            file.read_bytes()[:500] if file.suffix == ".safetensors" else file.read_bytes()
        )
    refused(specdec("generate", "x", "--target", folder, "--draft", folder), "cannot load the weights")


def test_an_interrupt_ends_the_line_and_says_how_far_it_came(specdec, own, monkeypatch) -> None:
    proceed = Generation.__next__

    def interrupted(self):
        if self.rounds:
            raise KeyboardInterrupt
        return proceed(self)

    monkeypatch.setattr(Generation, "__next__", interrupted)
    shown = specdec("generate", "abc", *own[:2], "--autoregressive", "--ignore-eos")
    assert shown.code == 130 and shown.out.startswith("abc") and shown.out.endswith("\n")
    assert shown.err.strip() == f"error: {sentences.interrupted_after(1)}"


# -- a drafter of one's own, another dtype for the draft, what a checkpoint asks for ---------------


def test_a_drafter_of_ones_own(specdec, own, tmp_path, monkeypatch) -> None:
    (tmp_path / "my_drafts.py").write_text(
        "from specdec_lib.decoding.drafters.draft_model import DraftModel as Itself\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    arguments = ["generate", "abc", *own[:2], "-n", 12, "--ignore-eos", "--json"]
    document = specdec(*arguments, "--drafter", "my_drafts:Itself").document
    assert document["decoder"] == "SD-K4" and "my_drafts.Itself" in document["pair"]
    assert document["result"]["acceptance_rate"] == 1.0  # the target drafts for itself
    alone = specdec(*arguments, "--autoregressive").document
    assert document["result"]["generated_ids"] == alone["result"]["generated_ids"]
    refused(specdec("generate", "x", *own[:2], "--drafter", "my_drafts:Nobody"), "my_drafts:Nobody")


FAILING = """
import sys
from specdec_lib.decoding.drafters.draft_model import DraftModel, DraftModelState

class State(DraftModelState):
    def propose(self, context_ids, k, params, generator):
        if len(context_ids) > 4:
            {statement}
        return super().propose(context_ids, k, params, generator)

class Mine(DraftModel):
    state = State
"""


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("{}['gone']", "KeyError: 'gone'"),
        ("open('/nowhere/at all')", "FileNotFoundError: [Errno 2]"),
        ("raise StopIteration", "StopIteration"),
        ("raise EOFError", "EOFError"),
        ("sys.exit('enough')", "SystemExit: enough"),
        ("raise BrokenPipeError", "BrokenPipeError ("),
        ("raise BrokenPipeError(32, 'of a server')", "BrokenPipeError: [Errno 32] of a server"),
        ("raise GeneratorExit", "GeneratorExit ("),
        ("import typer; raise typer.Abort", "Abort ("),
        ("import typer; raise typer.Exit(0)", "Exit"),
        ("import typer; raise typer.BadParameter('no')", "BadParameter"),
        ("raise ValueError('mine') from EOFError('x')", "ValueError: mine ("),
        ("raise ValueError('a\\nb')", "ValueError: a b ("),
        ("context_ids[0].nope", "AttributeError: 'int' object has no attribute 'nope'"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_a_drafter_of_ones_own_raises_is_a_line_of_its_file(
    specdec, own, tmp_path, monkeypatch, statement, said, options
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"failing_{abs(hash((statement, options)))}"
    (tmp_path / f"{name}.py").write_text(FAILING.replace("{statement}", statement))
    shown = specdec(
        "generate", "abc", *own[:2], "-n", 9, "--ignore-eos", "--drafter", f"{name}:Mine", *options
    )
    assert shown.code == 1, shown.err
    (line,) = [line for line in shown.err.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: the drafter raised {said}")
    assert f"{name}.py, line 8)" in line and "Traceback" not in shown.err


def test_an_interrupt_within_a_drafter_is_an_interrupt(specdec, own, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "interrupted.py").write_text(FAILING.replace("{statement}", "raise KeyboardInterrupt"))
    shown = specdec("generate", "abc", *own[:2], "--ignore-eos", "--drafter", "interrupted:Mine")
    assert shown.code == 130 and "the drafter raised" not in shown.err


PRINTING = """
import os, sys
import specdec_lib.models.loader, specdec_lib.decoding.speculative
from specdec_lib.cli import main
from specdec_lib.cli.commands import generate

generate._show = lambda *more, **options: list(more[3])
for length in ("1", "9000", "100000"):
    os.environ["LENGTH"] = length
    if not (child := os.fork()):
        sys.exit(main(sys.argv[1:]))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(length, code, file=sys.stderr, flush=True)
"""
"""The drafter is the first to write. Each length has a process of its own, forked behind the imports."""


def test_a_drafter_that_prints_to_nobody_ends_silently(own, tmp_path) -> None:
    """Through a real pipe, whose reader is gone before the drafter writes."""
    statement = "import os; print('x' * int(os.environ['LENGTH']), flush=True)"
    (tmp_path / "printing.py").write_text(FAILING.replace("{statement}", statement))
    reading, writing = os.pipe()
    os.close(reading)
    arguments = ["generate", "abc", *own[:2], "--ignore-eos", "--drafter", "printing:Mine"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-c", PRINTING, *arguments],
        cwd=tmp_path, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "1 141\n9000 141\n100000 141\n")


@pytest.mark.parametrize("statement", ["import sys; sys.exit(3)", "{}['gone']", "raise GeneratorExit"])
def test_a_module_of_a_drafter_that_cannot_be_imported_names_its_line(
    specdec, own, tmp_path, monkeypatch, statement
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"broken_{len(statement)}"
    (tmp_path / f"{name}.py").write_text(f"\n{statement}\n")
    shown = specdec("generate", "abc", *own[:2], "--drafter", f"{name}:Mine")
    refused(shown, f"{name}.py, line 2")


def test_another_dtype_for_the_draft(specdec, own, monkeypatch) -> None:
    made = []
    check = Selection.load
    monkeypatch.setattr(Selection, "load", lambda self, compile: made.append(check(self, compile)) or made[0])
    assert specdec("generate", "abc", *own, "--draft-dtype", "bfloat16", "-n", 4).code == 0
    (models,) = made
    assert (str(models.target.dtype), str(models.draft.dtype)) == ("torch.float32", "torch.bfloat16")


@pytest.fixture(scope="session")
def demanding(own, tmp_path_factory) -> list[str]:
    """The same models, whose files ask for sampling with a penalty."""
    folder = tmp_path_factory.mktemp("models") / "demanding"
    shutil.copytree(own[1], folder)
    settings = {"do_sample": True, "temperature": 0.7, "repetition_penalty": 1.1, "eos_token_id": 0}
    (folder / "generation_config.json").write_text(json.dumps(settings))
    return ["--target", str(folder), *own[2:]]


def test_what_a_checkpoint_asks_for_and_does_not_get_is_one_line(specdec, demanding) -> None:
    shown = specdec("generate", "abc", *demanding, "-n", 4, "--json")
    assert shown.document["text"] is not None
    assert shown.err.count("\n") == 1 and shown.err.startswith("warning: demanding asks for do_sample=True, ")
    assert "temperature=0.7" in shown.err and "repetition_penalty=1.1" in shown.err
    shown = specdec("generate", "abc", *demanding, "-n", 4, "-t", 0.7, "--repetition-penalty", 1.1)
    assert shown.err == ""  # that is what it gets


# -- chat ------------------------------------------------------------------------------------------


def test_a_chat_goes_through_the_targets_template(specdec, chatty) -> None:
    tokenizer = AutoTokenizer.from_pretrained(chatty[1])
    document = specdec("generate", "hi", *chatty, "-n", 3, "--chat", "--json").document
    assert document["messages"] == [{"role": "user", "content": "hi"}] and document["prompt"] == "hi"
    assert document["prompt_ids"] == tokenizer("<user>hi\n<assistant>")["input_ids"]
    document = specdec("generate", "hi", *chatty, "-n", 3, "--system", "Be kind.", "--json").document
    written = "<system>Be kind.\n<user>hi\n<assistant>"
    assert document["prompt_ids"] == tokenizer(written)["input_ids"]


def test_an_answer_stands_below_its_question(specdec, chatty) -> None:
    shown = specdec("generate", "hi\n", *chatty, "-n", 3, "--chat").out
    document = specdec("generate", "hi\n", *chatty, "-n", 3, "--chat", "--json").document
    assert shown.startswith("hi\n\n" + safe_text(document["text"]))


def test_a_chat_without_a_template_is_one_line(specdec, own) -> None:
    refused(specdec("generate", "hi", *own, "--chat"), "error: --chat: the tokenizer has no chat template")


def test_a_chat_that_cannot_be_is_refused_before_the_weights_are_read(specdec, own, monkeypatch) -> None:
    monkeypatch.setattr(Selection, "load", lambda *_: pytest.fail("weights were read"))
    refused(specdec("generate", "hi", *own, "--system", "Be short."), "error: --system: the tokenizer has no")


def test_phases_that_were_not_measured_are_not_said_to_take_no_time(specdec, own, tmp_path: Path) -> None:
    """A result without them still is one: what is absent is the default."""
    once = ("generate", "abc", *own, "-n", 3, "--ignore-eos", "--json")
    document = specdec(*once, "--compare").document
    for result in (document["result"], document["comparison"]["baseline"]):
        assert not any(name.endswith("_time_total_ms") for name in result)
        assert GenerationResult.from_dict(result).num_tokens == 3
    profiled = specdec(*once, "--steps", tmp_path / "steps.html").document["result"]
    assert profiled["verify_time_total_ms"] > 0.0


@pytest.mark.parametrize("command", [("generate", "hi"), ("doctor",)])
def test_a_draft_is_not_left_out_in_silence(specdec, own, command) -> None:
    arguments, said = (*command, *own[:2]), "--autoregressive runs without a draft; leave it out, or"
    for given in (own[2:], ["--drafter", "json:JSONDecoder"], ["--draft-dtype", "int4"]):
        refused(specdec(*arguments, "--autoregressive", *given), f"{said} {given[0]}\n")
    refused(
        specdec(*arguments, "--drafter", "json:JSONDecoder", "--draft-dtype", "int4"), "give one of the two"
    )


def test_the_summary_is_broken_between_words_in_a_narrow_terminal(specdec, own, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = specdec("generate", "abc", *own, "-n", 12, "--ignore-eos", "--compare")
    summary = shown.out[shown.out.index("\nSD ") :].strip().splitlines()
    assert shown.code == 0 and len(summary) > 8 and max(map(len, summary)) <= 40
    assert "accept = accepted ÷ drafted: " in " ".join(summary)
    assert re.search(r"\d tokens", "\n".join(summary))  # a number and its unit stand in one line


# -- beside the target alone -----------------------------------------------------------------------


def test_a_comparison_runs_the_target_alone_too(specdec, own) -> None:
    arguments = ["generate", "abc", *own, "-n", 20, "--ignore-eos", "--compare"]
    document = specdec(*arguments, "--json").document
    compared, result = document["comparison"], document["result"]
    assert compared["same_ids"] is True and compared["first_difference"] is None
    assert compared["baseline"]["generated_ids"] == result["generated_ids"]
    assert compared["baseline"]["is_speculative"] is False and result["is_speculative"] is True
    rates = result["tokens_per_second"], compared["baseline"]["tokens_per_second"]
    assert compared["speedup"] == pytest.approx(rates[0] / rates[1])
    shown = specdec(*arguments).out
    assert "\nSD  | 20 tok" in shown and "\nAR  | 20 tok" in shown
    assert sentences.same_texts_line(greedy=True, tokens=20, first_difference=None) in shown


def test_both_of_a_comparison_end_alike(specdec, own) -> None:
    document = specdec("generate", "abc", *own, "-n", 40, "--stop", "x", "--compare", "--json").document
    result, baseline = document["result"], document["comparison"]["baseline"]
    assert result["generated_ids"] == baseline["generated_ids"]
    assert result["finish_reason"] == baseline["finish_reason"]


def test_sampled_texts_are_not_held_against_each_other(specdec, own) -> None:
    arguments = ["generate", "abc", *own, "-n", 20, "-t", 1, "--seed", 3, "--compare"]
    compared = specdec(*arguments, "--json").document["comparison"]
    assert compared["same_ids"] is None and compared["first_difference"] is None
    assert sentences.same_texts_line(False, 20, None) in specdec(*arguments).out


def test_a_comparison_of_nothing_has_no_ratio(specdec, own) -> None:
    arguments = ["generate", "abc", *own, "-n", 0, "--compare"]
    assert specdec(*arguments, "--json").document["comparison"]["speedup"] is None
    shown = " ".join(specdec(*arguments).out.split())
    assert sentences.speed_line(None, 0.0, 0.0) in shown
    assert "nothing was drafted, so the target ran alone" in shown
    assert "nothing was drafted" not in specdec("generate", "a", *own[:2], "-n", 1, "--autoregressive").out


@pytest.mark.parametrize(
    "ours, theirs, first", [([1, 2, 3], [1, 2, 3], None), ([1, 2, 3], [1, 9, 3], 1), ([1, 2], [1, 2, 3], 2)]
)
def test_where_texts_first_differ_is_said(ours, theirs, first) -> None:
    compared = Comparison(GenerationResult(ours), GenerationResult(theirs), greedy=True)
    assert compared.first_difference == first
    told = "gave the same 3 token ids" if first is None else f"differ from token {first + 1} on: a near tie"
    assert told in compared.verdict


def test_each_decoder_is_warmed_up_before_it_is_timed(specdec, own, monkeypatch) -> None:
    started, start = [], Decoder._started

    def counted(self, prompt_ids, length, *more):
        started.append((self.label, length))
        return start(self, prompt_ids, length, *more)

    monkeypatch.setattr(Decoder, "_started", counted)
    assert specdec("generate", "abc", *own, "-n", 20, "--compare").code == 0
    assert started == [("SD-K4", 16), ("AR", 16), ("SD-K4", 20), ("AR", 20)]


# -- where the prompt comes from -------------------------------------------------------------------


def prompt_of(specdec, own, *arguments: object, stdin: bytes | None = None) -> str:
    return specdec("generate", *arguments, *own, "-n", 0, "--json", stdin=stdin).document["prompt"]


@pytest.mark.parametrize("content", ["é\n\n", "\n", "a\r\n", " a ", "no line break"])
def test_a_prompt_from_a_file_or_a_pipe_is_taken_as_it_is(specdec, own, tmp_path: Path, content: str) -> None:
    path = tmp_path / "prompt.txt"
    path.write_bytes(content.encode())
    assert prompt_of(specdec, own, "--prompt-file", path) == content
    assert prompt_of(specdec, own, stdin=content.encode()) == content
    assert prompt_of(specdec, own, "-", stdin=content.encode()) == content


def test_a_byte_order_mark_is_no_part_of_a_prompt(specdec, own, tmp_path: Path) -> None:
    path = tmp_path / "prompt.txt"
    path.write_bytes(b"\xef\xbb\xbftext")
    assert prompt_of(specdec, own, "-f", path) == "text"


def test_arguments_are_utf8_whatever_the_locale_is(own) -> None:
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    arguments = ["generate", "naïve", *own, "--stop", "é", "-n", "0", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "specdec_lib", *arguments], env=plain, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["prompt"] == "naïve"


def test_a_prompt_that_is_no_text(specdec, tmp_path: Path) -> None:
    path = tmp_path / "prompt.bin"
    path.write_bytes(b"ok \xff\xfe")
    refused(specdec("generate", "--prompt-file", path), "is not UTF-8 text (byte 3)")
    refused(specdec("generate", stdin=b"\x80"), "standard input is not UTF-8 text (byte 0)")
    path.write_bytes(b"")
    refused(specdec("generate", "--prompt-file", path), "the prompt is empty")


def test_a_terminal_is_not_waited_for(monkeypatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"never read"))
    stdin.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(InvalidArgument, match="there is no prompt"):
        read_prompt(None, None)


# -- threads, and a line that ends -----------------------------------------------------------------


def test_a_small_model_has_one_thread_unless_more_are_asked_for(specdec, own, monkeypatch) -> None:
    monkeypatch.setenv("SPECDEC_PRODUCTS", "plain")  # else two threads would be timed, on cores that are busy
    before = torch.get_num_threads()
    try:
        assert specdec("generate", "abc", *own, "-n", 2, "--threads", 2).code == 0
        assert torch.get_num_threads() == 2
        assert specdec("generate", "abc", *own, "-n", 2).code == 0
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_full_context_is_said_to_be_so(specdec, own) -> None:
    shown = specdec("generate", "abc", *own, "-n", 500, "--ignore-eos").out
    assert "| 61 tok |" in shown and "finished: length, the context is full" in shown
    within = specdec("generate", "abc", *own, "-n", 61, "--ignore-eos")
    assert "the context is full" not in within.out and "warning: " not in within.err


@pytest.mark.parametrize("options", [(), ("--json",), ("--autoregressive", "--json")])
def test_a_text_that_the_context_ended_is_said_on_standard_error(specdec, own, options) -> None:
    mine = own[: 2 if "--autoregressive" in options else 4]
    shown = specdec("generate", "abc", *mine, "-n", 100, "--ignore-eos", *options)
    (line,) = [line for line in shown.err.splitlines() if "context" in line]
    said = sentences.context_full_line("MODEL", 64, made=61, asked=100)
    assert re.fullmatch(re.escape(f"warning: {said}").replace("MODEL", r"\S+"), line) and shown.code == 0


@pytest.mark.parametrize("command", [["generate", "abc"], ["verify"], ["bench", "--in-process"]])
def test_too_many_threads_are_refused_before_a_model_is_loaded(specdec, own, monkeypatch, command) -> None:
    def load(*arguments: object, **options: object) -> None:
        raise AssertionError("weights were read")

    monkeypatch.setattr("specdec_lib.models.loader.load_pair", load)
    refused(specdec(*command, *own, "--threads", 100_000), "threads is 100000; pass 1 to ")
    monkeypatch.setenv("SPECDEC_THREADS", "100000")
    refused(specdec(*command, *own), "SPECDEC_THREADS is 100000; pass 1 to ")


def test_an_error_in_the_middle_of_a_text_stands_on_a_line_of_its_own(specdec, own, monkeypatch) -> None:
    def full(self) -> None:
        raise MemoryError

    monkeypatch.setattr(Generation, "__next__", full)
    shown = specdec("generate", "abc", *own)
    assert (shown.code, shown.out) == (2, "abc\n") and shown.err.startswith("error: not enough memory")


@pytest.fixture(scope="session")
def spaced(own, tmp_path_factory) -> list[str]:
    """The target, whose tokenizer's decoder strips the space in front of a text (Metaspace)."""
    folder = tmp_path_factory.mktemp("models") / "spaced"
    shutil.copytree(own[1], folder)
    letters = [f"▁{letter}" for letter in "abcdefghij"] + list("abcdefghijklmnopqrstuvwxyz▁")
    vocabulary = {token: index for index, token in enumerate(["<|end|>", *letters])}
    vocabulary |= {f"<{index}>": index for index in range(len(vocabulary), 257)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("▁", letter) for letter in "abcdefghij"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>").save_pretrained(folder)
    return ["--target", str(folder), "--draft", str(folder)]


def test_text_stream_and_stop_agree_where_a_decoder_strips_spaces(specdec, spaced) -> None:
    arguments = ["generate", "a b", *spaced, "-n", 24, "--ignore-eos"]
    for seed in range(6):
        sampled = [*arguments, "-t", 1, "--seed", seed]
        document = specdec(*sampled, "--json").document
        shown = specdec(*sampled).out.rsplit("\n\n", 1)[0]
        assert shown.removesuffix("\n") == "a b" + safe_text(document["text"])
        first = re.search(r" \w|\w", document["text"])[0]  # a leading space belongs to the text
        stopped = specdec(*sampled, "--stop", first, "--json").document
        assert stopped["result"]["finish_reason"] == "stop" and first in stopped["text"]
        assert document["text"].startswith(stopped["text"])


def test_a_pair_that_is_one_model_twice_is_one_line(specdec, own, tmp_path) -> None:
    shutil.copytree(own[1], tmp_path / "copy")
    for draft in (own[1], tmp_path / "copy"):
        shown = specdec("generate", "abc", *own[:2], "--draft", draft, "-n", 4, "--json")
        assert shown.document["result"]["num_tokens"] == 4
        assert shown.err.startswith("warning: ") and "same model" in shown.err and shown.err.count("\n") == 1


def test_steps_into_a_pipe_are_refused(specdec, own, tmp_path: Path) -> None:
    """A pipe that nobody reads would be waited for without a word."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        shown = specdec("generate", "x", *own, "--steps", path)
        assert shown.code == 2 and f"--steps: {path} is a pipe or a device" in shown.err


@pytest.mark.parametrize("policy", ["confidence:0.2", "entropy:0.1,most=4", "cost-aware"])
def test_a_policy_of_the_draft_length_gives_the_same_text_greedily(specdec, own, policy):
    asked = ("generate", "hello", *own, "-n", 12, "--json")
    plain = specdec(*asked[:2], *own[:2], "-n", 12, "--json", "--autoregressive").document
    shown = specdec(*asked, "--k", policy).document
    assert shown["decoder"].startswith(f"SD-{policy.partition(':')[0]}")
    assert shown["result"]["generated_ids"] == plain["result"]["generated_ids"]


def test_a_misspelt_policy_is_answered_with_the_right_one_before_anything_is_loaded(specdec):
    shown = specdec("generate", "hello", "--k", "confidences:0.4")
    assert (shown.code, shown.out) == (2, "") and "did you mean confidence?" in shown.err
