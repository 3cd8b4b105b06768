"""The table of a proof or an audit: a line a check, what decided it, and what it would have seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from specdec_lib.cli.terminal import Prose, safe_table, text
from specdec_lib.lossless.sentences import NOT_ASKED, NOT_MET, REJECTED, SEES

if TYPE_CHECKING:
    from rich.console import Console

    from specdec_lib.lossless.verdict import Check

_COLUMNS = ("test", "statistic", "N", "p or bound", "sees", "verdict")
_VERDICTS = {True: ("pass", "green"), False: ("REJECTED", "bold red"), None: ("n/a", "dim")}


def print_checks(
    console: Console, title: str, found: Sequence[Check], verdict: str, judged: bool = True
) -> None:
    """The table, the verdict, what was rejected or could not be asked, and what the column *sees* says.

    Args:
        judged: False where nothing can be said: what a check found is then no conviction, and not called one.
    """
    is_replayed = bool(found) and all(check.unit == "replays" for check in found)
    columns = [("replays" if is_replayed and name == "N" else name) for name in _COLUMNS]
    console.print(safe_table(title, columns, "llrlrl", [_row(check, judged) for check in found]))
    console.print(Prose(verdict, "bold"))
    for check in found:
        if check.passed is not True:
            template = NOT_ASKED if check.passed is None else REJECTED if judged else NOT_MET
            console.print(Prose(template.format(check.title, check.says), "dim"))
    if any(check.catches is not None for check in found):
        console.print(Prose(SEES, "dim"))


def _row(check: Check, judged: bool) -> list[Any]:
    test = f"{check.test}, {check.verifier}" if check.verifier else check.test
    number = f"{check.num_samples:,}".replace(",", " ")
    sees = "–" if check.catches is None else f"{check.catches:.3f}"
    verdict = _VERDICTS[check.passed] if judged or check.passed is not False else ("not met", "dim")
    return [test, check.statistic, number, _decided_by(check), sees, text(*verdict)]


def _decided_by(check: Check) -> str:
    if check.passed is None:
        return "–"
    if check.p_value is not None:
        return f"p = {check.p_value:.2g}"
    if check.test == "distance":
        return f"≤ {check.bound:.3f}"
    return f"≤ {check.bound:.2g}" if check.bound else "= 0"
