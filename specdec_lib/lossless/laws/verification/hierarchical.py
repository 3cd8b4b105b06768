"""Hierarchical speculative decoding (Zhou et al. 2026, arXiv 2601.05724), as printed and as released.

Three rules go by the name, all built on joint ratios r(x_1 … x_t) = Π p / q along the draft:

* the **naive** one (their Algorithm 1): the whole draft stays with min(1, r), and after a rejection the round
  goes on, one forward of the target a token, until K tokens have come;
* the **capped** one (Algorithm 2, Definitions 4 to 6, equations 19 and 20): one correction ends the round;
* the **released** one (Listing 2, and ``_speculative_sampling`` in the authors' repository at b8575e2): the
  capped tests before the end, and at the end the whole draft against the ratio **without** the cap.

The capped rule is block verification: r / max(1, r of every shorter prefix), cut at 1, is the p_i of Sun et
al. 2024, and the tests and corrections are equal one by one. The tests say so with fractions for every
draft of random tables; the code below computes with joint ratios as the paper does, and shares nothing with
:func:`~specdec_lib.lossless.laws.reference.judge_block`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from specdec_lib.lossless.laws.enumeration import Judgement, Law, Model, Prefix, drafts
from specdec_lib.lossless.laws.verification.rules import ChainRule, Drawn, RoundOutcome


def judge_hierarchical(target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
    """Zhou et al. 2026, Algorithm 2: the last t with η ≤ h_t, then a draw from the capped residual.

    h_K = min(r*, 1) and h_t = D*(p, q) / D*(q, p) before it, from the capped ratio r* of Definition 5.
    """
    return _judge_capped(target, draft, ids, cap_at_the_end=True)


def judge_hierarchical_as_released(target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
    """The same with h_K = min(r, 1), r not capped, as the authors' released code has it. **Not exact**."""
    return _judge_capped(target, draft, ids, cap_at_the_end=False)


def _judge_capped(target: list[Law], draft: list[Law], ids: Prefix, cap_at_the_end: bool) -> Judgement:
    k = len(ids)
    ratios = _joint_ratios(target, draft, ids)
    passing, following = [], []
    for t in range(k):
        missing, surplus = _branch(_capped(ratios, t), 1, target[t], draft[t])
        passing.append(sum(missing) / sum(surplus) if sum(surplus) else 1)
        following.append(_normalised(missing, target[t]))
    end = ratios[k]
    if cap_at_the_end:  # Definition 4 takes the maximum over the prefixes shorter than the draft
        end = end / max([1, *ratios[:k]])
    return _last_success([*passing, min(1, end)], [*following, target[k]])


def _capped(ratios: list[Any], t: int) -> Any:
    """r* without the next token's own ratio: what a child of X_1 … X_t is weighed with (Definition 5)."""
    highest = max(ratios[1 : t + 1], default=1)
    return ratios[t] / highest if highest > 1 else ratios[t]


@dataclass(frozen=True)
class NaiveHierarchicalRule:
    """Zhou et al. 2026, Algorithm 1: rounds of K tokens whose joint law is exact, not each correction.

    After the last t < K with η ≤ h_t = D(p, q) / max(D(p, q), D(q, p)) (equation 11) tokens t + 1 to K are
    drawn from the branch residuals (equation 12) one after the other. The first of them needs no forward
    beyond the one that judged the draft, each later one a forward of its own, since it stands behind a
    token that nobody drafted.
    """

    def outcomes(self, target: Model, draft: Model, prefix: Prefix, k: int) -> Iterator[RoundOutcome]:
        for ids, probability in drafts(draft, prefix, k):
            target_laws = [target((*prefix, *ids[:n])) for n in range(k + 1)]
            draft_laws = [draft((*prefix, *ids[:n])) for n in range(k)]
            for t, (weight, following) in enumerate(_judge_naive(target_laws, draft_laws, ids)):
                if not weight:
                    continue
                if t == k:
                    ends = (
                        RoundOutcome((*ids, x), k, probability * weight * c) for x, c in _possible(following)
                    )
                    yield from ends
                    continue
                for rest, chance in _resampled(target, draft, prefix, ids[:t], k):
                    yield RoundOutcome((*ids[:t], *rest), t, probability * weight * chance, k - t)

    def drawn(self, draft: Model, k: int) -> Iterator[Drawn]:
        return ChainRule(_judge_naive).drawn(draft, k)


def _judge_naive(target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
    """P(the round resamples from position t + 1 on) for t = 0 … K − 1, P(all stay); the first law of each."""
    ratios = _joint_ratios(target, draft, ids)
    passing, following = [], []
    for t in range(len(ids)):
        missing, surplus = _branch(ratios[t], 1, target[t], draft[t])
        most = max(sum(missing), sum(surplus))
        passing.append(sum(missing) / most if most else 1)
        following.append(_normalised(missing, target[t]))
    return _last_success([*passing, min(1, ratios[-1])], [*following, target[len(ids)]])


def _resampled(
    target: Model, draft: Model, prefix: Prefix, kept: Prefix, k: int
) -> Iterator[tuple[Prefix, Any]]:
    """Tokens behind ``kept`` up to the K-th, each from the residual of its branch, and their probability."""
    if len(kept) == k:
        yield (), 1
        return
    reached = [(*prefix, *kept[:n]) for n in range(len(kept) + 1)]
    p = q = 1
    for n, token in enumerate(kept):
        p, q = p * target(reached[n])[token], q * draft(reached[n])[token]
    missing, _ = _branch(p, q, target(reached[-1]), draft(reached[-1]))
    for token, chance in _possible(_normalised(missing, target(reached[-1]))):
        for rest, probability in _resampled(target, draft, prefix, (*kept, token), k):
            yield (token, *rest), chance * probability


def _joint_ratios(target: list[Law], draft: list[Law], ids: Prefix) -> list[Any]:
    """r of the first n draft tokens, n = 0 … K."""
    ratios: list[Any] = [1]
    for n, token in enumerate(ids):
        ratios.append(ratios[n] * target[n][token] / draft[n][token])
    return ratios


def _branch(target_scale: Any, draft_scale: Any, target: Law, draft: Law) -> tuple[list[Any], list[Any]]:
    """What the draft has too little of in a branch, and too much, token by token (Definition 2)."""
    differences = [target_scale * p - draft_scale * q for p, q in zip(target, draft, strict=True)]
    return [max(d, 0) for d in differences], [max(-d, 0) for d in differences]


def _normalised(parts: list[Any], otherwise: Law) -> Law:
    total = sum(parts)
    return [part / total for part in parts] if total else otherwise


def _possible(law: Law) -> Iterator[tuple[int, Any]]:
    return ((token, chance) for token, chance in enumerate(law) if chance)


def _last_success(passing: list[Any], following: list[Law]) -> Judgement:
    """Position t of ``passing`` is where the round ends when it passes and nothing behind it does."""
    judgement: Judgement = []
    none_so_far: Any = 1
    for chance, law in zip(reversed(passing), reversed(following), strict=True):
        judgement.append((none_so_far * chance, law))
        none_so_far = none_so_far * (1 - chance)
    return judgement[::-1]
