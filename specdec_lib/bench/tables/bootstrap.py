"""Intervals for ratios of totals, by resampling prompts and, within each, its repeats.

Prompts differ far more than repeats of one prompt do, so the prompts are what is drawn first:
an interval over all runs as if they were independent would be much too narrow. What belongs
together (baseline and speculative run of one block) stays together in every draw: that is what
makes it paired. Groups that were chosen, not sampled (domains), are resampled separately and
then added. Plain numpy; knows no records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from jaxtyping import Float

from specdec_lib.data.own_prompts import conversation_of
from specdec_lib.errors import InvalidArgument

PromptRows = Float[np.ndarray, "_ columns"]  # a row a repeat, as many as were run
Totals = Float[np.ndarray, "draws columns"]


def by_prompt(rows: Iterable[tuple[tuple[str, str], Sequence[float]]]) -> list[list[PromptRows]]:
    """Rows that are told by group and prompt, one a repeat, as :func:`bootstrap_interval` takes them.

    The turns of one chat are no more independent than repeats are: they are one prompt, of more rows.
    Groups, prompts and repeats keep the order in which they come.
    """
    groups: dict[str, dict[str, list[Sequence[float]]]] = {}
    for (group, prompt), row in rows:
        groups.setdefault(group, {}).setdefault(conversation_of(prompt), []).append(row)
    return [[np.array(repeats, dtype=np.float64) for repeats in group.values()] for group in groups.values()]


def resampled_totals(prompts: Sequence[PromptRows], draws: int, generator: np.random.Generator) -> Totals:
    """Column totals of ``draws`` resamples of one group.

    Args:
        prompts: one array a prompt, a row a repeat, any number of rows each.
    """
    most = max(len(rows) for rows in prompts)
    counts = np.array([len(rows) for rows in prompts])
    table = np.zeros((len(prompts), most, prompts[0].shape[1]))
    for index, rows in enumerate(prompts):
        table[index, : len(rows)] = rows
    chosen = generator.integers(len(prompts), size=(draws, len(prompts)))
    size = counts[chosen][..., None]
    repeat = (generator.random((draws, len(prompts), most)) * size).astype(int)
    used = np.arange(most) < size
    return (table[chosen[..., None], repeat] * used[..., None]).sum(axis=(1, 2))


def bootstrap_interval(
    groups: Sequence[Sequence[PromptRows]],
    statistic: Callable[[Totals], Float[np.ndarray, " draws"]],
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """``(estimate, low, high)`` of a function of column totals, with a percentile interval.

    Args:
        groups: for each group (domain) its prompts, for each prompt an array ``[repeats, columns]``.
        statistic: from totals ``[n, columns]`` to values ``[n]``, such as a ratio of two columns.
        level: share of the resampled values inside the interval.

    Raises:
        InvalidArgument: nothing to resample, or a level outside (0, 1).
    """
    groups = [[np.asarray(rows, dtype=np.float64) for rows in prompts] for prompts in groups]
    if not groups or not all(groups) or not all(len(rows) for prompts in groups for rows in prompts):
        raise InvalidArgument(
            "bootstrap: a group without runs; pass at least one prompt with one repeat in each"
        )
    if not 0 < level < 1:
        raise InvalidArgument(f"bootstrap: level is {level}; pass a share between 0 and 1, such as 0.95")
    generator = np.random.default_rng(seed)
    totals = np.sum([rows.sum(axis=0) for prompts in groups for rows in prompts], axis=0)
    estimate = float(statistic(totals[None])[0])
    drawn = [resampled_totals(prompts, draws, generator) for prompts in groups]
    resampled = statistic(np.sum(drawn, axis=0))
    low, high = np.nanquantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return estimate, min(float(low), estimate), max(float(high), estimate)
