"""Single forwards by width, what they imply about memory and arithmetic, and the speedup that they predict.

No peak of a machine is known here. What is read off are weights per second at width 1, which memory must
give, and operations per second at the widest forward, which the processor did give: both are lower bounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from specdec_lib.bench.tables.cells.gathering import Gathered, SetupFacts
from specdec_lib.bench.tables.cells.rows import ArmPhases, ForwardRow, GroupAcceptance, GroupPrediction
from specdec_lib.bench.tables.cells.speedups import Decoded
from specdec_lib.bench.tables.cells.times import decoder_name
from specdec_lib.theory.roofline import arithmetic_intensity
from specdec_lib.theory.speedup import speedup

_MEBIBYTE = 2**20
_OPERATIONS = 2
"""Of a weight and a token: a product and a sum."""


def forward_rows(gathered: Gathered) -> list[ForwardRow]:
    """Target and draft by width, for each setup whose cells timed them."""
    return [row for facts in gathered.setups.values() for row in _of_setup(facts)]


def _of_setup(facts: SetupFacts) -> list[ForwardRow]:
    ones = {model: _median(facts.medians.get((model, 1), [])) for model in ("target", "draft")}
    rows = []
    for (model, width), seconds in sorted(
        facts.medians.items(), key=lambda item: (item[0][0] != "target", item)
    ):
        middle = _median(seconds)
        if middle is None:
            continue
        told = facts.first.models.get(model) or {}
        one = ones.get(model)
        low, high = np.quantile(seconds, [0.25, 0.75])
        rows.append(
            ForwardRow(
                setup=facts.name,
                model=model,
                name=str(told.get("name", model)),
                width=width,
                ms=1e3 * middle,
                low_ms=1e3 * float(low),
                high_ms=1e3 * float(high),
                num_cells=len(seconds),
                ratio=middle / one if one else None,
                **_implied(told, width, middle),
            )
        )
    return rows


def _median(seconds: Sequence[float]) -> float | None:
    middle = float(np.median(seconds)) if len(seconds) else 0.0
    return middle if middle > 0 else None


def _implied(model: Mapping[str, Any], width: int, seconds: float) -> dict[str, float | None]:
    """What a forward moves and computes at least: each weight once, two operations of it for each token."""
    moved = _amount(model.get("memory_mb"), _MEBIBYTE)
    done = _amount(model.get("parameters"), _OPERATIONS * width)
    return {
        "weights_mb": None if moved is None else moved / _MEBIBYTE,
        "gigabytes_per_second": None if moved is None else moved / seconds / 1e9,
        "gigaflops": None if done is None else done / seconds / 1e9,
        "intensity": None if moved is None or done is None else arithmetic_intensity(done, moved),
    }


def _amount(told: Any, factor: float) -> float | None:
    is_number = isinstance(told, (int, float)) and not isinstance(told, bool)
    return told * factor if is_number and 0 < told < math.inf else None


# -- predicted beside measured ---------------------------------------------------------------


def prediction_rows(
    gathered: Gathered,
    acceptance: Sequence[GroupAcceptance],
    decoded: Decoded,
    phases: Sequence[ArmPhases],
    forwards: Sequence[ForwardRow],
) -> list[GroupPrediction]:
    """E / (K c + v + o) for every group of a fixed K whose forwards were timed; o is 0 without a profile."""
    times = {(row.setup, row.model, row.width): row.ms for row in forwards}
    profiled = {(row.setup, row.temperature, row.decoder): row for row in phases}
    names = {(group.length, group.k): decoder_name(group) for group in gathered.groups}
    rows = []
    for row in acceptance:
        measured = decoded.get((row.setup, row.temperature, row.domain, row.length))
        one, draft = times.get((row.setup, "target", 1)), times.get((row.setup, "draft", 1))
        wide = times.get((row.setup, "target", row.k + 1))
        if measured is None or not row.length.isdigit() or not (one and draft and wide):
            continue
        spent = profiled.get((row.setup, row.temperature, names[row.length, row.k]))
        rest = 0.0 if spent is None else spent.round_ms - spent.verify_ms - spent.drafted_per_round * draft
        parts = {"c": draft / one, "v": wide / one, "overhead": max(0.0, rest) / one}
        predicted = speedup(min(1.0, row.alpha_hat), row.k, **parts)
        rows.append(
            GroupPrediction(
                setup=row.setup,
                temperature=row.temperature,
                domain=row.domain,
                length=row.length,
                k=row.k,
                alpha_hat=row.alpha_hat,
                **parts,
                has_overhead=spent is not None,
                predicted=predicted,
                measured=measured.value,
                low=measured.low,
                high=measured.high,
                has_interval=row.has_interval,
                difference=measured.value / predicted - 1,
                is_inside=measured.low <= predicted <= measured.high,
            )
        )
    return rows
