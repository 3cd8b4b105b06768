"""Drafts of several paths: every tree that can be drawn, and rules that judge one.

A tree is drawn level by level: behind every node ``widths[depth]`` children, independent draws from the
draft's law there, or draws without replacement. Children keep the order in which they were drawn, and two
that came up alike are two nodes. With widths (m, 1, …, 1) a tree is m independent paths.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.enumeration import Law, Model, Prefix
from specdec_lib.lossless.laws.verification.rules import Drawn, RoundOutcome, with_next_tokens

Tree = tuple[tuple[int, Any], ...]
"""The children of a node in the order of their draws: a token, and the Tree that was drawn behind it."""
TreeJudge = Callable[[Model, Model, Prefix, Tree], Iterable[tuple[Prefix, Any, Law]]]
"""From target, draft, the text so far and a tree: tokens that stay, probability, law of the next token."""


def trees(
    draft: Model, prefix: Prefix, widths: tuple[int, ...], replacement: bool = True
) -> Iterator[tuple[Tree, Any]]:
    """Every tree that can be drawn behind ``prefix``, with its probability."""
    if not widths:
        yield (), 1
        return
    for tokens, probability in siblings(draft(prefix), widths[0], replacement):
        below = [list(trees(draft, (*prefix, token), widths[1:], replacement)) for token in tokens]
        for parts in itertools.product(*below):
            subtrees = [subtree for subtree, _ in parts]
            chance = probability * prod(chance for _, chance in parts)
            yield tuple(zip(tokens, subtrees, strict=True)), chance


def siblings(law: Law, width: int, replacement: bool = True) -> Iterator[tuple[Prefix, Any]]:
    """Every row of ``width`` draws from ``law``; without replacement it ends early where nothing is left."""
    left = [token for token, chance in enumerate(law) if chance]
    if not width or not left:
        yield (), 1
        return
    for token in left:
        after = law if replacement else without(law, token)
        for rest, chance in siblings(after, width - 1, replacement):
            yield (token, *rest), law[token] * chance


def without(law: Law, token: int) -> Law:
    """``law`` given that ``token`` is not drawn; all zeros where it was the only one."""
    others = [0 if other == token else chance for other, chance in enumerate(law)]
    total = sum(others)
    return [chance / total for chance in others] if total else others


@dataclass(frozen=True)
class TreeRule:
    """A rule for a tree of K levels.

    Attributes:
        judge: what is kept of a drawn tree.
        width: children drawn behind each node, or paths where ``is_bundle``.
        is_bundle: whether only the first level has ``width`` nodes, so that the draft is ``width`` paths.
        replacement: whether siblings are independent draws.
    """

    judge: TreeJudge
    width: int = 2
    is_bundle: bool = False
    replacement: bool = True

    def widths(self, k: int) -> tuple[int, ...]:
        """Children of a node, for each of ``k`` levels."""
        if self.width < 1:
            raise InvalidArgument(f"tree of drafts: width {self.width}; take 1 or more")
        return tuple(1 if self.is_bundle and level else self.width for level in range(k))

    def outcomes(self, target: Model, draft: Model, prefix: Prefix, k: int) -> Iterator[RoundOutcome]:
        for tree, chance in trees(draft, prefix, self.widths(k), self.replacement):
            for outcome in with_next_tokens(self.judge(target, draft, prefix, tree)):
                yield outcome._replace(chance=chance * outcome.chance)

    def drawn(self, draft: Model, k: int) -> Iterator[Drawn]:
        for tree, chance in trees(draft, (), self.widths(k), self.replacement):
            yield frozenset(_nodes(tree)), chance


def _nodes(tree: Tree) -> Iterator[Prefix]:
    yield ()
    for token, below in tree:
        yield from ((token, *rest) for rest in _nodes(below))
