"""Two engines at temperature 0: where their texts part, and what the checks say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from specdec_lib.cli.terminal import Prose, safe_table
from specdec_lib.cli.views import sentences
from specdec_lib.cli.views.proofs.checks import print_checks

if TYPE_CHECKING:
    from rich.console import Console

    from specdec_lib.lossless.audit.greedy.outcome import GreedyComparison, GreedyParting

_PARTINGS = ("text", "token", "A", "B", "gap", "likelier")
_MOST = 12


def print_comparison(console: Console, found: GreedyComparison) -> None:
    """The first partings, the checks and the verdict."""
    if found.partings:
        title = sentences.WHERE_THEY_PART.format(found.names[0], found.names[1])
        console.print(safe_table(title, _PARTINGS, "rrrrrl", map(_parting_row, found.partings[:_MOST])))
        if (more := len(found.partings) - _MOST) > 0:
            console.print(Prose(sentences.MORE_PART.format(more)))
    print_checks(console, sentences.TIE_OR_BUG, found.checks(), found.says)
    if found.noise_says:
        console.print(Prose(found.noise_says, "dim"))


def _parting_row(one: GreedyParting) -> list[Any]:
    gap = "–" if one.gap is None else f"{one.gap:.2g}"
    tokens = ("end" if token is None else str(token) for token in (one.ours, one.theirs))
    return [one.prompt + 1, one.place + 1, *tokens, gap, one.likelier]
