"""``specdec train``: make a pair from a corpus and a recipe, with the progress in sight.

On a terminal a bar a stage with step, loss, rate and the time that is left; elsewhere a line now
and then. It knows nothing of training: :func:`specdec_lib.training.pipeline.train` reports, this shows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

from specdec_lib.cli import options
from specdec_lib.cli.checks.machine import find_compiler
from specdec_lib.cli.terminal import console_for, error_console, print_error, print_json, safe_text, text
from specdec_lib.errors import InvalidArgument, SpecDecError
from specdec_lib.utils.paths import data_path

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from specdec_lib.training.optimise import StepReport

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
    from specdec_lib.training.corpus import require_file
    from specdec_lib.training.recipe import Recipe

    require_file(corpus)
    if not no_compile and find_compiler() is None:
        raise InvalidArgument("torch.compile finds no C++ compiler here; install one, or give --no-compile")
    plan = Recipe.load(data_path("configs", "pocket.toml") if recipe is None else recipe)
    console = error_console() if as_json else console_for()
    with _resumable(out), _display(console) as display:
        from transformers.utils import logging as transformers_logging

        from specdec_lib.models.loader import choose_device
        from specdec_lib.training.pipeline import train

        transformers_logging.disable_progress_bar()  # its bars would run through ours
        chosen = str(choose_device(device))
        folders = train(
            plan, corpus, out, device=chosen, compile=not no_compile, report=display.report, say=display.say
        )
    figures = [json.loads((out / "work" / f"{stage.name}.json").read_text()) for stage in plan.stages]
    _finish(console, folders, figures, as_json)


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    """Say how to go on after an interrupt; name a full disk, which torch reports as a runtime error."""
    try:
        yield
    except KeyboardInterrupt:
        print_error(f"interrupted; the same command resumes from the last checkpoint in {out / 'work'}")
        raise typer.Exit(130) from None
    except RuntimeError as error:
        if "inline_container" not in str(error):
            raise
        raise SpecDecError(
            f"a checkpoint in {out / 'work'} cannot be written; make room, then run the same command again"
        ) from error


def _finish(
    console: Console, folders: tuple[Path, Path], figures: list[dict[str, Any]], as_json: bool
) -> None:
    target, draft = map(str, folders)
    if as_json:
        print_json({"target": target, "draft": draft, "stages": figures})
        return
    console.print(
        text("Try it:", "bold"),
        text(f"specdec generate 'Hello' --target {target} --draft {draft}"),
        soft_wrap=True,
    )


# -- progress --------------------------------------------------------------------------------------


class Display(Protocol):
    """What shows the progress of a run."""

    def say(self, line: str) -> None: ...

    def report(self, step: StepReport) -> None: ...


@contextmanager
def _display(console: Console) -> Iterator[Display]:
    if not console.is_terminal:
        yield PlainLines(console)
        return
    with _progress_bar(console) as progress:
        yield Bars(progress)


def _progress_bar(console: Console) -> Progress:
    """A bar a stage, and below them a line with the newest figures."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class TrainingProgress(Progress):
        figures = ""

        def get_renderables(self) -> Iterator[Any]:
            yield self.make_tasks_table(self.tasks)
            yield text(self.figures, "dim")

    return TrainingProgress(
        TextColumn("{task.description}", markup=False, style="bold"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=console,
        expand=True,
    )


def figures_of(step: StepReport) -> str:
    """Loss, other averages, learning rate and speed, in a few characters each."""
    more = [f"{name} {value:.2f}" for name, value in step.figures.items()]
    rate = [f"lr {step.learning_rate:.1e}", f"{step.tokens_per_second:,.0f} tokens/s"]
    return " · ".join([f"loss {step.loss:.3f}", *more, *rate])


@dataclass
class Bars:
    """Bars on a terminal."""

    progress: Progress
    _tasks: dict[str, TaskID] = field(default_factory=dict)

    def say(self, line: str) -> None:
        """A line above the bars."""
        self.progress.console.print(text(line, "dim"), soft_wrap=True)

    def report(self, step: StepReport) -> None:
        """Move the stage's bar."""
        if step.stage not in self._tasks:
            self._tasks[step.stage] = self.progress.add_task(safe_text(step.stage), total=step.num_steps)
        self.progress.figures = figures_of(step)
        self.progress.update(self._tasks[step.stage], completed=step.step)


@dataclass
class PlainLines:
    """A line every ``every`` seconds, and one at the end of each stage."""

    console: Console
    every: float = 10.0
    clock: Callable[[], float] = time.monotonic
    _shown_at: float = float("-inf")
    _begun: tuple[str, int, float] = ("", 0, 0.0)
    """Stage, its first step that was reported, and when."""

    def say(self, line: str) -> None:
        """A line."""
        self.console.print(text(line), soft_wrap=True)

    def report(self, step: StepReport) -> None:
        """A line when it is time for one."""
        now = self.clock()
        if step.stage != self._begun[0]:
            self._begun = (step.stage, step.step, now)
        if now - self._shown_at >= self.every or step.step == step.num_steps:
            self._shown_at = now
            self.say(f"{step.stage} {step.step}/{step.num_steps} · {figures_of(step)}{self._left(step, now)}")

    def _left(self, step: StepReport, now: float) -> str:
        """Time for the rest of the stage at its mean speed so far."""
        done, rest = step.step - self._begun[1], step.num_steps - step.step
        if not (done and rest):
            return ""
        return f" · {timedelta(seconds=round((now - self._begun[2]) / done * rest))} left"
