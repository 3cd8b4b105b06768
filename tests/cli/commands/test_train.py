"""``specdec train``: a pair from two optimiser steps, and what is shown meanwhile."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from specdec_lib.cli import sentences
from specdec_lib.cli.views.progress import Bars, PlainLines, figures_of, progress_on
from specdec_lib.models.loader import load_model
from specdec_lib.training import pipeline, stages, work_folder
from specdec_lib.training.corpus import Document
from specdec_lib.training.optimise import StepReport

STEP = StepReport("base", 5, 20, 3.14159, 1e-3, 12345.6, {"acceptance": 0.5})


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    texts = [f"def f{i}(x):\n    return x + {i}\n" * 3 for i in range(250)]
    path.write_text("".join(json.dumps({"domain": "code", "text": text}) + "\n" for text in texts))
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    shape = "[shape]\nvocab_size = 270\nwidth = 16\nmlp_width = 32\nnum_heads = 2\ncontext = 32\n"
    common = "tokens = 64\nbatch = 2\nlength = 16\npeak_lr = 1e-3\n"
    path = tmp_path / "recipe.toml"
    path.write_text(
        f'name = "mini"\nseed = 1\n{shape}'
        f'[[stages]]\nname = "base"\nkind = "pretrain"\nlayers = 2\n{common}'
        f'[[stages]]\nname = "draft"\nkind = "distill"\nlayers = 1\n{common}'
    )
    return path


def arguments(corpus: Path, recipe: Path, out: Path) -> list[object]:
    return ["train", "--corpus", corpus, "--recipe", recipe, "--out", out, "--no-compile", "--device", "cpu"]


def test_a_pair_is_trained_and_loads(specdec, corpus, recipe, tmp_path: Path) -> None:
    out = tmp_path / "pair"
    shown = specdec(*arguments(corpus, recipe, out), "--json")
    document = shown.document
    assert shown.code == 0 and [stage["tokens"] for stage in document["stages"]] == [64, 64]
    assert (document["target"], document["draft"]) == (str(out / "mini-target"), str(out / "mini-draft"))
    assert "base 2/2 · loss " in shown.err and "draft 2/2 · loss " in shown.err
    for folder in (document["target"], document["draft"]):
        load_model(folder)
    again = specdec(*arguments(corpus, recipe, out))
    assert again.code == 0 and "2/2" not in again.out  # finished stages are not run again
    assert f"--target {out / 'mini-target'} --draft {out / 'mini-draft'}" in again.out


@pytest.mark.parametrize(
    "change, said",
    [
        ({"--corpus": "/no/such.jsonl"}, "no file '/no/such.jsonl'"),
        ({"--recipe": "/no/such.toml"}, "no file '/no/such.toml'"),
        ({"--device": "warp"}, "'warp' is not available"),
        ({"--out": "/dev/null/pair"}, "/dev/null/pair"),
    ],
)
def test_bad_input_is_one_line_and_code_2(specdec, corpus, recipe, tmp_path, change, said) -> None:
    given = arguments(corpus, recipe, tmp_path / "pair")
    for option, value in change.items():
        given[given.index(option) + 1] = value
    shown = specdec(*given)
    assert shown.code == 2 and shown.err.startswith("error: ") and shown.err.count("\n") == 1
    assert said in shown.err and not (tmp_path / "pair").exists()


def test_a_file_where_the_folder_is_to_be(specdec, corpus, recipe, tmp_path) -> None:
    (tmp_path / "pair").write_text("mine")
    for out in (tmp_path / "pair", tmp_path / "pair" / "below"):
        shown = specdec(*arguments(corpus, recipe, out))
        said = f"error: train: --out is {out}, and {tmp_path / 'pair'} is a file; give a folder for the pair"
        assert (shown.code, shown.err) == (2, f"{said}\n") and (tmp_path / "pair").read_text() == "mine"


@pytest.mark.parametrize(
    "name, content",
    [
        ("c.jsonl", b'{"domain": "code"}\n'),
        ("c.jsonl", b"\xff\xfe\n"),
        ("c.jsonl", b'{"domain": "code", "text": 3}\n'),
        ("c.jsonl.xz", b"not compressed"),
        ("c.jsonl.gz", b"not compressed"),
        ("c.jsonl.gz", bytes.fromhex("1f8b0800000000000003") + b"torn"),
    ],
)
def test_a_corpus_that_is_none_is_one_line_and_code_2(specdec, recipe, tmp_path, name, content) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    shown = specdec(*arguments(path, recipe, tmp_path / "pair"))
    assert shown.code == 2 and shown.err.count("\n") == 1
    assert shown.err.startswith("error: read corpus: ") and name in shown.err
    assert not (tmp_path / "pair").exists()


def untouched(specdec, monkeypatch, given: list[object], said: str) -> None:
    """Refused in one line, before a tokenizer or a model is trained; no folder is left behind."""
    monkeypatch.setattr(work_folder, "train_tokenizer", lambda *args: pytest.fail("a tokenizer was trained"))
    monkeypatch.setattr(stages, "_run", lambda *args, **more: pytest.fail("a stage was run"))
    shown = specdec(*given)
    assert shown.code == 2 and said in shown.err, shown.err
    assert [line for line in shown.err.splitlines() if "reading" not in line] == [shown.err.splitlines()[-1]]
    assert not given[given.index("--out") + 1].exists()


def write_corpus(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"domain": "code", "text": text}) + "\n" for text in texts))
    return path


@pytest.mark.parametrize("texts", [[], ["one text"], ["the same"] * 500, [f"text {i}" for i in range(20)]])
def test_a_corpus_of_which_nothing_is_held_out(specdec, recipe, tmp_path, monkeypatch, texts) -> None:
    corpus = write_corpus(tmp_path / "c.jsonl", texts)
    said = f"none of the corpus's {len(texts)} documents is held out"
    untouched(specdec, monkeypatch, arguments(corpus, recipe, tmp_path / "out"), said)


def test_a_corpus_shorter_than_a_stages_windows(specdec, recipe, tmp_path, monkeypatch) -> None:
    held_out = next(t for t in (f"text {i}" for i in range(10**4)) if Document("code", t).is_held_out)
    corpus = write_corpus(tmp_path / "c.jsonl", [held_out, "a", "b", "c"])
    said = "the corpus makes 6 tokens at most, and a stage of the recipe takes 17 in a row"
    untouched(specdec, monkeypatch, arguments(corpus, recipe, tmp_path / "out"), said)


def test_a_corpus_that_its_tokenizer_makes_too_short(specdec, recipe, tmp_path, monkeypatch) -> None:
    held_out = next(t for t in (f"text {i}" for i in range(10**4)) if Document("code", t).is_held_out)
    corpus = write_corpus(tmp_path / "c.jsonl", [held_out, "aaaaaaaa", "aaaaaaab"])
    monkeypatch.setattr(stages, "_run", lambda *args, **more: pytest.fail("a stage was run"))
    shown = specdec(*arguments(corpus, recipe, tmp_path / "out"))
    assert shown.code == 2 and "tokens, and a stage of the recipe takes 17 in a row" in shown.err
    assert not (tmp_path / "out").exists()


def test_the_work_of_another_corpus_is_not_taken_for_this_ones(specdec, corpus, recipe, tmp_path) -> None:
    out = tmp_path / "pair"
    assert specdec(*arguments(corpus, recipe, out)).code == 0
    other = write_corpus(tmp_path / "other.jsonl", [f"another text, {i}" for i in range(500)])
    shown = specdec(*arguments(other, recipe, out))
    assert shown.code == 2 and "holds the work of another corpus" in shown.err
    (out / "work" / "recipe.json").write_text("{")
    assert "recipe.json is damaged" in specdec(*arguments(corpus, recipe, out)).err


def test_half_a_character_is_no_text(specdec, recipe, tmp_path) -> None:
    (tmp_path / "c.jsonl").write_text('{"domain": "code", "text": "\\ud800"}\n')
    shown = specdec(*arguments(tmp_path / "c.jsonl", recipe, tmp_path / "out"))
    assert shown.code == 2 and "c.jsonl:1: the text is no Unicode" in shown.err


def test_no_compiler(specdec, corpus, recipe, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("specdec_lib.cli.checks.machine.find_compiler", lambda: None)
    given = [
        argument for argument in arguments(corpus, recipe, tmp_path / "out") if argument != "--no-compile"
    ]
    untouched(specdec, monkeypatch, given, "finds no C++ compiler here")


def test_an_interrupt_says_how_to_resume(specdec, corpus, recipe, tmp_path, monkeypatch) -> None:
    def interrupted(*arguments, **options) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "train", interrupted)
    shown = specdec(*arguments(corpus, recipe, tmp_path / "pair"))
    assert shown.code == 130
    work = tmp_path / "pair" / "work"
    resumed = f"the same command resumes from the last checkpoint in {work}"
    assert shown.err == f"error: interrupted; {resumed}\n"


def test_a_full_disk_under_a_checkpoint(specdec, corpus, recipe, tmp_path, monkeypatch) -> None:
    def full(*arguments, **options) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598")

    monkeypatch.setattr(pipeline, "train", full)
    shown = specdec(*arguments(corpus, recipe, tmp_path / "pair"))
    assert shown.code == 2 and "cannot be written; make room" in shown.err


def test_the_default_recipe_is_the_embedded_pairs(specdec, corpus, tmp_path, monkeypatch) -> None:
    seen = []

    def watched(recipe, *arguments, **options) -> None:
        seen.append((recipe.name, options["compile"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "train", watched)
    specdec("train", "--corpus", corpus, "--out", tmp_path)
    assert seen == [("pocket", True)]


# -- progress --------------------------------------------------------------------------------------


def test_figures_of_a_step() -> None:
    assert figures_of(STEP) == sentences.training_line(3.1416, {"acceptance": 0.5}, 1e-3, 12345.6)


def test_plain_lines_come_now_and_then_and_at_the_end() -> None:
    file, now = io.StringIO(), iter([0.0, 4.0, 12.0, 14.0, 15.0])
    lines = PlainLines(Console(file=file, width=40), clock=lambda: next(now))
    for number in (1, 5, 13, 15, 20):
        lines.report(replace(STEP, step=number))
    shown = file.getvalue().splitlines()
    assert [line.split(" · ")[0] for line in shown] == ["base 1/20", "base 13/20", "base 20/20"]
    assert shown[1].endswith(" · 0:00:07 left") and "left" not in shown[0] + shown[2]


def test_bars_on_a_terminal() -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, color_system=None)
    with progress_on(console) as display:
        assert isinstance(display, Bars)
        display.say("reading [bold]corpus")
        display.report(STEP)
        display.report(replace(STEP, stage="draft", step=20))
    last = file.getvalue().split("base ")[-1]
    assert "reading [bold]corpus" in file.getvalue()
    assert "5/20" in last and "20/20" in last and "loss 3.142" in last


def test_plain_lines_elsewhere() -> None:
    with progress_on(Console(file=io.StringIO())) as display:
        assert isinstance(display, PlainLines)


# -- exits -----------------------------------------------------------------------------------------


def test_an_exit_is_trained_and_drafts(specdec, layered, tmp_path: Path) -> None:
    out = tmp_path / "exit"
    given = ["train", "--exit", 1, "--target", layered, "--tokens", 400, "--out", out, "--device", "cpu"]
    shown = specdec(*given)
    assert shown.code == 0 and "exit behind 1 layers: Σ min(p, q)" in shown.out
    assert f"--draft head:{out}" in shown.out
    document = specdec(*given, "--json").document
    assert (document["exit"], document["layers"]) == (str(out), 1)
    options = ("--target", layered, "--draft", f"head:{out}", "-n", 8, "--json")
    drafted = specdec("generate", "abc", *options).document
    assert drafted["pair"].startswith("head.exit+")


@pytest.mark.parametrize(
    "given, said",
    [
        ([], "a pair needs --corpus FILE; an exit needs --exit N and --target MODEL"),
        (["--target", "pocket-target"], "--target and --tokens are of an exit; give --exit N"),
        (["--exit", 4], "--exit 4 needs a --target, the model that exits"),
        (["--exit", 4, "--target", "pocket-target", "--recipe", "r.toml"], "--exit 4 needs no --recipe"),
        (["--exit", 4, "--target", "./nobody"], "model folder './nobody' does not exist"),
    ],
)
def test_what_an_exit_needs(specdec, tmp_path, given, said) -> None:
    shown = specdec("train", "--out", tmp_path / "out", *given)
    assert shown.code == 2 and said in shown.err and not (tmp_path / "out").exists()
