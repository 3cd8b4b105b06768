"""``specdec sweep``: run the cells of a grid, keep each as soon as it is done, go on where it ended."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from specdec_lib.cli import options
from specdec_lib.cli.selection import busy
from specdec_lib.cli.terminal import console_for, error_console, print_error, print_json
from specdec_lib.cli.views import sentences
from specdec_lib.cli.views.sweep import show_outcome, show_plan, sweep_display
from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    from specdec_lib.bench.sweep.folder import SweepFolder
    from specdec_lib.bench.sweep.plan import SweepPlan
    from specdec_lib.cli.views import sentences
from specdec_lib.cli.views.sweep import SweepDisplay

NAME = "sweep"
EXAMPLE = "specdec sweep pocket --dry-run, then specdec sweep pocket"


def run(
    config: options.SweepFile,
    output: options.SweepOutput = None,
    dry_run: options.DryRun = False,
    workers: options.Workers = None,
    scheduler: options.Scheduler = None,
    as_json: options.Json = False,
) -> None:
    """Run a grid of benchmarks, one notebook a cell; what is killed goes on where it was.

    Exit code 1: some cell failed; its notebook is kept, and the same command tries it again.
    """
    from specdec_lib.bench.sweep.config import read_sweep

    asked = read_sweep(config)
    if workers is not None and scheduler is not None:
        raise InvalidArgument("--workers starts a cluster here, --scheduler names one; give one of the two")
    is_here = workers is None and scheduler is None
    folder = Path("runs", asked.name) if output is None else output
    with ExitStack() as stack:
        kernels = stack.enter_context(_warm_kernels()) if is_here and not dry_run else None
        with busy(f"looking at the cells of {asked.name} …"):
            from specdec_lib.bench.sweep.folder import SweepFolder
            from specdec_lib.bench.sweep.plan import plan_sweep

            plan = plan_sweep(asked, fits_here=is_here, fetch=not dry_run)
        if dry_run:
            show_plan(console_for(as_json), plan, SweepFolder(folder), as_json)
            return
        kept = stack.enter_context(SweepFolder(folder))
        display = stack.enter_context(sweep_display(error_console(), plan, kept))
        try:
            outcome = _run(plan, kept, display, workers, scheduler, kernels)
        except KeyboardInterrupt:
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # what was cut off complains at exit
            print_error(sentences.interrupted(folder, len(kept.done()), len(plan.planned)))
            raise typer.Exit(130) from None
    told = display.to_dict(outcome)
    if as_json:
        print_json(told)
    else:
        show_outcome(console_for(), told)
    if outcome.failed:
        raise typer.Exit(1)


def _warm_kernels() -> Any:
    """Where kernels come from; started at once, so that it imports while the cells are looked at."""
    from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK
    from specdec_lib.bench.notebook.warm import WarmKernels

    return WarmKernels(BENCHMARK_NOTEBOOK)


def _run(
    plan: SweepPlan,
    kept: SweepFolder,
    display: SweepDisplay,
    workers: int | None,
    scheduler: str | None,
    kernels: Any,
) -> Any:
    """Run what is left, here or on a cluster."""
    from specdec_lib.bench.sweep.sweeping import run_here, run_sweep

    if workers is None and scheduler is None:
        return run_sweep(plan, kept, run_here(kept.work, display.begins, display.lines, kernels), display)
    from specdec_lib.bench.sweep.cluster import run_on_cluster

    with run_on_cluster(workers, scheduler, display.begins, display.say) as runner:
        return run_sweep(plan, kept, runner, display)
