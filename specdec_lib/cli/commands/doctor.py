"""``specdec doctor``: what this machine has, and which pairs run on it; or of one pair, whether it runs here.

What is found out is :mod:`specdec_lib.cli.checks`'s; here it is asked for and handed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from specdec_lib.cli import options
from specdec_lib.cli.selection import Selection, busy, choose_models, selection_of
from specdec_lib.cli.terminal import console_for, print_json
from specdec_lib.cli.views.doctor import machine_page, pair_page
from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    from specdec_lib.cli.checks.machine import MachineReport
    from specdec_lib.cli.checks.pair import PairReport

NAME = "doctor"
EXAMPLE = "specdec doctor"


def run(
    *,
    models: options.DoctorOptions,
    autoregressive: options.Autoregressive = False,
    as_json: options.Json = False,
) -> None:
    """Say what this machine has and which pairs fit in its memory; or of one pair, whether it runs here."""
    alone = models.drafter is not None or autoregressive
    if alone or (models.pair, models.target, models.draft) != (None, None, None):
        selection = selection_of(models, not autoregressive) if alone else choose_models(models)
        _show(_examined(selection, alone or selection.drafter is not None), pair_page, as_json)
        return
    if models != options.DoctorOptions():
        raise InvalidArgument(
            "--dtype, --draft-dtype and --device need a pair: give --pair or --target, --draft"
        )
    with busy("looking around …"):
        from specdec_lib.cli.checks.machine import examine_machine

        report = examine_machine()
    _show(report, machine_page, as_json)


def _examined(selection: Selection, alone: bool) -> PairReport:
    """A pair, or a target that no draft model drafts for: ``alone``, or with a drafter to be asked."""
    with busy(f"looking at {selection.pair.pair_name} …"):
        from specdec_lib.cli.checks.drafter import NOT_TRIED, check_drafter
        from specdec_lib.cli.checks.pair import examine_pair

        report = examine_pair(selection.pair, selection.device, alone)
        if selection.drafter is None:
            return report
        runs = all(finding.status == "ok" for finding in report.findings)
        asked = check_drafter(selection) if runs else NOT_TRIED
        return replace(report, findings=(*report.findings, asked))


def _show(report: PairReport | MachineReport, page: Callable[[Any], list[Any]], as_json: bool) -> None:
    """Print a report, laid out by ``page``; what must be put right makes the exit code 1."""
    if as_json:
        print_json(report.to_dict())
    else:
        console = console_for()
        for part in page(report):
            console.print(part)
    if any(finding.status == "bad" for finding in report.findings):
        raise typer.Exit(1)
