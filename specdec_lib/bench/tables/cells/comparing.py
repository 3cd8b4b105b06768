"""Two files side by side: groups that both have, B over A, and what only one of them has.

Groups match by what was asked: models, verifier, dtype, engine, domain, temperature, draft length. Machine,
library and weights may differ, that is what a comparison is for, and the differences are told first. Where
both were asked the same prompts, those are drawn together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from specdec_lib.bench.tables.cells import counting
from specdec_lib.bench.tables.cells.counting import Counted, has_interval, numbers_of
from specdec_lib.bench.tables.cells.intervals import PromptTotals, drawn_totals, ends, ratio
from specdec_lib.bench.tables.cells.rows import ComparedRow
from specdec_lib.bench.tables.cells.setups import CellGroup
from specdec_lib.utils.machine import difference
from specdec_lib.utils.row import Row

_APART = 1000
"""Where the streams of the second file's draws begin if its prompts are others."""
_Asked = tuple[Any, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class FileComparison(Row):
    """``rows`` of groups that both have; ``differs`` tells in words what is not alike; ``only_a`` and
    ``only_b`` name the groups of one file; ``ambiguous`` those of which a file has several."""

    rows: list[ComparedRow]
    differs: list[str]
    only_a: list[str]
    only_b: list[str]
    ambiguous: list[str]


def compared(a: Counted, b: Counted) -> FileComparison:
    """File B over file A."""
    own, other = _by_what_was_asked(a), _by_what_was_asked(b)
    shared = [key for key in own if key in other]
    several = {key for key in shared if len(own[key]) > 1 or len(other[key]) > 1}
    pairs = [(own[key][0], other[key][0]) for key in shared if key not in several]
    draws = counting.draws_for(len(pairs))
    domains = sorted({a.gathered.groups[one].domain for one, _ in pairs})
    rows = [_row(a, b, one, two, draws, domains) for one, two in pairs]
    many = len({key[:2] for key in (*own, *other)}) > 1
    return FileComparison(
        rows=[row for row in rows if row is not None],
        differs=_differences(a, b, pairs),
        only_a=[_words(key, many) for key in own if key not in other],
        only_b=[_words(key, many) for key in other if key not in own],
        ambiguous=[_words(key, many) for key in shared if key in several],
    )


def _by_what_was_asked(counted: Counted) -> dict[_Asked, list[int]]:
    found = dict[_Asked, list[int]]()
    for number, group in sorted(enumerate(counted.gathered.groups), key=lambda item: str(item[1][1:])):
        setup = group.setup
        asked = setup.pair, setup.draft, setup.verifier, setup.dtype, setup.compiled, setup.batch
        key = *asked, setup.engine, group.domain, group.temperature, group.k, group.length
        found.setdefault(key, []).append(number)
    return found


def _words(key: _Asked, many: bool) -> str:
    """A group in words; with its models where there are several."""
    pair, draft, *_, domain, temperature, _, length = key
    k = f"K = {length}" if length.isdigit() else length
    return f"{pair} · {draft}, " * many + f"{domain}, T = {temperature:g}, {k}"


def _row(a: Counted, b: Counted, one: int, two: int, draws: int, domains: list[str]) -> ComparedRow | None:
    first, second = _named_rows(a, one), _named_rows(b, two)
    is_paired = list(first) == list(second)
    group, stream = a.gathered.groups[one], domains.index(a.gathered.groups[one].domain)
    rows = [np.array(list(told.values())) for told in (first, second)]
    streams = stream, stream if is_paired else stream + _APART
    middles = _over(*(table.sum(axis=0)[None] for table in rows))[0]
    if not np.isfinite(middles[:3]).all():
        return None
    drawn = _over(*(drawn_totals(table, draws, at) for table, at in zip(rows, streams, strict=True)))
    (draft, base, gain, alpha) = ends(middles, drawn)
    has_alpha = bool(np.isfinite(middles[3]))
    totals = a.totals[one], b.totals[two]
    return ComparedRow(
        setup=a.gathered.setups[group.setup].name,
        name=f"{group.setup.pair} · {group.setup.draft}",
        temperature=group.temperature,
        domain=group.domain,
        length=group.length,
        k=group.k,
        is_paired=is_paired,
        has_interval=has_interval(totals, 0),
        num_prompts=min(part.count(0) for part in totals),
        speedup_a=_speedup_of(totals[0]),
        speedup_b=_speedup_of(totals[1]),
        **_interval("draft", middles[0], draft),
        **_interval("baseline", middles[1], base),
        **_interval("speedup", middles[2], gain),
        alpha=float(middles[3]) if has_alpha else None,
        alpha_low=alpha[0] if has_alpha else None,
        alpha_high=alpha[1] if has_alpha else None,
    )  # fmt: skip


def _interval(name: str, middle: float, around: tuple[float, float]) -> dict[str, float]:
    return {name: float(middle), f"{name}_low": around[0], f"{name}_high": around[1]}


def _speedup_of(totals: PromptTotals) -> float:
    return float(numbers_of(totals.rows.sum(axis=0)[None])[0, 0])


def _named_rows(counted: Counted, number: int) -> Mapping[str, Any]:
    """The totals of a group's prompts by their names, in order of these."""
    totals = counted.totals[number]
    names = [counted.gathered.prompt_names[prompt] for prompt in totals.prompts]
    return dict(sorted(zip(names, totals.rows, strict=True), key=lambda item: item[0]))


def _over(a: Float[np.ndarray, "rows totals"], b: Float[np.ndarray, "rows totals"]) -> np.ndarray:
    """B over A: tokens a second of the draft's arm and of the baseline, speedup, α̂; a column each."""
    sides = []
    for totals in (a, b):
        ar_seconds, ar_tokens, sd_seconds, sd_tokens = totals[:, counting.WHOLE].T
        draft, baseline = ratio(sd_tokens, sd_seconds), ratio(ar_tokens, ar_seconds)
        sides.append([draft, baseline, ratio(draft, baseline), numbers_of(totals)[:, 2]])
    return np.column_stack([ratio(over, under) for under, over in zip(*sides, strict=True)])


def _differences(a: Counted, b: Counted, pairs: list[tuple[int, int]]) -> list[str]:
    """Machine, library, weights, notebook and prompts that are not alike in groups that are compared."""
    found = dict[str, None]()
    for one, two in pairs:
        first, second = a.gathered.groups[one], b.gathered.groups[two]
        for field in ("library", "weights", "notebook"):
            _note(found, field, getattr(first.setup, field), getattr(second.setup, field))
        if first.prompts != second.prompts:
            _note(found, f"prompts of {first.domain}", first.prompts, second.prompts)
        _machines(found, a, b, first, second)
    return list(found)


def _note(found: dict[str, None], what: str, then: str, now: str) -> None:
    if then != now:
        found[f"{what} {then or 'unknown'} → {now or 'unknown'}"] = None


def _machines(found: dict[str, None], a: Counted, b: Counted, one: CellGroup, two: CellGroup) -> None:
    if one.setup.machine != two.setup.machine:
        then, now = (
            counted.gathered.setups[group.setup].first.environment for counted, group in ((a, one), (b, two))
        )
        found[f"machine: {difference(then, now) or 'another'}"] = None
