"""The checks of an audit that counts, each a line of the verdict: of one engine, or of it and its control."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Integer

from specdec_lib.lossless.audit.engines import Answer
from specdec_lib.lossless.audit.sampled import sentences
from specdec_lib.lossless.audit.sampled.cells import AnswerCell, CellTable
from specdec_lib.lossless.audit.sampled.prefixes import PrefixLaw, TokenTable
from specdec_lib.lossless.evidence.chi_square import chi_square_test, deviation_caught, pool_thin_cells
from specdec_lib.lossless.evidence.repeats import serial_test
from specdec_lib.lossless.evidence.two_samples import paired_test
from specdec_lib.lossless.evidence.uniformity import shift_caught, uniformity_test
from specdec_lib.lossless.evidence.variation import (
    VariationInterval,
    interval_between,
    interval_to_law,
    pooled_groups,
)
from specdec_lib.lossless.verdict import Check, not_applicable
from specdec_lib.utils.numbers import percent

CellNumbers = Integer[np.ndarray, " n"]
"""For each answer the number of its cell."""
_LEAST_EXPECTED = 20.0
"""Twice the usual: at a level of 1e-4 cells of 10 reject twice as often as they should."""
_FEWER = 8
"""Different answers fewer than an eighth of those expected are made by a fixed seed, or by an argmax."""
_UNIT = "answers"


def check_counted_law(
    table: CellTable, places: CellNumbers, says: str, level: float, test: str = "joint law", who: str = ""
) -> tuple[Check, int]:
    """Chi-square of the counts against the table's law, thin cells pooled; and how many cells were left."""
    assert table.law is not None
    return _law_check(table.counts(places), table.law, says, level, test, who)


def _law_check(
    counts: Float[np.ndarray, " cells"],
    law: Float[np.ndarray, " cells"],
    says: str,
    level: float,
    test: str,
    who: str,
) -> tuple[Check, int]:
    pooled, chances = pool_thin_cells(counts, law, _LEAST_EXPECTED)
    found, cells = chi_square_test(pooled, chances), int((chances > 0).sum())
    n, seen = found.num_samples, sentences.CHI_SQUARE.format(found.degrees, found.statistic)
    catches = deviation_caught(n, cells, level) if cells > 1 else 1.0
    passed = found.p_value >= level
    return Check(test, who, seen, n, _UNIT, passed, says, found.p_value, catches=catches), cells


def check_pairs(
    ours: CellNumbers, theirs: CellNumbers, says: str, level: float, test: str = "two samples"
) -> tuple[Check, int]:
    """The engine's cells against those of its control, pair by pair; and how many cells were left."""
    found = paired_test(ours, theirs, level)
    if found.method == "nothing to compare":
        return not_applicable(test, "", sentences.WHY_ONE_CELL, "pairs", len(ours)), found.num_cells
    seen = sentences.CHI_SQUARE.format(found.degrees, found.statistic)
    passed, n = found.p_value >= level, found.num_samples
    check = Check(test, "", seen, n, "pairs", passed, says, found.p_value, catches=found.catches)
    return check, found.num_cells


def check_distance(
    table: CellTable, ours: CellNumbers, theirs: CellNumbers, level: float, confidence: float
) -> tuple[VariationInterval, Check]:
    """The interval for the distance to the law or, without one, to the control; a low end above 0 rejects.

    It misses with probability ``level``, and ``confidence`` is what all looks together leave to be stated.
    """
    halves = table.halves(ours)
    if table.law is None:
        found = interval_between(halves, table.halves(theirs), 1 - level)
    else:
        groups = pooled_groups(table.law * len(ours), _LEAST_EXPECTED)
        groups[table.law == 0] = groups.max() + 1  # what cannot be stays apart
        rows = np.stack([np.bincount(groups, weights=row) for row in (*halves, table.law)])
        found = interval_to_law(rows[:2], rows[2], 1 - level)
    found = replace(found, confidence=confidence)
    says = sentences.DISTANCE_SAYS.format(percent(confidence, 2))
    seen, passed = sentences.DISTANCE.format(found.estimate), found.low <= 0
    n, bound = len(ours), found.high
    return found, Check("distance", "", seen, n, _UNIT, passed, says, bound=bound, confidence=confidence)


