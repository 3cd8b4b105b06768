"""The checks that count: sampled texts against exact laws, and the rounds of longer ones against each other.

Every one can fail, and says at which size of a deviation it would have. None of them knows which decoder it
is given, so a broken one from :mod:`specdec_lib.lossless.mutants` can be put in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.lossless import sentences
from specdec_lib.lossless.evidence.chi_square import (
    ChiSquare,
    chi_square_test,
    deviation_caught,
    pool_thin_cells,
    variation_bound,
)
from specdec_lib.lossless.evidence.efficiency import expectation, guarded_test
from specdec_lib.lossless.evidence.uniformity import (
    independence_test,
    p_values_by_id,
    randomised_p_values,
    shift_caught,
    uniformity_test,
)
from specdec_lib.lossless.laws.small_law import SmallLaw
from specdec_lib.lossless.plan import LEAST_ROUNDS
from specdec_lib.lossless.replays.replay import ReplayedRound
from specdec_lib.lossless.verdict import Check, not_applicable
from specdec_lib.utils.numbers import percent

_LEAST_EXPECTED = 10.0


def check_joint_law(
    verifier: str,
    decoder: Decoder,
    law: SmallLaw,
    prompt: Sequence[int],
    num_samples: int,
    seed: int,
    level: float,
    report: Callable[[str], None],
) -> Iterator[Check]:
    """Chi-square of sampled continuations against the exact law; then the bound on their distance."""
    samples = []
    for index in range(num_samples):
        if index % 1000 == 0:
            report(f"{verifier}: joint law, {index} of {num_samples} samples")
        options = vars(law.params) | {"seed": seed * 1_000_003 + index, "ignore_eos": True}
        samples.append(decoder.generate(list(prompt), law.length, **options).generated_ids)
    counts, exact = law.counted(samples)
    test, cells = pooled_test(counts, exact)
    n, seen = num_samples, sentences.CHI_SQUARE.format(test.degrees, test.statistic)
    passed, says = test.p_value >= level, sentences.JOINT_LAW_SAYS.format(law.length)
    catches = deviation_caught(n, cells, level) if cells > 1 else None
    yield Check("joint law", verifier, seen, n, "samples", passed, says, test.p_value, catches=catches)
    found = variation_bound(counts, exact, 1 - level)
    bound, sure = found.bound, found.confidence
    seen = sentences.DISTANCE.format(found.empirical)
    passed = found.empirical <= found.expected + found.margin
    says = sentences.DISTANCE_SAYS.format(law.length, percent(sure, 2))
    yield Check("distance", verifier, seen, n, "samples", passed, says, bound=bound, confidence=sure)


def pooled_test(
    counts: Float[np.ndarray, " cells"], law: Float[np.ndarray, " cells"]
) -> tuple[ChiSquare, int]:
    """Chi-square with the thin cells pooled, so that the power which it claims is there; and its cells.

    A real pair's outcomes go down to probabilities that no sample ever shows. One such outcome adds
    thousands to the statistic, and a test that allows for it (by simulation) sees nothing else.
    """
    pooled, chances = pool_thin_cells(counts, law, _LEAST_EXPECTED)
    return chi_square_test(pooled, chances), int((chances > 0).sum())


def check_uniformity(
    verifier: str, rounds: Sequence[ReplayedRound], seed: int, level: float, exact_dtype: bool
) -> Check:
    """Randomised p-values of every emitted token, against the uniform law."""
    generator = torch.Generator().manual_seed(seed)
    values, impossible = [], 0
    for round_ in rounds:
        n = len(round_.token_ids)
        p, q, ids = (part[:n].cpu() for part in (round_.target_probs, round_.draft_probs, round_.token_ids))
        impossible += int((p.gather(1, ids[:, None]) == 0).sum())
        values.append(randomised_p_values(p, q, ids, generator))
    test = uniformity_test(np.concatenate(values))
    seen = sentences.seen_uniformity(test.statistic, impossible)
    passed = test.p_value >= level and not (impossible and exact_dtype)
    n, says, catches = test.num_samples, sentences.UNIFORMITY_SAYS, shift_caught(test.num_samples, level)
    return Check("uniformity", verifier, seen, n, "tokens", passed, says, test.p_value, catches=catches)


def check_independence(
    verifier: str, texts: Sequence[Sequence[ReplayedRound]], seed: int, level: float
) -> Check:
    """The first token of each round of a text, against those of its other rounds."""
    generator = torch.Generator().manual_seed(seed)
    values = [
        p_values_by_id(
            [round_.target_probs[0] for round_ in rounds],
            [int(round_.token_ids[0]) for round_ in rounds],
            generator,
        )
        for rounds in texts
    ]
    test = independence_test(values, level)
    n, passed, catches = test.num_rounds, test.p_value >= level, test.catches
    if catches > 1:
        why = sentences.WHY_FEW_ROUNDS.format(n, len(texts))
        return not_applicable("independence", verifier, why, "rounds", n)
    seen, says = sentences.CHI_SQUARE.format(test.num_texts, test.statistic), sentences.INDEPENDENCE_SAYS
    return Check("independence", verifier, seen, n, "rounds", passed, says, test.p_value, catches=catches)


def check_efficiency(verifier: str, rounds: Sequence[ReplayedRound], level: float, short: int = 0) -> Check:
    """Accepted draft tokens a round, against what p and q allow; ``short`` drafts had fewer tokens."""
    drafted = [round_ for round_ in rounds if len(round_.draft_ids)]
    if len(drafted) < LEAST_ROUNDS:
        why = sentences.why_few_drafts(len(drafted), LEAST_ROUNDS)
        return not_applicable("efficiency", verifier, why, "rounds", len(drafted))
    accepted = [round_.num_accepted for round_ in drafted]
    expected = [
        expectation(round_.target_probs, round_.draft_probs[:-1], round_.draft_ids, verifier)
        for round_ in drafted
    ]
    test = guarded_test(accepted, expected, max(len(round_.draft_ids) for round_ in drafted), level)
    n, passed, catches = test.num_rounds, test.p_value >= level and not short, test.catches
    if passed and catches is not None and catches > test.expected:
        why = sentences.why_blind(n, catches, test.expected)
        return not_applicable("efficiency", verifier, why, "rounds", n)
    seen, says = sentences.seen_accepted(test.accepted, test.expected, short), sentences.EFFICIENCY_SAYS
    return Check("efficiency", verifier, seen, n, "rounds", passed, says, test.p_value, catches=catches)
