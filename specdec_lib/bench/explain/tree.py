"""The tree of :mod:`specdec_lib.bench.explain.triage`: its questions, its parts, and a row for each place."""

from __future__ import annotations

from dataclasses import dataclass

from specdec_lib.utils.row import Row


@dataclass(frozen=True)
class Question:
    """One question of the tree, answered for one cell.

    Attributes:
        key: names it for programs.
        question: is answered with yes where nothing is wrong.
        measured, needed: the number and its limit, in words.
        holds: the answer; None where it was not measured.
        cause, remedy: what a no means, and what to do about it.
    """

    key: str
    question: str
    measured: str
    needed: str
    holds: bool | None
    cause: str
    remedy: str


@dataclass(frozen=True)
class Part:
    """One term of the formula as the place to work on.

    Attributes:
        measured, needed: its value, and where the cell would break even if nothing else changed.
        gain: speedup to be gained by the step that the advice of its key takes with it.
        step: that step, in words.
    """

    key: str
    question: str
    measured: str
    needed: str
    gain: float
    step: str
    cause: str
    remedy: str


@dataclass(frozen=True, eq=False)
class PlaceRow(Row):
    """A question or a part of a tree: its fields, those of the other kind None.

    Attributes:
        kind: "question" or "part". is_end: whether the way ends here. was_asked: whether it comes so far.
    """

    kind: str
    is_end: bool
    was_asked: bool
    key: str
    question: str
    measured: str
    needed: str
    cause: str
    remedy: str
    holds: bool | None = None
    gain: float | None = None
    step: str | None = None
