"""The checks of a pair that run it: each says what it found, and what it could have found.

Every check can fail, and says at which size of a deviation it would have. None of them knows which decoder
it is given, so a broken one from :mod:`specdec_lib.lossless.mutants` can be put in its place. Those that run
nothing are in :mod:`specdec_lib.lossless.exact`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.lossless.doubles.checked import CheckedModel
from specdec_lib.lossless.doubles.ending import complaint, ends_of
from specdec_lib.lossless.evidence.chi_square import (
    ChiSquare,
    chi_square_test,
    deviation_caught,
    pool_thin_cells,
)
from specdec_lib.lossless.evidence.efficiency import Efficiency, expectation, guarded_test
from specdec_lib.lossless.evidence.independence import independence_test, p_values_by_id
from specdec_lib.lossless.evidence.rounding import judge_parting, rounding_of
from specdec_lib.lossless.evidence.uniformity import randomised_p_values, uniformity_test
from specdec_lib.lossless.evidence.variation import variation_bound
from specdec_lib.lossless.exact import (
    ONE_POSITION,
    check_one_position,
    check_small_law,
    check_tables,
    one_position_difference,
)
from specdec_lib.lossless.laws.small_law import SmallLaw
from specdec_lib.lossless.plan import LEAST_ROUNDS
from specdec_lib.lossless.replays.replay import ReplayedRound
from specdec_lib.lossless.verdict import Check, not_applicable
from specdec_lib.utils.numbers import counted, percent

__all__ = [
    "ONE_POSITION",
    "Check",
    "check_caches",
    "check_efficiency",
    "check_endings",
    "check_greedy",
    "check_independence",
    "check_joint_law",
    "check_one_position",
    "check_small_law",
    "check_tables",
    "check_uniformity",
    "one_position_difference",
    "pooled_test",
    "rounding_of",
]

EXACT_DTYPES = (torch.float32, torch.float64)
_LEAST_EXPECTED = 10.0


# -- statistical ----------------------------------------------------------------------------------


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
    catches = deviation_caught(num_samples, cells, level) if cells > 1 else None
    yield Check(
        "joint law",
        verifier,
        f"χ²({test.degrees}) = {test.statistic:.1f}",
        num_samples,
        "samples",
        test.p_value >= level,
        f"{law.length} tokens at once, against their exact probabilities",
        p_value=test.p_value,
        catches=catches,
    )
    bound = variation_bound(counts, exact, 1 - level)
    yield Check(
        "distance",
        verifier,
        f"seen {bound.empirical:.3f}",
        num_samples,
        "samples",
        bound.empirical <= bound.expected + bound.margin,
        f"no event of {law.length} tokens behind this prompt is off by more, "
        f"with {percent(bound.confidence, 2)}",
        bound=bound.bound,
        confidence=bound.confidence,
    )


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
    for step in rounds:
        n = len(step.token_ids)
        p, q, ids = (part[:n].cpu() for part in (step.target_probs, step.draft_probs, step.token_ids))
        impossible += int((p.gather(1, ids[:, None]) == 0).sum())
        values.append(randomised_p_values(p, q, ids, generator))
    test = uniformity_test(np.concatenate(values))
    return Check(
        "uniformity",
        verifier,
        f"KS = {test.statistic:.4f}" + (f", {impossible} impossible" if impossible else ""),
        test.num_samples,
        "tokens",
        test.p_value >= level and not (impossible and exact_dtype),
        "each token has its law given all before it: any prompt, the whole vocabulary, real caches",
        p_value=test.p_value,
        catches=_ks_catches(test.num_samples, level),
    )


def _ks_catches(num_samples: int, level: float, power: float = 0.99) -> float:
    """A shift of the distribution function that is seen with that power, by the DKW inequality (Massart)."""
    critical = np.sqrt(np.log(2 / level) / (2 * num_samples))
    return float(min(1.0, critical + np.sqrt(np.log(2 / (1 - power)) / (2 * num_samples))))


def check_independence(
    verifier: str, texts: Sequence[Sequence[ReplayedRound]], seed: int, level: float
) -> Check:
    """The first token of each round of a text, against those of its other rounds."""
    generator = torch.Generator().manual_seed(seed)
    values = [p_values_by_id(rounds, generator) for rounds in texts]
    test = independence_test(values, level)
    if test.catches > 1:
        why = f"{test.num_rounds} rounds in {len(texts)} texts: no dependence would show in so few"
        return not_applicable("independence", verifier, why, "rounds", test.num_rounds)
    return Check(
        "independence",
        verifier,
        f"χ²({test.num_texts}) = {test.statistic:.1f}",
        test.num_rounds,
        "rounds",
        test.p_value >= level,
        "no round of a text knows the dice of another",
        p_value=test.p_value,
        catches=test.catches,
    )


def check_efficiency(verifier: str, rounds: Sequence[ReplayedRound], level: float, short: int = 0) -> Check:
    """Accepted draft tokens a round, against what p and q allow; ``short`` drafts had fewer tokens."""
    drafted = [step for step in rounds if len(step.draft_ids)]
    if len(drafted) < LEAST_ROUNDS:
        had = counted(len(drafted), "round")
        why = f"{had} had a draft; counts say something from {LEAST_ROUNDS} rounds on"
        return not_applicable("efficiency", verifier, why, "rounds", len(drafted))
    accepted = [step.num_accepted for step in drafted]
    expected = [
        expectation(step.target_probs, step.draft_probs[:-1], step.draft_ids, verifier) for step in drafted
    ]
    test = guarded_test(accepted, expected, max(len(step.draft_ids) for step in drafted), level)
    passed = test.p_value >= level and not short
    if passed and test.catches > test.expected:
        return not_applicable("efficiency", verifier, _blind(test), "rounds", test.num_rounds)
    return Check(
        "efficiency",
        verifier,
        f"{test.accepted:.3f} of {test.expected:.3f}" + (f", {short} short drafts" if short else ""),
        test.num_rounds,
        "rounds",
        passed,
        "nothing is wasted: draft tokens accepted a round, of those that the two laws allow",
        p_value=test.p_value,
        catches=test.catches,
    )


def _blind(test: Efficiency) -> str:
    """Why counts say nothing where a draft of which nothing is accepted would pass too."""
    return (
        f"{counted(test.num_rounds, 'round')} show a lack of {test.catches:.3f} accepted tokens a round or "
        f"more, and the two laws allow {test.expected:.3f} in all; longer texts, or more, see smaller ones"
    )


# -- identity -------------------------------------------------------------------------------------


def check_greedy(
    decoder: Decoder, prompts: Sequence[Sequence[int]], num_tokens: int, report: Callable[[str], None]
) -> Check:
    """Ids at temperature 0 against the baseline's; in half precision each mismatch is judged by its gap."""
    baseline, ties, differing, compared = AutoregressiveDecoder(decoder.target), 0, 0, 0
    for index, prompt in enumerate(prompts):
        report(f"greedy identity, prompt {index + 1} of {len(prompts)}")
        ours, theirs = (
            one.generate(list(prompt), num_tokens, 0.0, ignore_eos=True, seed=0).generated_ids
            for one in (decoder, baseline)
        )
        compared += len(theirs)
        place = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
        if place is None and len(ours) == len(theirs):
            continue
        tie = place is not None and _is_tie(decoder, [*prompt, *theirs[:place]], ours[place], theirs[place])
        ties, differing = ties + tie, differing + (not tie)
    exact = decoder.target.dtype in EXACT_DTYPES
    differing += ties if exact else 0
    told = f"{differing} of {len(prompts)} differ" + (f", {ties} tied" if ties and not exact else "")
    return Check(
        "greedy identity",
        "",
        told,
        compared,
        "ids",
        differing == 0,
        "temperature 0: the baseline's ids" + ("" if exact else ", but for ties within rounding"),
        bound=0.0,
    )


