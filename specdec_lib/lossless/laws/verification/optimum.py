"""What no exact rule can exceed, by linear programming over all rules at once.

A rule may know both models everywhere and use as much chance as it likes: given what was drafted it puts
any probability on each pair of a kept prefix and a next token. It is exact if the text that comes out, the
target going on by itself, has the target's law. Both are linear in those probabilities, so the largest
expected number of accepted tokens is the optimum of a linear program: for a path, for a tree, and, with K =
1, the optimal transport of multi-draft sampling (Sun et al. 2023, SpecTr). Float64, for small tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from specdec_lib.errors import SpecDecError
from specdec_lib.lossless.laws.enumeration import Model, Prefix, drafts
from specdec_lib.lossless.laws.verification.rules import Drawn


def optimal_accepted(target: Model, drawn: Iterable[Drawn], k: int) -> float:
    """The most draft tokens that an exact rule accepts in a round, on average, of what is ``drawn``.

    Rules that bind later rounds (:class:`~.hierarchical.NaiveHierarchicalRule`) are none of these: here the
    target goes on by itself behind a round.

    Raises:
        SpecDecError: if the solver finds no optimum.
    """
    from scipy.optimize import linprog

    chances: defaultdict[frozenset[Prefix], Any] = defaultdict(int)
    for kept, chance in drawn:
        chances[kept] += chance
    texts = {text: float(chance) for text, chance in drafts(target, (), k + 1)}
    places = {text: place for place, text in enumerate(texts)}
    beginnings = {text[:n] for text in texts for n in range(1, k + 2)}  # nothing else may be emitted
    columns = [
        (row, (*prefix, token))
        for row, kept in enumerate(chances)
        for prefix in sorted(kept)
        for token in range(len(target(())))
        if (*prefix, token) in beginnings
    ]
    drafted, emitted = np.zeros((len(chances), len(columns))), np.zeros((len(texts), len(columns)))
    for column, (row, begun) in enumerate(columns):
        drafted[row, column] = 1
        for rest, chance in drafts(target, begun, k + 1 - len(begun)):
            emitted[places[(*begun, *rest)], column] = float(chance)
    solution = linprog(
        [1 - len(begun) for _, begun in columns],
        A_eq=np.vstack([drafted, emitted]),
        b_eq=[*map(float, chances.values()), *texts.values()],
        method="highs",
    )
    if solution.fun is None:
        raise SpecDecError(f"optimal acceptance: {solution.message}; smaller tables, or none so uneven")
    return -float(solution.fun)


def joint_overlap(target: Model, draft: Model, k: int) -> Any:
    """Σ min(P, Q) over all beginnings of 1 to ``k`` tokens: what one path can have in common with the target.

    No round that is exact as a whole accepts more, even one that binds what comes after it. Exact in
    Fractions.
    """
    total: Any = 0
    level: list[tuple[Prefix, Any, Any]] = [((), 1, 1)]
    for _ in range(k):
        level = [
            ((*prefix, token), p * p_next, q * q_next)
            for prefix, p, q in level
            for token, (p_next, q_next) in enumerate(zip(target(prefix), draft(prefix), strict=True))
            if p_next and q_next
        ]
        total += sum(min(p, q) for _, p, q in level)
    return total
