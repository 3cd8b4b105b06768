"""``specdec train``: a pair from a corpus and a recipe, or the exit of a target, with the progress in sight.

:mod:`specdec_lib.training.pipeline` and :mod:`~specdec_lib.training.exits` report,
:mod:`specdec_lib.cli.views.progress` shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import typer

from specdec_lib.cli import options, sentences
from specdec_lib.cli.terminal import console_for, error_console, print_error, print_json, text
from specdec_lib.cli.views.progress import progress_on
from specdec_lib.errors import InvalidArgument, SpecDecError
from specdec_lib.utils.paths import data_path

NAME = "train"
EXAMPLE = "specdec train --corpus corpus.jsonl.xz --out runs/pair"


def run(
    out: options.Out,
    corpus: options.Corpus = None,
    recipe: options.RecipeFile = None,
    exit_layers: options.ExitLayers = None,
    target: options.ExitTarget = None,
    tokens: options.ExitTokens = None,
    device: options.Device = None,
    no_compile: options.NoCompile = False,
    as_json: options.Json = False,
) -> None:
    """Train a draft and a target on a corpus; the same command resumes an interrupted run.

    With --exit N and --target MODEL: train the exit behind the first N layers of that model.
    """
    if exit_layers is None:
        if target is not None or tokens is not None:
            raise InvalidArgument("--target and --tokens are of an exit; give --exit N, the layers before it")
        if corpus is None:
            raise InvalidArgument("a pair needs --corpus FILE; an exit needs --exit N and --target MODEL")
        _train_pair(corpus, out, recipe, device, not no_compile, as_json)
        return
    if target is None or recipe is not None:
        lacking = "a --target, the model that exits" if target is None else "no --recipe"
        raise InvalidArgument(f"--exit {exit_layers} needs {lacking}")
    _train_exit(exit_layers, target, corpus, out, tokens, device, as_json)


def _train_pair(
    corpus: Path, out: Path, recipe: Path | None, device: str | None, compile: bool, as_json: bool
) -> None:
    from specdec_lib.cli.checks.machine import find_compiler
    from specdec_lib.training.corpus import require_file
    from specdec_lib.training.recipe import Recipe

    require_file(corpus)
    if compile and find_compiler() is None:
        raise InvalidArgument("torch.compile finds no C++ compiler here; install one, or give --no-compile")
    plan = Recipe.load(data_path("configs", "pocket.toml") if recipe is None else recipe)
    console = error_console() if as_json else console_for()
    with _resumable(out), progress_on(console) as shown:
        from transformers.utils import logging as transformers_logging

        from specdec_lib.models.loader import choose_device
        from specdec_lib.training.pipeline import train

        transformers_logging.disable_progress_bar()  # its bars would run through ours
        chosen = str(choose_device(device))
        folders = train(plan, corpus, out, device=chosen, compile=compile, report=shown.report, say=shown.say)
    target, draft = map(str, folders)
    if as_json:
        figures = [json.loads((out / "work" / f"{stage.name}.json").read_text()) for stage in plan.stages]
        print_json({"target": target, "draft": draft, "stages": figures})
        return
    _try_it(f"--target {target} --draft {draft}")


def _train_exit(
    layers: int,
    target: str,
    corpus: Path | None,
    out: Path,
    tokens: int | None,
    device: str | None,
    as_json: bool,
) -> None:
    from specdec_lib.data.sources import DOMAINS, builtin_texts
    from specdec_lib.training.corpus import read_corpus

    if corpus is None:
        texts = [prompt for domain in DOMAINS for prompt in builtin_texts(domain)]
    else:
        texts = [document.text for document in read_corpus(corpus)]
    console = error_console() if as_json else console_for()
    with _resumable(out), progress_on(console) as shown:
        from specdec_lib.models.loader import load_model
        from specdec_lib.models.wrapper import ModelWrapper
        from specdec_lib.training.exits import TOKENS, train_exit

        model = ModelWrapper(*load_model(target, device=device))
        options = {"tokens": tokens or TOKENS, "report": shown.report, "say": shown.say}
        figures = train_exit(model, layers, texts, out, **options)
    if as_json:
        print_json({"exit": str(out), "layers": layers, "target": target, **asdict(figures)})
        return
    told = f"{figures.untrained:.2f} untrained, {figures.trained:.2f} trained"
    console.print(text(f"exit behind {layers} layers: Σ min(p, q) {told}"))
    _try_it(f"--target {target} --draft head:{out}")


def _try_it(models: str) -> None:
    example = text(f"specdec generate 'Hello' {models}")
    console_for().print(text("Try it:", "bold"), example, soft_wrap=True)


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    """Say how to go on after an interrupt; name a full disk, which torch reports as a runtime error."""
    try:
        yield
    except KeyboardInterrupt:
        print_error(sentences.interrupted_training(out / "work"))
        raise typer.Exit(130) from None
    except RuntimeError as error:
        if "inline_container" not in str(error):
            raise
        raise SpecDecError(sentences.checkpoint_has_no_room(out / "work")) from error
