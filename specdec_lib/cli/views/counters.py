"""Another engine's run on the screen: its numbers in every dialect, and where its speed went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from specdec_lib.bench.explain.counters import sentences
from specdec_lib.cli.terminal import Prose, safe_line, safe_table, text
from specdec_lib.cli.views.explanation import bulleted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from specdec_lib.bench.explain.counters.account import Account
    from specdec_lib.bench.foreign.run import ForeignRun
    from specdec_lib.theory.dialects import Acceptance

_DEFINITIONS = ("acceptance", "formula", "value", "95 %")
_TERMS = ("term", "steps", "change", "speedup", "because")
_PLACED = ("by_round", "by_draft", "by_reached")


def show_account(console: Console, run: ForeignRun, account: Account) -> None:
    """What to do first, then where it goes, then every definition, and what the counters leave out."""
    console.print(Prose(f"{run.engine}: {safe_line(run.source)}", "bold"))
    console.print()
    for advice in account.advice:
        console.print(bulleted(advice.sentence, "bold" if advice.key in ("verdict", "check") else ""))
    console.print()
    if account.cost is not None:
        terms = [
            (
                term.term,
                "" if term.cost is None else f"{term.cost:.2f}",
                "" if term.change is None else f"{term.change:+.2f}",
                f"{term.speedup:.2f}×",
                text(term.meaning, "dim"),
            )
            for term in account.terms
        ]
        console.print(safe_table("Where it goes", _TERMS, "lrrrl", terms))
    whole = [one for one in account.definitions if one.key not in _PLACED]
    told = [_definition_row(one) for one in whole if one.value is not None]
    console.print(safe_table(sentences.IN_EVERY_DEFINITION, _DEFINITIONS, "llrl", told))
    if (rows := list(_position_rows(account))) and rows[0]:
        headings = ("position", *map(str, range(1, len(rows[0]))))
        console.print(safe_table("By position", headings, "l" + "r" * (len(headings) - 1), rows))
    for note in (*_not_determined(whole), *dict.fromkeys(account.notes)):
        console.print(Prose(f"{safe_line(note)}.", "dim"))
    if account.cost is not None:
        console.print(Prose(sentences.WHAT_THEY_ARE, "dim"))


def _definition_row(one: Acceptance) -> list[str | Text]:
    value = "" if one.value is None else f"{one.value:.3f}" + ("*" if one.basis == "assumed" else "")
    ends = (
        f"{one.low:.3f} to {one.high:.3f}" if one.low is not None and one.high is not None else one.note or ""
    )
    return [sentences.NAMES[one.key], one.formula, value, text(ends, "dim" if one.low is None else "")]


def _not_determined(definitions: Sequence[Acceptance]) -> Iterator[str]:
    """A line a reason why definitions have no value."""
    missing: dict[str, list[str]] = {}
    for one in definitions:
        if one.value is None:
            missing.setdefault(one.note or "", []).append(sentences.NAMES[one.key])
    for why, names in missing.items():
        yield sentences.NOT_DETERMINED.format("; ".join(names), why)


def _position_rows(account: Account) -> Iterator[list[str]]:
    """A row a kind of share, where positions were counted."""
    for key in _PLACED:
        shares = [one for one in account.definitions if one.key == key and one.position is not None]
        if shares:
            yield [
                sentences.POSITIONS[key],
                *("–" if one.value is None else f"{one.value:.2f}" for one in shares[:_MOST]),
            ]


_MOST = 8
"""Positions that fit beside each other."""
