"""Traversal verification: a tree judged from its leaves to its root (Weng et al. 2025, Algorithm 3)."""

from __future__ import annotations

from functools import partial
from typing import Any

from specdec_lib.lossless.laws.enumeration import Law, Model, Prefix
from specdec_lib.lossless.laws.reference import leftover
from specdec_lib.lossless.laws.verification.trees import Tree, without

_Verdict = tuple[Prefix, Any, Law]


def judge_traversal(target: Model, draft: Model, prefix: Prefix, tree: Tree) -> list[_Verdict]:
    """Siblings drawn **with** replacement, visited in the order of their draws, child before parent.

    A node begins with the acceptance min(1, a · p(x) / q(x)), a being its parent's. The first leaf stays
    with its acceptance, and with it the whole path to it. Where it does not, it is deleted; its parent's p
    becomes norm(max(a · p − q, 0)) and its acceptance S / (S + 1 − a) with S = Σ max(a · p − q, 0), 0/0
    read as 1, and what is left below the parent is weighed anew. A parent without children is a leaf. On a
    chain it is block verification. Exactness is theirs to prove (Theorem 3.3) and established here by
    enumeration.
    """
    verdicts, _ = _visit(partial(_laws, target, draft, prefix), (), 1, tree, False)
    return verdicts


def judge_traversal_without(target: Model, draft: Model, prefix: Prefix, tree: Tree) -> list[_Verdict]:
    """The same over siblings drawn **without** replacement: a deleted token leaves its parent's q too."""
    verdicts, _ = _visit(partial(_laws, target, draft, prefix), (), 1, tree, True)
    return verdicts


def _laws(target: Model, draft: Model, prefix: Prefix, kept: Prefix) -> tuple[Law, Law]:
    return target((*prefix, *kept)), draft((*prefix, *kept))


def _visit(laws, node: Prefix, accept: Any, tree: Tree, renew: bool) -> tuple[list[_Verdict], Any]:
    """Verdicts in and below ``node``, given that the traversal comes to it, and P(it leaves without any)."""
    p, q = laws(node)
    verdicts, reached = [], 1
    for token, below in tree:
        start = min(1, accept * p[token] / q[token])
        inside, left = _visit(laws, (*node, token), start, below, renew)
        verdicts += [(kept, reached * chance, law) for kept, chance, law in inside if chance]
        reached = reached * left
        if not reached:
            return verdicts, 0
        missing = sum(max(accept * a - b, 0) for a, b in zip(p, q, strict=True))
        p, rest = leftover(accept, p, q), missing + 1 - accept
        accept = missing / rest if rest else 1
        if renew:
            q = without(q, token)
    verdicts.append((node, reached * accept, p))
    return verdicts, reached * (1 - accept)
