"""Speed and acceptance of every group, and of all domains together, each with its interval over prompts;
acceptance by position, by text, and over temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from specdec_lib.bench.records.runs import ALL_DOMAINS
from specdec_lib.bench.tables.cells import counting
from specdec_lib.bench.tables.cells.counting import Counted, Estimate, estimates_of, has_interval
from specdec_lib.bench.tables.cells.gathering import Gathered
from specdec_lib.bench.tables.cells.rows import GroupAcceptance, GroupPosition, GroupSpeedup, TextsRow
from specdec_lib.bench.tables.cells.setups import CellGroup
from specdec_lib.theory.dialects import acceptance_length

Decoded = dict[tuple[str, float, str, str], Estimate]
"""The speedup behind the first round of each group: by setup, temperature, domain and draft length."""


def speed_tables(counted: Counted) -> tuple[list[GroupSpeedup], list[GroupAcceptance], Decoded]:
    """Rows of both tables in reading order; ``all`` stands behind the domains where there are several.

    The speedup is the ratio of total time over total tokens of both arms, of whole texts.
    """
    speeds, acceptance, decoded = list[GroupSpeedup](), list[GroupAcceptance](), Decoded()
    for setup, facts in counted.gathered.setups.items():
        families = dict[tuple[Any, ...], list[int]]()
        for number in counted.gathered.of(setup):
            group = counted.gathered.groups[number]
            families.setdefault((group.temperature, group.length, group.k), []).append(number)
        domains = sorted({counted.gathered.groups[n].domain for own in families.values() for n in own})
        rows = [_family(counted, facts.name, own, domains) for own in families.values()]
        for row in sorted((row for own in rows for row in own), key=_reading_order):
            _add(row, speeds, acceptance, decoded)
    return speeds, acceptance, decoded


def _reading_order(row: tuple[dict[str, Any], Any]) -> tuple[Any, ...]:
    place = row[0]
    is_policy = not place["length"].isdigit()
    return place["temperature"], place["domain"] == ALL_DOMAINS, place["domain"], is_policy, place["k"]


def _family(
    counted: Counted, setup: str, numbers: Sequence[int], domains: Sequence[str]
) -> list[tuple[dict[str, Any], Any]]:
    """What is known of the groups that differ by their domain alone, and of all of them together."""
    groups = [counted.gathered.groups[number] for number in numbers]
    parts = [counted.totals[number] for number in numbers]
    drawn = [
        counted.drawn(part, domains.index(group.domain)) for part, group in zip(parts, groups, strict=True)
    ]
    rows = [
        (_place(setup, group, _domain(group, groups)), _known(counted, [number], [part], [draws]))
        for number, group, part, draws in zip(numbers, groups, parts, drawn, strict=True)
    ]
    if len({group.domain for group in groups}) > 1:
        rows.append((_place(setup, groups[0], ALL_DOMAINS), _known(counted, numbers, parts, drawn)))
    return rows


def _domain(group: CellGroup, groups: Sequence[CellGroup]) -> str:
    """Its domain, with the hash of its prompts where the domain was measured with others too."""
    is_shared = sum(other.domain == group.domain for other in groups) > 1
    return domain_with_prompts(group) if is_shared else group.domain


def domain_with_prompts(group: CellGroup) -> str:
    """ "code (0a1b2c3d)": the domain with the hash of its prompts."""
    return f"{group.domain} ({group.prompts[:8]})"


def _place(setup: str, group: CellGroup, domain: str) -> dict[str, Any]:
    at = {"temperature": group.temperature, "domain": domain, "length": group.length, "k": group.k}
    return {"setup": setup, **at}


def _known(counted: Counted, numbers: Sequence[int], parts: Sequence[Any], drawn: Sequence[Any]) -> Any:
    gathered = counted.gathered
    tallies = [
        sum(told[number] for number in numbers)
        for told in (gathered.num_cells, gathered.identical, gathered.compared)
    ]
    return *estimates_of(parts, drawn), parts, tallies


def _add(row: Any, speeds: list[Any], acceptance: list[Any], decoded: Decoded) -> None:
    place, (total, (whole, later, alpha), parts, tallies) = row
    if np.isfinite(whole.value) and whole.value > 0:
        ar_seconds, ar_tokens, sd_seconds, sd_tokens = total[counting.WHOLE]
        speeds.append(
            GroupSpeedup(
                **place,
                speedup=whole.value,
                low=whole.low,
                high=whole.high,
                has_interval=has_interval(parts, 0),
                ar_tokens_per_second=float(ar_tokens / ar_seconds),
                sd_tokens_per_second=float(sd_tokens / sd_seconds),
                num_prompts=sum(part.count(0) for part in parts),
                num_pairs=int(total[counting.PAIRS]),
                num_cells=tallies[0],
                num_identical=tallies[1],
                num_compared=tallies[2],
            )
        )
    if np.isfinite(later.value) and later.value > 0:
        at = place["setup"], place["temperature"], place["domain"], place["length"]
        decoded[at] = later
    if np.isfinite(alpha.value) and total[counting.DRAFTED] > 0:
        accepted, drafted, drafts = total[[counting.ACCEPTED, counting.DRAFTED, counting.DRAFTS]]
        acceptance.append(
            GroupAcceptance(
                **place,
                alpha_hat=alpha.value,
                alpha_low=alpha.low,
                alpha_high=alpha.high,
                has_interval=has_interval(parts, counting.DRAFTED),
                acceptance_rate=float(accepted / drafted),
                mean_acceptance_length=acceptance_length(int(accepted), int(drafts)) or 1.0,
                num_rounds=int(drafts),
                num_draft_tokens=int(drafted),
                num_accepted_draft_tokens=int(accepted),
                num_prompts=sum(part.count(counting.DRAFTED) for part in parts),
            )
        )


# -- by position and by text ---------------------------------------------------------------------------


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