def _is_tie(decoder: Decoder, text: list[int], ours: int, theirs: int) -> bool:
    """Whether rounding, as it is between forwards of one token and of a round's, explains the difference."""
    width = getattr(decoder, "k", 4) + 1
    return judge_parting(decoder.target, text, ours, theirs, width).is_tie


def check_endings(
    decoder: Decoder, prompts: Sequence[Sequence[int]], num_tokens: int, report: Callable[[str], None]
) -> Check:
    """Greedy texts ended at every place.

    The decoder's target is an :class:`~specdec_lib.lossless.doubles.ending.EndingModel`.
    """
    complaints, tried = [], 0
    for index, prompt in enumerate(prompts):
        report(f"endings, prompt {index + 1} of {len(prompts)}")
        decoder.target.eos_token_ids = ()
        ids = decoder.generate(list(prompt), num_tokens, 0.0, ignore_eos=True, seed=0).generated_ids[
            :num_tokens
        ]
        for end in ends_of(decoder.target, ids):
            complaints.append(complaint(decoder, prompt, ids, end))
            tried += 1
    wrong = [one for one in complaints if one]
    return Check(
        "endings",
        "",
        f"{len(wrong)} of {tried} wrong",
        tried,
        "ends",
        not wrong,
        "a text ends at the first end there is, and its counts too" + (f": {wrong[0]}" if wrong else ""),
        bound=0.0,
    )


def check_caches(
    decoder: Decoder, prompt: Sequence[int], num_tokens: int, models: Sequence[CheckedModel]
) -> Check:
    """Roll-backs against fresh forwards, in a run of its own; ``models`` are the decoder's, the target first.

    What is allowed follows from the rounding of the models themselves, measured on the same text.
    """
    decoder.generate(list(prompt), num_tokens, 0.8, ignore_eos=True, seed=0)
    target = models[0]
    used = [model for model in models if model.num_checks]
    worst = max(used, key=lambda model: model.largest_difference / model.allowed, default=target)
    return Check(
        "caches",
        "",
        f"|Δ| = {worst.largest_difference:.1e}",
        sum(model.num_checks for model in models),
        "cuts",
        worst.largest_difference <= worst.allowed and target.num_checks > 0,
        f"a rolled-back cache answers as no cache does; forwards of other widths differ by {worst.noise:.1e}",
        bound=worst.allowed,
    )
