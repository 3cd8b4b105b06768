"""The checks of a pair: each runs one test on real models and says what it found, and what it could find.

Every check can fail, and says at which size of a deviation it would have. None of them knows which decoder
it is given, so a broken one from :mod:`specdec_lib.lossless.mutants` can be put in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.rejection import PLANS, PlanMaker
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.lossless.chi_square import ChiSquare, chi_square_test, deviation_caught, pool_thin_cells
from specdec_lib.lossless.efficiency import efficiency_test, expected_in_round
from specdec_lib.lossless.enumeration import ROUNDING, error_of, judge_with
from specdec_lib.lossless.precision import judge_parting, rounding_of
from specdec_lib.lossless.replay import ReplayedRound
from specdec_lib.lossless.scenario import Scenario
from specdec_lib.lossless.small_law import SmallLaw
from specdec_lib.lossless.uniformity import randomised_p_values, uniformity_test
from specdec_lib.lossless.variation import variation_bound
from specdec_lib.models.wrapper import ModelWrapper

EXACT_DTYPES = (torch.float32, torch.float64)
ONE_POSITION = 1e-6
"""Largest difference that float32 probabilities may leave at one position."""
_LEAST_EXPECTED = 10.0


@dataclass(frozen=True)
class Check:
    """One line of the verdict.

    ``statistic`` is what was computed, as text; ``num_samples`` counts ``unit``; exactly one of
    ``p_value`` and ``bound`` decides, and ``catches`` is the smallest deviation that would have been seen
    with 99 % probability (None where every deviation would).
    """

    test: str
    verifier: str
    statistic: str
    num_samples: int
    unit: str
    passed: bool
    says: str
    p_value: float | None = None
    bound: float | None = None
    catches: float | None = None


# -- exact ----------------------------------------------------------------------------------------


def check_tables(verifier: str, plan: PlanMaker, num_tables: int = 3, seed: int = 0) -> Check:
    """The verifier's plan, enumerated over chained rounds on random tables in float64."""
    largest, outcomes = 0.0, 0
    for index in range(num_tables):
        scenario = Scenario(seed=seed + index, vocab=3, length=4, k=3, draft_error=1.0, prompt=(1, 2))
        own, other = (partial(scenario.warped, model) for model in scenario.models)
        difference, count = error_of(own, other, scenario.length, scenario.k, partial(judge_with, plan))
        largest, outcomes = max(largest, difference), outcomes + count
    return Check(
        "exact, tables",
        verifier,
        f"|Δ| = {largest:.1e}",
        outcomes,
        "outcomes",
        largest <= ROUNDING,
        f"every draft and verdict of {num_tables} small worlds, summed: the law is the target's",
        bound=ROUNDING,
    )


def check_small_law(verifier: str, plan: PlanMaker, law: SmallLaw, k: int) -> Check:
    """The same on the pair's own logits, behind a prompt, with the vocabulary cut."""
    largest, outcomes = error_of(law.target, law.draft, law.length, k, partial(judge_with, plan))
    return Check(
        "exact, pair",
        verifier,
        f"|Δ| = {largest:.1e}",
        outcomes,
        "outcomes",
        largest <= ROUNDING,
        f"{law.length} tokens on the pair's logits, every draft and verdict summed",
        bound=ROUNDING,
    )


def check_one_position(
    target: ModelWrapper, draft: ModelWrapper, prompts: Sequence[Sequence[int]], params: SamplingParams
) -> Check:
    """Σ over all drafts x of q(x) (accept · x + reject · residual) against p, over the whole vocabulary."""
    largest = 0.0
    for prompt in prompts:
        ids = torch.tensor([list(prompt)])
        rows = [model.forward(ids, use_cache=False, logits_to_keep=1)[0][0, -1] for model in (target, draft)]
        p, q = (probs_from_logits(row, params).to(target.device) for row in rows)
        largest = max(largest, one_position_difference(p, q))
    return Check(
        "one position",
        "token",
        f"|Δ| = {largest:.1e}",
        len(prompts) * target.vocab_size,
        "drafts",
        largest <= ONE_POSITION,
        "accepted mass and residual mass add up to p, for every token of the vocabulary",
        bound=ONE_POSITION,
    )


def one_position_difference(p: torch.Tensor, q: torch.Tensor) -> float:
    """L∞ of what one draft token and its verdict emit on average, less p; by the library's own plan."""
    vocab = p.shape[0]
    every = torch.arange(vocab, device=p.device)
    plan = PLANS["token"](p.expand(vocab + 1, vocab), q.expand(vocab, vocab), every)
    accepted = q * plan.thresholds
    uncovered = (p - q).clamp_min(0)
    rejected = (q.double() - accepted.double()).sum()
    law = accepted.double() + rejected * (uncovered.double() / uncovered.double().sum().clamp_min(1e-300))
    return float((law - p.double()).abs().max())


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
        f"no event of {law.length} tokens is off by more, with {bound.confidence:.2%} confidence",
        bound=bound.bound,
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


def check_efficiency(verifier: str, rounds: Sequence[ReplayedRound], level: float) -> Check:
    """Accepted draft tokens a round, against what p and q allow."""
    drafted = [step for step in rounds if len(step.draft_ids)]
    accepted = [step.num_accepted for step in drafted]
    expected = [
        expected_in_round(step.target_probs, step.draft_probs[:-1], step.draft_ids, verifier)
        for step in drafted
    ]
    test = efficiency_test(accepted, expected)
    return Check(
        "efficiency",
        verifier,
        f"{test.accepted:.3f} of {test.expected:.3f}",
        test.num_rounds,
        "rounds",
        test.p_value >= level,
        "nothing is wasted: draft tokens accepted a round, of those that the two laws allow",
        p_value=test.p_value,
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


def check_caches(decoder: Decoder, prompt: Sequence[int], num_tokens: int, models: Sequence[Any]) -> Check:
    """Roll-backs against fresh forwards, in a run of its own; ``models`` are the two CheckedModels."""
    decoder.generate(list(prompt), num_tokens, 0.8, ignore_eos=True, seed=0)
    target = models[0]
    largest = max(model.largest_difference for model in models)
    bound = max(rounding_of(model.dtype, model.largest_logit) for model in models)
    return Check(
        "caches",
        "",
        f"|Δ| = {largest:.1e}",
        sum(model.num_checks for model in models),
        "cuts",
        largest <= bound and target.num_checks > 0,
        "a rolled-back cache answers as no cache does",
        bound=bound,
    )
