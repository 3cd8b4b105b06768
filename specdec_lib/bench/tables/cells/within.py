"""What one cell says about ratios: each number of a cell over a number of the same cell.

A machine may be three times slower an hour later. Times of different cells are then times of different
machines; ratios within a cell are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import NamedTuple

from specdec_lib.bench.records.kinds import CellRecord

UNLIKE = 1.3
"""Fastest over slowest baseline of a setup's cells from which the machine is told to have changed."""
ALIKE = 1.1
"""Fastest over slowest baseline up to which one curve stands for all."""


class ForwardOfCell(NamedTuple):
    """A forward's median seconds in one cell, over that of one token, and over the target's of one token."""

    seconds: float
    over_one: float | None
    over_target: float | None


class CellCost(NamedTuple):
    """What a cell's K costs it in target forwards of one token: a draft forward, K + 1 tokens, the rest of a
    round; ``overhead`` is None without a profile."""

    c: float
    v: float
    overhead: float | None


def step_seconds(cell: CellRecord) -> float | None:
    """Seconds of a token of the cell's baseline, behind the first round; None where that has none."""
    arm = cell.baseline_counts
    seconds, tokens = sum(arm.seconds) - sum(arm.first_seconds), sum(arm.num_tokens) - sum(arm.first_tokens)
    return seconds / tokens if seconds > 0 and tokens > 0 else None


def forwards_of(medians: Mapping[tuple[str, int], float]) -> dict[tuple[str, int], ForwardOfCell]:
    """The forwards that a cell timed, each beside those of one token in the same cell."""
    target = medians.get(("target", 1)) or None
    told = {}
    for (model, width), seconds in medians.items():
        one = medians.get((model, 1)) or None
        told[model, width] = ForwardOfCell(
            seconds, seconds / one if one else None, seconds / target if target else None
        )
    return told


def cost_of(cell: CellRecord, medians: Mapping[tuple[str, int], float]) -> CellCost | None:
    """The costs of a cell's own K; None where a forward is missing."""
    one, draft = medians.get(("target", 1)), medians.get(("draft", 1))
    wide = medians.get(("target", cell.config.K + 1))
    if not (one and draft and wide):
        return None
    told, overhead = cell.phases, None
    if told and told.get("rounds"):
        spent = told["total_ms"] - told.get("verify_ms", 0.0) - 1e3 * draft * told["drafted"]
        overhead = spent / told["rounds"] / (1e3 * one)
    return CellCost(draft / one, wide / one, overhead)


def typical_cost(costs: Iterable[CellCost]) -> CellCost | None:
    """The median of each part over cells; None where there is none."""
    every = list(costs)
    if not every:
        return None
    known = [cost.overhead for cost in every if cost.overhead is not None]
    overhead = max(0.0, median(known)) if known else None
    return CellCost(median(cost.c for cost in every), median(cost.v for cost in every), overhead)
