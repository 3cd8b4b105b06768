"""Single forwards by width, what they imply about memory and arithmetic, and the speedup that they predict.

No peak of a machine is known here. What is read off are weights per second at width 1, which memory must
give, and operations per second at the widest forward, which the processor did give: both are lower bounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from specdec_lib.bench.records.runs import ALL_DOMAINS
from specdec_lib.bench.tables.cells.gathering import Gathered
from specdec_lib.bench.tables.cells.rows import ForwardRow, GroupAcceptance, GroupPrediction
from specdec_lib.bench.tables.cells.setups import SetupFacts
from specdec_lib.bench.tables.cells.speedups import Decoded, domain_with_prompts
from specdec_lib.bench.tables.cells.within import CellCost, ForwardOfCell, typical_cost
from specdec_lib.theory.roofline import arithmetic_intensity
from specdec_lib.theory.speedup import speedup

_MEBIBYTE = 2**20
_OPERATIONS = 2
"""Of a weight and a token: a product and a sum."""
_QUARTILES = (0.5, 0.25, 0.75)
_Place = tuple[str, float, str, str]
"""Setup, temperature, domain and draft length."""


def forward_rows(gathered: Gathered) -> list[ForwardRow]:
    """Target and draft by width, for each setup whose cells timed them."""
    return [row for facts in gathered.setups.values() for row in _of_setup(facts)]


def _of_setup(facts: SetupFacts) -> list[ForwardRow]:
    ones = [forward.seconds for forward in facts.medians.get(("target", 1), [])]
    one = median(ones) if ones else None
    rows = []
    for (model, width), forwards in sorted(
        facts.medians.items(), key=lambda item: (item[0][0] != "target", item[0])
    ):
        middle, low, high = _seconds(forwards, one, is_unit=(model, width) == ("target", 1))
        if not middle > 0:
            continue
        told = facts.first.models.get(model) or {}
        rows.append(
            ForwardRow(
                setup=facts.name,
                model=model,
                name=str(told.get("name", model)),
                width=width,
                ms=1e3 * middle,
                low_ms=1e3 * low,
                high_ms=1e3 * high,
                num_cells=len(forwards),
                ratio=_median([forward.over_one for forward in forwards]),
                over_target=_median([forward.over_target for forward in forwards]),
                **_implied(told, width, middle),
            )
        )
    return rows


def _seconds(forwards: Sequence[ForwardOfCell], one: float | None, is_unit: bool) -> tuple[float, ...]:
    """Median and quartiles over cells: of the ratios to the target's forward of one token, times its median,
    so that cells of a slow hour and of a fast one are not mixed."""
    ratios = [forward.over_target for forward in forwards if forward.over_target is not None]
    if one and ratios and not is_unit:
        return tuple(one * float(part) for part in np.quantile(ratios, _QUARTILES))
    return tuple(float(part) for part in np.quantile([forward.seconds for forward in forwards], _QUARTILES))


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


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
    gathered: Gathered, acceptance: Sequence[GroupAcceptance], decoded: Decoded
) -> list[GroupPrediction]:
    """E / (K c + v + o) for every group of a fixed K whose cells timed their forwards; o is 0 without a
    profile. c, v and o are medians over the group's own cells, each a ratio within its cell."""
    costs = _costs(gathered)
    rows = []
    for row in acceptance:
        place = row.setup, row.temperature, row.domain, row.length
        measured, cost = decoded.get(place), costs.get(place)
        if measured is None or not row.length.isdigit() or cost is None:
            continue
        parts = {"c": cost.c, "v": cost.v, "overhead": cost.overhead or 0.0}
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
                has_overhead=cost.overhead is not None,
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


def _costs(gathered: Gathered) -> dict[_Place, CellCost]:
    """The costs of each group's own cells, and of all domains together."""
    own = dict[_Place, list[CellCost]]()
    for number, group in enumerate(gathered.groups):
        setup = gathered.setups[group.setup].name
        for domain in dict.fromkeys((group.domain, domain_with_prompts(group), ALL_DOMAINS)):
            place = setup, group.temperature, domain, group.length
            own.setdefault(place, []).extend(gathered.costs.get(number, ()))
    told = {place: typical_cost(costs) for place, costs in own.items()}
    return {place: cost for place, cost in told.items() if cost is not None}
