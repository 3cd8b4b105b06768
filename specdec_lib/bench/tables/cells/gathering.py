"""Cells folded into columns of numbers as they are read, so that ten thousand of them are never held.

What is kept of a cell are a row a block (its counts, both arms), its latency bins, its outcomes, and sums of
what was profiled. Everything that is derived from them is numpy over those columns.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.records.kinds.counts import ArmCounts
from specdec_lib.bench.tables.cells.setups import CellGroup, CellSetup, SetupFacts, group_of, setup_names
from specdec_lib.bench.tables.cells.within import CellCost, cost_of, forwards_of, step_seconds
from specdec_lib.data.own_prompts import conversation_of
from specdec_lib.errors import RecordError

_OF_ARM = ("seconds", "num_tokens", "first_seconds", "first_tokens")
_OF_DRAFT = ("num_accepted_tokens", "num_rejections", "num_draft_tokens", "num_drafts", "num_forwards")
COLUMNS = (*(f"ar_{name}" for name in _OF_ARM), *(f"sd_{name}" for name in _OF_ARM), *_OF_DRAFT)
"""The columns of a block's row: seconds and tokens of both arms, then the counts of the draft's rounds."""


class _Bins:
    """Lists of small rows of whole numbers, flat, with the owner of each."""

    def __init__(self) -> None:
        self.flat, self.owners, self.lengths = array("q"), array("q"), array("q")

    def add(self, owner: int, rows: list[list[int]]) -> None:
        self.flat.extend(chain.from_iterable(rows))
        self.owners.append(owner)
        self.lengths.append(len(rows))

    def absorb(self, other: _Bins, renumbered: Callable[[np.ndarray], np.ndarray]) -> None:
        """Add the rows of ``other``, whose owners have other numbers here."""
        self.flat.extend(other.flat)
        self.lengths.extend(other.lengths)
        _with(self.owners, renumbered(np.array(other.owners, np.int64)))

    def table(self, width: int) -> Int[np.ndarray, "rows columns"]:
        """The owner and then the columns of each row."""
        owners = np.repeat(np.array(self.owners, np.int64), np.array(self.lengths, np.int64))
        return np.column_stack([owners, np.array(self.flat, np.int64).reshape(-1, width)])


@dataclass(frozen=True, eq=False)
class Gathered:
    """The counts of many cells.

    Attributes:
        groups: in the order of their numbers. setups: facts by setup, named.
        owners, prompts: of each block, the number of its group and of its prompt in ``prompt_names``.
        blocks: a row a block, columns as :data:`COLUMNS` names them.
        num_cells, identical, compared: of each group: cells, and texts with the baseline's ids.
        outcomes: group, drafted, accepted, rounds. latencies: twice the group (+ 1: the draft), bin, tokens.
        phases: totals of the profiled rounds of each group that has them; ``step_ms`` are their steps, each
            that of its own cell. costs: of each group, of its cells.
    """

    groups: list[CellGroup]
    setups: dict[CellSetup, SetupFacts]
    prompt_names: list[str]
    owners: Int[np.ndarray, " blocks"]
    prompts: Int[np.ndarray, " blocks"]
    blocks: Float[np.ndarray, "blocks columns"]
    num_cells: list[int]
    identical: list[int]
    compared: list[int]
    outcomes: Int[np.ndarray, "outcomes 4"]
    latencies: Int[np.ndarray, "bins 3"]
    phases: dict[int, dict[str, float]]
    costs: dict[int, list[CellCost]]

    def of(self, setup: CellSetup) -> list[int]:
        """The numbers of a setup's groups, by temperature, domain and draft length."""
        own = [number for number, group in enumerate(self.groups) if group.setup == setup]
        return sorted(own, key=lambda number: _reading_order(self.groups[number]))


def _reading_order(group: CellGroup) -> tuple[Any, ...]:
    return group.temperature, group.domain, not group.length.isdigit(), group.k, group.length


def _with(one: Any, more: Any) -> None:
    one.frombytes(np.asarray(more, np.int64).tobytes())


def gather(cells: Iterable[CellRecord]) -> Gathered:
    """The counts of all cells; each is let go before the next is asked for.

    Raises:
        RecordError: there is none.
    """
    return Gathering().filled(cells).gathered()


