"""``specdec train``: make a pair from a corpus and a recipe, with the progress in sight.

:func:`specdec_lib.training.pipeline.train` reports, :mod:`specdec_lib.cli.views.progress` shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
    corpus: options.Corpus,
    out: options.Out,
    recipe: options.RecipeFile = None,
    device: options.Device = None,
    no_compile: options.NoCompile = False,
    as_json: options.Json = False,
) -> None:
    """Train a draft and a target on a corpus; the same command resumes an interrupted run."""
    from specdec_lib.cli.checks.machine import find_compiler
    from specdec_lib.training.corpus import require_file
    from specdec_lib.training.recipe import Recipe

    require_file(corpus)
    if not no_compile and find_compiler() is None:
        raise InvalidArgument("torch.compile finds no C++ compiler here; install one, or give --no-compile")
    plan = Recipe.load(data_path("configs", "pocket.toml") if recipe is None else recipe)
    console = error_console() if as_json else console_for()
    with _resumable(out), progress_on(console) as shown:
        from transformers.utils import logging as transformers_logging

        from specdec_lib.models.loader import choose_device
        from specdec_lib.training.pipeline import train

        transformers_logging.disable_progress_bar()  # its bars would run through ours
        chosen = str(choose_device(device))
        folders = train(
            plan, corpus, out, device=chosen, compile=not no_compile, report=shown.report, say=shown.say
        )
    target, draft = map(str, folders)
    if as_json:
        figures = [json.loads((out / "work" / f"{stage.name}.json").read_text()) for stage in plan.stages]
        print_json({"target": target, "draft": draft, "stages": figures})
        return
    example = text(f"specdec generate 'Hello' --target {target} --draft {draft}")
    console.print(text("Try it:", "bold"), example, soft_wrap=True)


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
