"""Several independent paths, one of which is chosen and judged as a block.

Built from what is public of greedy multi-path block verification (Thomas and Pal 2026, arXiv 2602.16961:
the abstract and the reviews of an earlier version): K independent paths, a strict order of paths that needs
nothing but the laws along them, the law of the chosen path, block verification with that law in the place
of q. The order that is used here, by p / q at the first token where two paths part, is our reading; that
the result is exact does not rest on it, since any strict order will do, and is established by enumeration.
"""

from __future__ import annotations

from typing import Any

from specdec_lib.lossless.laws.enumeration import Law, Model, Prefix
from specdec_lib.lossless.laws.reference import judge_block
from specdec_lib.lossless.laws.verification.trees import Tree


def judge_best_path(target: Model, draft: Model, prefix: Prefix, tree: Tree) -> list[tuple[Prefix, Any, Law]]:
    """Block verification of the best of the tree's paths, which have to be independent draws.

    The best path has, where it parts from another, the token of the higher p / q (of equals, the lower id).
    Of m paths the chosen one begins with x_1 … x_n with probability (B + Q)^m − B^m, where Q is the
    probability of that beginning under the draft and B that of all worse ones; quotients of these are the
    law that the chosen path's tokens come from, and take q's place.
    """
    ids, count = best_path(target, draft, prefix, tree), len(tree)
    target_laws = [target((*prefix, *ids[:n])) for n in range(len(ids) + 1)]
    chosen_laws = chosen_path_laws(target, draft, prefix, ids, count)
    judgement = judge_block(target_laws, chosen_laws, ids)
    return [(ids[:n], chance, law) for n, (chance, law) in enumerate(judgement) if chance]


def best_path(target: Model, draft: Model, prefix: Prefix, tree: Tree) -> Prefix:
    """The path that is chosen among those of a tree."""
    kept: Prefix = ()
    while tree:
        order = _from_best(target((*prefix, *kept)), draft((*prefix, *kept)))
        token = min((token for token, _ in tree), key=order.index)
        tree = sum((below for same, below in tree if same == token), ())
        kept = (*kept, token)
    return kept


def chosen_path_laws(target: Model, draft: Model, prefix: Prefix, ids: Prefix, count: int) -> list[Law]:
    """The laws of the tokens of the best of ``count`` paths, along ``ids``."""
    laws: list[Law] = []
    begins: Any = 1  # Q
    worse: Any = 0  # B
    for n, token in enumerate(ids):
        p, q = target((*prefix, *ids[:n])), draft((*prefix, *ids[:n]))
        reached = (worse + begins) ** count - worse**count
        below, law = worse, [0 * chance for chance in q]
        for other in reversed(_from_best(p, q)):
            if other == token:
                next_worse = below
            if q[other]:
                part = begins * q[other]
                law[other] = ((below + part) ** count - below**count) / reached
                below = below + part
        laws.append(law)
        begins, worse = begins * q[token], next_worse
    return laws


def _from_best(p: Law, q: Law) -> list[int]:
    """Tokens by p / q from the highest; what the draft cannot propose comes first, and never comes up."""
    possible = [token for token, chance in enumerate(q) if chance]
    never = [token for token, chance in enumerate(q) if not chance]
    return never + sorted(possible, key=lambda token: (-p[token] / q[token], token))