def check_tokens(
    table: CellTable, ours: CellNumbers, theirs: CellNumbers, num_tokens: int, level: float
) -> Iterator[Check]:
    """Each token by itself, whatever the others are: what a test that looks at one token sees."""
    for position in range(num_tokens):
        groups, test = table.at_token(position), f"token {position + 1}"
        says, own_level = sentences.TOKEN_SAYS.format(position + 1), level / num_tokens
        if table.law is None:
            yield check_pairs(groups[ours], groups[theirs], says, own_level, test)[0]
        else:
            counts, law = (np.bincount(groups, weights=row) for row in (table.counts(ours), table.law))
            yield _law_check(counts, law, says, own_level, test, "")[0]


def check_p_values(answers: Sequence[Answer], laws: Sequence[PrefixLaw], level: float, seed: int) -> Check:
    """Randomised p-values of all tokens behind continuations whose law was told, against the uniform law."""
    rng = np.random.default_rng(seed)
    ladders: dict[tuple[int, tuple[int, ...]], dict[int | None, tuple[float, float]]] = {}
    values = []
    for index, answer in enumerate(answers):
        number = index % len(laws)
        tables = laws[number].tables
        for place, token in enumerate(_tokens(answer)):
            prefix = (answer.ids or ())[:place]
            if prefix not in tables:
                break
            key = (number, prefix)
            ladder = ladders[key] if key in ladders else ladders.setdefault(key, _ladder(tables[prefix]))
            before, own = ladder.get(token) or ladder[_UNTOLD]
            values.append(before + own * rng.random() if own > 0 else 0.0)
    if not values:
        return not_applicable("uniformity", "", sentences.WHY_NO_TOKENS, "tokens")
    found = uniformity_test(np.array(values))
    seen, n, says = sentences.UNIFORMITY.format(found.statistic), found.num_samples, sentences.UNIFORMITY_SAYS
    catches = shift_caught(n, level)
    passed = found.p_value >= level
    return Check("uniformity", "", seen, n, "tokens", passed, says, found.p_value, catches=catches)


_UNTOLD = -1


def _tokens(answer: Answer) -> tuple[int | None, ...]:
    return (*(answer.ids or ()), *((None,) if answer.ended else ()))


def _ladder(table: TokenTable) -> dict[int | None, tuple[float, float]]:
    """For each token the mass before it, in order of the ids, and its own; then what is not told."""
    ladder: dict[int | None, tuple[float, float]] = {}
    below = 0.0
    for token in sorted(table, key=lambda token: -1 if token is None else token):
        ladder[token] = (below, table[token])
        below = min(1.0, below + table[token])
    ladder[_UNTOLD] = (below, 1 - below if below < 1 - 1e-9 else 0.0)
    return ladder


def check_order(cells: Sequence[AnswerCell], num_prompts: int, level: float, who: str = "") -> Check:
    """Answers to one prompt against those before them."""
    found = serial_test([cells[first::num_prompts] for first in range(num_prompts)])
    seen = sentences.EQUAL.format(found.equal, found.num_pairs, found.lag, found.expected)
    passed, says = found.p_value >= level, sentences.ORDER_SAYS
    return Check("order", who, seen, len(cells), _UNIT, passed, says, found.p_value)


def check_distinct(cells: Sequence[AnswerCell], expected: float, who: str = "") -> Check:
    """Whether answers to different seeds are different ones, of ``expected`` different ones."""
    different, least = len(set(cells)), expected / _FEWER
    seen, says = sentences.DISTINCT.format(different, len(cells)), sentences.DISTINCT_SAYS.format(expected)
    return Check("seeds", who, seen, len(cells), _UNIT, different >= least, says, bound=least)


def check_lengths(wrong: int, num_answers: int, has_ids: bool, who: str = "") -> Check:
    """Whether texts have as many tokens as were asked for, or an end."""
    if not has_ids:
        return not_applicable("lengths", who, sentences.WHY_NO_IDS, _UNIT, num_answers)
    seen = sentences.WRONG_LENGTHS.format(wrong, num_answers)
    return Check("lengths", who, seen, num_answers, _UNIT, not wrong, sentences.LENGTHS_SAY, bound=0.0)
