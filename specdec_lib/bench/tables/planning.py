"""How much to measure: what prompts and repeats differ by, and the interval that a number of each gives.

A speedup is a quotient of totals, and its logarithm moves with each block by y = a / mean(a) - b / mean(b),
a and b being the seconds that the two arms took for it (Cochran 1977, chapter 6). Repeats of a prompt
differ by ``within``, prompts of a domain by ``between`` beyond that, and D domains of n prompts with r
repeats give

    Var(log S) = (between^2 + within^2 / r) / (D n).

Both are standard deviations, estimated by an analysis of variance of y. What differs from one session to the
next is in neither. It knows runs and no models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from specdec_lib.bench.records.runs import Run, select
from specdec_lib.bench.tables.rows import ChoiceRow
from specdec_lib.bench.tables.summary import paired_blocks, time_ratio
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.theory.checks import positive, whole
from specdec_lib.utils.numbers import counted


@dataclass(frozen=True)
class Spread:
    """What one cell's speedup varies by, in shares of it.

    Attributes:
        speedup: total over total, as :func:`~specdec_lib.bench.tables.summary.speedup_row` has it.
        between: standard deviation of a prompt's own level about its domain's.
        within: standard deviation of a repeat about its prompt's level.
        num_domains, num_prompts, num_pairs: what it was estimated from; prompts of all domains together.
    """

    speedup: float
    between: float
    within: float
    num_domains: int
    num_prompts: int
    num_pairs: int


def spread_of(
    runs: Sequence[Run], temperature: float, domain: str, k: int, *, decode_only: bool = False
) -> Spread:
    """The spread of one cell, from the blocks that both arms ran.

    Args:
        decode_only: leave out the first round of each run, which also reads the prompt.

    Raises:
        RecordError: a domain has fewer than two prompts, or no prompt was run twice: then nothing tells
            prompts from repeats.
    """
    domains = paired_blocks(runs, temperature, domain, k, decode_only)
    prompts = [rows for rows_of_domain in domains for rows in rows_of_domain]
    num_pairs = sum(map(len, prompts))
    if not prompts or min(map(len, domains)) < 2 or num_pairs == len(prompts):
        raise RecordError(
            f"spread: K = {k} at temperature {temperature:g} has {counted(len(prompts), 'prompt')} and "
            f"{counted(num_pairs, 'pair')} of runs; at least two prompts a domain and two repeats are needed"
        )
    every = np.concatenate(prompts)
    signs = np.array([1.0, -1.0, -1.0, 1.0]) / every.mean(axis=0)  # seconds and tokens of AR, then of SD
    shares = [[rows @ signs for rows in rows_of_domain] for rows_of_domain in domains]
    between, within = _components(shares)
    total = float(time_ratio(every.sum(axis=0, keepdims=True))[0])
    return Spread(total, math.sqrt(between), math.sqrt(within), len(domains), len(prompts), num_pairs)


def _components(groups: Sequence[Sequence[np.ndarray]]) -> tuple[float, float]:
    """Variance between prompts and within them, from groups of prompts of repeats of any number.

    The expected squares between prompts are within + r0 between, r0 being the number of repeats a prompt
    (Searle's for unequal ones); a negative estimate is 0.
    """
    counts = [np.array([len(rows) for rows in prompts]) for prompts in groups]
    num_pairs = sum(int(count.sum()) for count in counts)
    num_prompts = sum(map(len, groups))
    inside = sum(float(((rows - rows.mean()) ** 2).sum()) for prompts in groups for rows in prompts)
    within = inside / (num_pairs - num_prompts)
    across = 0.0
    for prompts, count in zip(groups, counts, strict=True):
        level = np.concatenate(prompts).mean()
        means = np.array([rows.mean() for rows in prompts])
        across += float((count * (means - level) ** 2).sum())
    freedom = num_prompts - len(groups)
    repeats = (num_pairs - sum(float((count**2).sum() / count.sum()) for count in counts)) / freedom
    return max(0.0, (across / freedom - within) / repeats), within


def interval_width(spread: Spread, num_prompts: int, repeats: int = 1, level: float = 0.95) -> float:
    """Width of the speedup's interval, as a share of the speedup: 2 z sqrt(Var(log S)).

    Args:
        num_prompts: n, prompts a domain. repeats: r, runs of each.
        level: share of the intervals that hold the truth, for many prompts.

    Raises:
        InvalidArgument: no prompt, no repeat, or a level outside (0, 1).
    """
    n = spread.num_domains * whole(num_prompts, "num_prompts", minimum=1)
    variance = (spread.between**2 + spread.within**2 / whole(repeats, "repeats", minimum=1)) / n
    return 2.0 * _quantile(level) * math.sqrt(variance)


def prompts_for(spread: Spread, width: float, repeats: int = 1, level: float = 0.95) -> int:
    """The fewest prompts a domain that give an interval no wider than ``width``, a share of the speedup.

    Raises:
        InvalidArgument: a width that is not positive, no repeat, or a level outside (0, 1).
    """
    single = interval_width(spread, 1, repeats, level)
    return max(1, math.ceil((single / positive(width, "width")) ** 2 - 1e-9))


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise InvalidArgument(f"level is {level}; pass a share between 0 and 1, such as 0.95")
    return NormalDist().inv_cdf((1.0 + level) / 2.0)


def choices_checked(
    runs: Sequence[Run], temperature: float, domain: str, num_prompts: int, draws: int = 1000, seed: int = 0
) -> list[ChoiceRow]:
    """The K with the largest speedup on some prompts, and what it is worth on others: the winner's curse.

    Each draw takes ``num_prompts`` prompts of each domain to choose by, and as many others to check with.

    Raises:
        RecordError: a domain has fewer than twice ``num_prompts`` prompts that all arms ran.
        InvalidArgument: no prompt is asked for.
    """
    chosen = _run_by_all(select(runs, temperature, domain))
    ks = sorted({run.k for run in chosen} - {0})
    blocks = {k: paired_blocks(chosen, temperature, domain, k) for k in ks}
    arms = {
        k: [np.array([rows.sum(axis=0) for rows in prompts]) for prompts in domains]
        for k, domains in blocks.items()
    }
    counts = {len(prompts) for arm in arms.values() for prompts in arm}
    if not counts or min(counts) < 2 * whole(num_prompts, "num_prompts", minimum=1):
        raise RecordError(
            f"choices: {num_prompts} prompts a domain to choose by and as many to check with are asked for; "
            f"the runs have {min(counts, default=0)}"
        )
    generator, table = np.random.default_rng(seed), []
    for _ in range(draws):
        orders = [generator.permutation(len(prompts)) for prompts in arms[ks[0]]]
        halves = [
            {k: _ratio(arm, [order[part] for order in orders]) for k, arm in arms.items()}
            for part in (slice(num_prompts), slice(num_prompts, 2 * num_prompts))
        ]
        best = max(ks, key=halves[0].__getitem__)
        table.append(ChoiceRow(best, halves[0][best], halves[1][best]))
    return table


def _run_by_all(runs: Sequence[Run]) -> list[Run]:
    """The runs of those blocks that every arm ran."""
    blocks: dict[int, set[tuple[str, str, int]]] = {}
    for run in runs:
        blocks.setdefault(run.k, set()).add(run.place)
    common = set.intersection(*blocks.values()) if blocks else set()
    return [run for run in runs if run.place in common]


def _ratio(domains: Sequence[np.ndarray], chosen: Sequence[np.ndarray]) -> float:
    totals = np.sum([rows[i].sum(axis=0) for rows, i in zip(domains, chosen, strict=True)], axis=0)
    return float(time_ratio(totals[None])[0])
