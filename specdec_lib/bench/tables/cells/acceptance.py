"""Acceptance by position, by text, and over temperature."""

from __future__ import annotations

import numpy as np

from specdec_lib.bench.tables.cells import counting
from specdec_lib.bench.tables.cells.counting import Counted, estimates_of, has_interval
from specdec_lib.bench.tables.cells.gathering import Gathered
from specdec_lib.bench.tables.cells.rows import GroupPosition, TextsRow


def position_rows(gathered: Gathered) -> list[GroupPosition]:
    """Acceptance by position of the draft token in its round, from 1, under both conventions."""
    rows = []
    table = gathered.outcomes[np.argsort(gathered.outcomes[:, 0], kind="stable")]
    for setup, facts in gathered.setups.items():
        for number in gathered.of(setup):
            low, high = np.searchsorted(table[:, 0], [number, number + 1])
            group, (drafted, accepted, rounds) = gathered.groups[number], table[low:high, 1:].T
            place = {"setup": facts.name, "temperature": group.temperature, "domain": group.domain}
            place |= {"length": group.length, "k": group.k}
            for index in range(int(drafted.max(initial=0))):
                counts = [
                    int(rounds[chosen].sum())
                    for chosen in (drafted > index, (drafted > index) & (accepted >= index), accepted > index)
                ]
                rows.append(_position(place, index + 1, *counts))
    return rows


def _position(place: dict, position: int, drafted: int, reached: int, accepted: int) -> GroupPosition:
    return GroupPosition(
        **place,
        position=position,
        num_drafted=drafted,
        num_reached=reached,
        num_accepted=accepted,
        unconditional=accepted / drafted if drafted else None,
        conditional=accepted / reached if reached else None,
    )


def text_rows(counted: Counted) -> list[TextsRow]:
    """α̂ of every text by setup, temperature and domain; draft lengths, seeds and repeats together."""
    gathered = counted.gathered
    places = [(gathered.setups[g.setup].name, g.temperature, g.domain) for g in gathered.groups]
    numbers = {place: index for index, place in enumerate(sorted(dict.fromkeys(places)))}
    pooled, rows = counted.pooled([numbers[place] for place in places]), []
    domains = sorted({group.domain for group in gathered.groups})
    for (setup, temperature, domain), number in numbers.items():
        totals = pooled[number]
        drawn = counted.drawn(totals, domains.index(domain))
        _, (_, _, alpha) = estimates_of([totals], [drawn])
        if not np.isfinite(alpha.value):
            continue
        each = counting.numbers_of(totals.rows)[:, 2]
        rows.append(
            TextsRow(
                setup=setup,
                temperature=temperature,
                domain=domain,
                alphas=[round(float(one), 5) for one in np.sort(each[np.isfinite(each)])],
                alpha_hat=alpha.value,
                alpha_low=alpha.low,
                alpha_high=alpha.high,
                has_interval=has_interval([totals], counting.DRAFTED),
                num_prompts=totals.count(counting.DRAFTED),
            )
        )
    return rows
