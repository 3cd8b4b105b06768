"""What ``specdec train`` shows while it runs.

On a terminal a bar a stage with step, loss, rate and the time that is left; elsewhere a line now and then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences
from specdec_lib.cli.terminal import safe_text, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from specdec_lib.training.optimise import StepReport


@contextmanager
def progress_on(console: Console) -> Iterator[Bars | PlainLines]:
    """A bar a stage on a terminal, and below them the newest figures; elsewhere a line now and then."""
    if not console.is_terminal:
        yield PlainLines(console)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class TrainingProgress(Progress):
        figures = ""

        def get_renderables(self) -> Iterator[Any]:
            yield self.make_tasks_table(self.tasks)
            yield text(self.figures, "dim")

    name = TextColumn("{task.description}", markup=False, style="bold")
    left = TimeRemainingColumn(compact=True, elapsed_when_finished=True)
    columns = (name, BarColumn(bar_width=None), MofNCompleteColumn(), left)
    with TrainingProgress(*columns, console=console, expand=True) as progress:
        yield Bars(progress)


def figures_of(step: StepReport) -> str:
    """What a step came to, in a few characters."""
    return sentences.training_line(step.loss, step.figures, step.learning_rate, step.tokens_per_second)


@dataclass
class Bars:
    """Bars on a terminal."""

    progress: Any
    """rich's ``Progress``, with a line of ``figures`` below the bars."""
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
        return sentences.time_left_line((now - self._begun[2]) / done * rest)
