"""Trees judged from the root: one sibling after the other, or by what the target itself would say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from specdec_lib.lossless.laws.enumeration import Law, Model, Prefix
from specdec_lib.lossless.laws.reference import leftover
from specdec_lib.lossless.laws.verification.trees import Tree, without

Verdicts = Iterator[tuple[Prefix, Any, Law]]
"""Draft tokens that stay, the probability of that verdict on the tree, and the law of the next token."""


def judge_siblings(target: Model, draft: Model, prefix: Prefix, tree: Tree) -> Verdicts:
    """Recursive rejection over siblings drawn **with** replacement (Miao et al. 2023, SpecInfer).

    A child x stays with min(1, p(x) / q(x)); where it does not, p becomes norm(max(p − q, 0)) for the next
    sibling, and the law of the correction when none stays. A child that stays is judged by its own children
    in turn.
    """
    return _descend(target, draft, prefix, (), 1, tree, False)


def judge_siblings_without(target: Model, draft: Model, prefix: Prefix, tree: Tree) -> Verdicts:
    """The same over siblings drawn **without** replacement: a rejected token leaves q as well.

    As in Sequoia (Chen et al. 2024) and EAGLE, and "RRSw" in Weng et al. 2025, Algorithm 2.
    """
    return _descend(target, draft, prefix, (), 1, tree, True)


def judge_matching(target: Model, draft: Model, prefix: Prefix, tree: Tree) -> Verdicts:
    """Naive multi-draft sampling: the target draws, and a drafted token stays if it is the one drawn.

    The baseline of Miao et al. 2023. It asks nothing about the draft's law, so it is exact for any tree
    that was drawn before the target's token was; siblings alike are one node.
    """
    return _match(target, prefix, (), 1, tree)


def _descend(
    target: Model, draft: Model, prefix: Prefix, kept: Prefix, reached: Any, tree: Tree, renew: bool
) -> Verdicts:
    p, q = target((*prefix, *kept)), draft((*prefix, *kept)) if tree else ()
    for token, below in tree:
        accept = min(1, p[token] / q[token])
        if accept:
            stays = (*kept, token)
            yield from _descend(target, draft, prefix, stays, reached * accept, below, renew)
        reached = reached * (1 - accept)
        if not reached:
            return
        p = leftover(1, p, q)
        if renew:
            q = without(q, token)
    yield kept, reached, p


def _match(target: Model, prefix: Prefix, kept: Prefix, reached: Any, tree: Tree) -> Verdicts:
    p = target((*prefix, *kept))
    for token in dict.fromkeys(token for token, _ in tree):
        below = sum((subtree for same, subtree in tree if same == token), ())
        if p[token]:
            yield from _match(target, prefix, (*kept, token), reached * p[token], below)
        p = [0 if other == token else chance for other, chance in enumerate(p)]
    missed = sum(p)
    if missed:
        yield kept, reached * missed, [chance / missed for chance in p]
