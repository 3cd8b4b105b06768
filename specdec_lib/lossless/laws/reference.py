"""The two verifiers once more, as slowly and as plainly as the papers state them.

Scalar code in whatever numbers come in: with a ``Fraction`` every probability is exact, and
that the output law equals the target's is an equation between rational numbers. It shares no line with
:mod:`specdec_lib.decoding.rejection`, which the tests hold against it.
"""

from __future__ import annotations

from typing import Any

from specdec_lib.lossless.laws.enumeration import Judgement, Law, Prefix


def judge_tokens(target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
    """Leviathan et al. 2023, Algorithm 1: each token by itself, up to the first that is rejected."""
    judgement: Judgement = []
    reached: Any = 1
    for n, token in enumerate(ids):
        accept = min(1, target[n][token] / draft[n][token])
        judgement.append((reached * (1 - accept), leftover(1, target[n], draft[n])))
        reached = reached * accept
    return [*judgement, (reached, target[len(ids)])]


def judge_block(target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
    """Sun et al. 2024, Algorithm 2: the last position whose test succeeds, whatever failed before."""
    k = len(ids)
    prefix: list[Any] = [1]
    for n, token in enumerate(ids):
        prefix.append(min(1, prefix[n] * target[n][token] / draft[n][token]))
    passing: list[Any] = [1]  # stopping at position 0 always remains
    for n in range(1, k):
        mass = sum(max(prefix[n] * p - q, 0) for p, q in zip(target[n], draft[n], strict=True))
        passing.append(mass / (mass + 1 - prefix[n]) if mass + 1 - prefix[n] else 1)
    if k:
        passing.append(prefix[k])
    judgement: Judgement = [(passing[k], target[k])]
    none_so_far: Any = 1 - passing[k]
    for n in range(k - 1, -1, -1):
        judgement.append((none_so_far * passing[n], leftover(prefix[n], target[n], draft[n])))
        none_so_far = none_so_far * (1 - passing[n])
    return judgement[::-1]


def leftover(scale: Any, target: Law, draft: Law) -> Law:
    """norm(max(scale · p − q, 0)); p where nothing is left, which then is never drawn from."""
    parts = [max(scale * p - q, 0) for p, q in zip(target, draft, strict=True)]
    total = sum(parts)
    return [part / total for part in parts] if total else target


def coupling(target: Law, draft: Law) -> list[list[Any]]:
    """P(x is drafted and y is emitted) as rows over x: sums to the draft's law down, to the target's across.

    A drafted token stays with probability min(p, q), on the diagonal; what it has too much of is handed out
    in proportion to what the target misses. Of all joint laws with these sums it keeps most.
    """
    missing = [max(p - q, 0) for p, q in zip(target, draft, strict=True)]
    surplus = [max(q - p, 0) for p, q in zip(target, draft, strict=True)]
    total = sum(missing) or 1
    joint = [[x * y / total for y in missing] for x in surplus]
    for i, kept in enumerate(map(min, target, draft)):
        joint[i][i] += kept
    return joint