class Gathering:
    """What grows while cells come; what several have gathered can be put together."""

    def __init__(self) -> None:
        self.groups: dict[CellGroup, int] = {}
        self.setups: dict[CellSetup, SetupFacts] = {}
        self.prompts: dict[str, int] = {}
        self.columns = [array("d") for _ in COLUMNS]
        self.owners, self.asked = array("q"), array("q")
        self.tallies: list[list[int]] = []
        self.outcomes, self.latencies = _Bins(), _Bins()
        self.phases: dict[int, dict[str, float]] = {}
        self.costs: dict[int, list[CellCost]] = {}

    def add(self, cell: CellRecord) -> None:
        """Add the counts of a cell."""
        group = group_of(cell)
        number = self.groups.setdefault(group, len(self.groups))
        if number == len(self.tallies):
            self.tallies.append([0, 0, 0])
        prompts = self.prompts
        names = map(conversation_of, cell.blocks.prompt_ids)  # the turns of one chat are drawn together
        asked = [prompts.setdefault(name, len(prompts)) for name in names]
        self.owners.extend([number] * len(asked))
        self.asked.extend(asked)
        for column, told in zip(self.columns, _columns(cell.baseline_counts, cell.counts), strict=True):
            column.extend(told)
        differ = cell.blocks.first_difference
        tally = self.tallies[number]
        tally[0] += 1
        tally[1] += differ.count(-1)
        tally[2] += len(differ)
        self.outcomes.add(number, cell.counts.outcomes)
        self.latencies.add(2 * number, cell.baseline_counts.latencies)
        self.latencies.add(2 * number + 1, cell.counts.latencies)
        self._within(number, cell, self._facts(cell, group))

    def _within(self, number: int, cell: CellRecord, facts: SetupFacts) -> None:
        """Add what the cell says about itself: times over its own baseline and its own forwards."""
        step = step_seconds(cell)
        if step is not None:
            facts.note_steps((step, step))
        if cell.phases is not None:
            rounds = cell.phases.get("rounds", 0.0)
            steps = {} if step is None else {"step_ms": 1e3 * step * rounds, "step_rounds": rounds}
            self._add_phases(number, {**cell.phases, **steps})
        if cell.costs is not None:
            medians = cell.costs.medians
            for place, forward in forwards_of(medians).items():
                facts.medians.setdefault(place, []).append(forward)
            if (cost := cost_of(cell, medians)) is not None:
                self.costs.setdefault(number, []).append(cost)

    def _facts(self, cell: CellRecord, group: CellGroup) -> SetupFacts:
        if group.setup not in self.setups:
            self.setups[group.setup] = SetupFacts(cell)
        facts = self.setups[group.setup]
        facts.num_cells += 1
        facts.times = [min([*facts.times[:1], cell.time]), max([*facts.times[1:], cell.time])]
        facts.sweeps.add(cell.sweep or "")
        held = cell.memory_mb or {}
        for stage in dict.fromkeys((*cell.seconds, *held)):
            memory, spent = facts.stages.setdefault(stage, ([], []))
            memory.extend(_known(held, stage))
            spent.extend(_known(cell.seconds, stage))
        if cell.rounds:
            facts.rounds.setdefault((group.temperature, group.length), cell)
        return facts

    def filled(self, cells: Iterable[CellRecord]) -> Gathering:
        """The same, with all cells added."""
        for cell in cells:
            self.add(cell)
        return self

    def absorb(self, other: Gathering) -> None:
        """Add all that ``other`` has gathered, as if its cells came behind these."""
        groups = np.array([self.groups.setdefault(group, len(self.groups)) for group in other.groups])
        asked = np.array([self.prompts.setdefault(name, len(self.prompts)) for name in other.prompts])
        _with(self.owners, groups[np.array(other.owners, np.int64)])
        _with(self.asked, asked[np.array(other.asked, np.int64)])
        for column, more in zip(self.columns, other.columns, strict=True):
            column.extend(more)
        self.tallies += [[0, 0, 0] for _ in range(len(self.groups) - len(self.tallies))]
        for number, tally in zip(groups.tolist(), other.tallies, strict=True):
            self.tallies[number] = [a + b for a, b in zip(self.tallies[number], tally, strict=True)]
        self.outcomes.absorb(other.outcomes, lambda owners: groups[owners])
        self.latencies.absorb(other.latencies, lambda owners: 2 * groups[owners // 2] + owners % 2)
        for number, total in other.phases.items():
            self._add_phases(int(groups[number]), total)
        for number, costs in other.costs.items():
            self.costs.setdefault(int(groups[number]), []).extend(costs)
        for setup, facts in other.setups.items():
            self.setups[setup] = self.setups[setup].with_more(facts) if setup in self.setups else facts

    def _add_phases(self, number: int, amounts: Mapping[str, float]) -> None:
        total = self.phases.setdefault(number, {})
        for name, amount in amounts.items():
            total[name] = total.get(name, 0.0) + amount

    def gathered(self) -> Gathered:
        """All of it, to be counted.

        Raises:
            RecordError: there was no cell.
        """
        if not self.groups:
            raise RecordError("tables of cells: there is no cell; pass the cells of a sweep")
        for setup, name in setup_names(self.setups).items():
            self.setups[setup].name = name
        blocks = np.column_stack([np.array(column) for column in self.columns])
        num_cells, identical, compared = (list(column) for column in zip(*self.tallies, strict=True))
        return Gathered(
            groups=list(self.groups),
            setups=self.setups,
            prompt_names=list(self.prompts),
            owners=np.array(self.owners, np.int64),
            prompts=np.array(self.asked, np.int64),
            blocks=blocks,
            num_cells=num_cells,
            identical=identical,
            compared=compared,
            outcomes=self.outcomes.table(3),
            latencies=self.latencies.table(2),
            phases=self.phases,
            costs=self.costs,
        )


def _columns(baseline: ArmCounts, draft: ArmCounts) -> Iterator[list[Any]]:
    for arm in (baseline, draft):
        yield from (getattr(arm, name) for name in _OF_ARM)
    yield from (getattr(draft, name) for name in _OF_DRAFT)


def _known(amounts: Mapping[str, float], name: str) -> list[float]:
    return [amounts[name]] if name in amounts else []
