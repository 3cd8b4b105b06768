"""What is to be run: the cells of a sweep with their keys, those that do not fit left out by name, and how
long the rest will take.

An estimate is the time of cells that were measured, where there are any of that kind; else it is made of the
bytes that a step has to read, and said to be rough.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.sweep import sentences
from specdec_lib.bench.sweep.cells import (
    SweepCell,
    cells_of,
    domain_counts,
    prompt_set_of,
    varying_axes,
)
from specdec_lib.bench.sweep.config import BUILTIN, SweepConfig
from specdec_lib.bench.sweep.identity import key_of, made_of
from specdec_lib.bench.sweep.memory import lacks_memory, memory_of, needed_gib
from specdec_lib.bench.sweep.running import CellOrder
from specdec_lib.errors import InvalidArgument, ModelUnavailable
from specdec_lib.models.files.sizes import GIB, ROOM
from specdec_lib.models.source import HUB_ID

_BYTES_PER_SECOND = {"cpu": 8e9, "cuda": 8e11}
"""What a step reads in a second, roughly, where nothing was measured."""
_BESIDE = 5.0
"""Seconds of a cell that are no runs, roughly: its kernel, its models, its warm-up, its profile."""
_USUAL_PROMPTS = 6


@dataclass(frozen=True)
class Planned:
    """A cell that is to be run."""

    cell: SweepCell
    order: CellOrder
    gib: float | None
    """Memory that it needs; None where its models' sizes are not known."""
    lacks: str = ""
    """Why its key is not known yet: a model that is to be fetched."""


@dataclass(frozen=True)
class Skipped:
    """A cell that is left out, and why."""

    cell: SweepCell
    why: str


@dataclass(frozen=True)
class SweepPlan:
    """The cells of a sweep."""

    config: SweepConfig
    planned: Sequence[Planned]
    skipped: Sequence[Skipped]
    axes: Sequence[str]
    """Those on which cells differ."""

    def to_dict(self) -> dict[str, Any]:
        """For whoever watches: the settings, and each cell with its key and its label."""
        cells = [{"key": one.order.key, "label": one.cell.label(self.axes)} for one in self.planned]
        skipped = [{"label": one.cell.label(self.axes), "why": one.why} for one in self.skipped]
        settings = self.config.model_dump(exclude_defaults=True)
        return {"name": self.config.name, "settings": settings, "cells": cells, "skipped": skipped}


def plan_sweep(config: SweepConfig, fits_here: bool = True, fetch: bool = True) -> SweepPlan:
    """Every cell of ``config``, with its key.

    Args:
        fits_here: leave out what this machine has no memory for; a cluster's workers have their own.
        fetch: bring models of the hub to this disk; else cells that lack one have no key.

    Raises:
        InvalidArgument: a cell that cannot be run as it is asked for.
        ModelUnavailable: a model that is not there.
    """
    cells, planned, skipped = cells_of(config), list[Planned](), list[Skipped]()
    memory = memory_of(config.device) if fits_here else None
    for cell in cells:
        made, lacks = _made_of(cell, fetch)
        if not lacks:
            _require_chats(cell)
        gib = needed_gib(tuple(cell.asked.models))
        if why := lacks_memory(gib, memory):
            skipped.append(Skipped(cell, why))
            continue
        order = CellOrder("" if lacks else key_of(cell, made), config.name, cell.parameters, made, gib)
        planned.append(Planned(cell, order, gib, lacks))
    return SweepPlan(config, planned, skipped, varying_axes(cells))


def _made_of(cell: SweepCell, fetch: bool) -> tuple[dict[str, str], str]:
    """What a cell is made of; or why that is not known yet."""
    try:
        return made_of(cell, fetch), ""
    except ModelUnavailable as error:
        if fetch or not all(_may_be_fetched(model_id) for model_id, _ in cell.asked.models):
            raise InvalidArgument(sentences.CELL.format(cell.number, cell.label(), error)) from error
        return {}, str(error)


def _may_be_fetched(model_id: str) -> bool:
    """Whether the hub may have it, or it is on this disk."""
    is_hubs = bool(HUB_ID.fullmatch(model_id)) and not model_id.endswith(".gguf")
    return is_hubs or Path(model_id).expanduser().exists()


def _require_chats(cell: SweepCell) -> None:
    """Refuse chats that the target's template does not take, before any cell runs."""
    asked = cell.parameters
    try:
        _find_template(cell.asked.pair.target_model_id, asked["prompts"], asked["chat"], asked["domains"][0])
    except InvalidArgument as error:
        raise InvalidArgument(sentences.CELL.format(cell.number, cell.label(), error)) from error


@cache
def _find_template(target: str, prompts: str | None, chat: bool, domain: str) -> None:
    """Once for all cells that ask the same of one model."""
    chats = [(one.place or "chat", one.to_its_end) for one in prompt_set_of(prompts, chat).chats([domain])]
    if chats:
        from specdec_lib.models.text.chats import require_chats

        require_chats(target, chats)


# -- how long ----------------------------------------------------------------------------------------


def seconds_of(planned: Planned, measured: Iterable[CellRecord]) -> tuple[float, bool]:
    """Seconds that a cell will take, and whether that is from cells which were measured.

    The nearest measured cells count: of the same models and settings but for the draft length and the domain,
    or else of the same pair.
    """
    known = [(record.parameters, record.seconds["whole"]) for record in measured if "whole" in record.seconds]
    asked = planned.order.parameters
    for names in (("k_values", "domains", "seed"), (*_NEAR, "k_values", "domains", "seed")):
        wanted = {name: value for name, value in asked.items() if name not in names}
        near = [spent for told, spent in known if wanted.items() <= dict(told).items()]
        if near:
            return median(near), True
    return _rough_seconds(planned), False


_NEAR = ("draft", "verifier", "engine", "batch", "temperatures", "draft_dtype", "profile")


def _rough_seconds(planned: Planned) -> float:
    asked, cell = planned.order.parameters, planned.cell
    there = domain_counts(cell.place["prompts"])[asked["domains"][0]]
    prompts = asked["num_prompts"] or (_USUAL_PROMPTS if cell.place["prompts"] == BUILTIN else there)
    device = _best_device() if asked["device"] in (None, "auto") else asked["device"]
    rate = _BYTES_PER_SECOND["cuda" if device.startswith("cuda") else "cpu"]
    step = 1e-3 + (planned.gib or 1.0) / ROOM * GIB / rate
    return _BESIDE + 2 * prompts * asked["max_new_tokens"] * step


@cache
def _best_device() -> str:
    from specdec_lib.models.loader import choose_device

    return str(choose_device(None))
