"""Token and block verification side by side, to play with: which prefixes of a draft stay, and how often.

:class:`VerifierFigure` shows itself wherever HTML is shown and needs no kernel. Both models are chains of few
words, so that every draft can be listed. Say that the prefix x is drafted with probability Q(x), and drafted
and kept with G(x). Token verification has G(x, y) = G(x) min(p(y), q(y)), block verification
G(x, y) = min(Q(x) q(y), G(x) p(y)), and no exact verifier more (Sun et al. 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import distribution, whole
from specdec_lib.viz import sentences
from specdec_lib.viz.standalone import StandaloneFigure, plain_table

TITLE = sentences.VERIFIERS_TO_PLAY_WITH
LONGEST = 8
"""The longest draft that is offered, of which all can be listed while a slider moves."""


Laws = Sequence[Sequence[Any]]
"""Distributions, of floats or Fractions."""


@dataclass(frozen=True)
class Chain:
    """Two models of a few words, whose next word hangs on the word before it alone.

    Attributes:
        name: what a reader chooses.
        target, draft: the laws of the next word, at the start and then behind each word in turn.

    Raises:
        InvalidArgument: both need a law more than there are words, of which there are two or three.
    """

    name: str
    target: Laws
    draft: Laws

    def __post_init__(self) -> None:
        sizes = {len(law) + 1 for law in (*self.target, *self.draft)}
        if sizes != {len(self.target)} or sizes != {len(self.draft)} or not sizes <= {3, 4}:
            raise InvalidArgument(sentences.ODD_CHAIN.format(self.name, len(self.target), len(self.draft)))
        for law in (*self.target, *self.draft):
            distribution(law, sentences.LAW_OF_A_CHAIN.format(self.name))

    def plain(self) -> dict[str, Any]:
        """Plain data: the name and lists of floats."""
        target, draft = (np.array(laws, float).tolist() for laws in (self.target, self.draft))
        return {"name": self.name, "target": target, "draft": draft}

    def staying(self, k: int) -> list[tuple[float, float]]:
        """P(at least i draft tokens stay) for i = 1 … k, under token and under block verification."""
        target, draft = np.array(self.target, float), np.array(self.draft, float)
        last = np.zeros(1, dtype=int)
        proposed = token = block = np.ones(1)
        chances = []
        for _ in range(k):
            p, q = target[last], draft[last]
            token = (token[:, None] * np.minimum(p, q)).ravel()
            block = np.minimum(proposed[:, None] * q, block[:, None] * p).ravel()
            proposed = (proposed[:, None] * q).ravel()
            last = np.tile(np.arange(1, len(target)), len(last))
            chances.append((float(token.sum()), float(block.sum())))
        return chances


class VerifierFigure(StandaloneFigure):
    """A self-contained figure: prefixes that stay, and tokens accepted a round over the draft's temperature.

    Args:
        chains: what a reader chooses among.
        title: its name, for those who do not see it.
        k: the draft length at first.

    Raises:
        InvalidArgument: no chains, or a draft length that is none of 1 … 8.
    """

    kind, module = "verifiers", "verifiers"

    def __init__(self, chains: Sequence[Chain], title: str = TITLE, k: int = 4) -> None:
        if not chains or whole(k, "k", minimum=1) > LONGEST:
            raise InvalidArgument(sentences.TOO_MANY_CHAINS.format(len(chains), k, LONGEST))
        self.chains = list(chains)
        self.payload = {
            "title": title,
            "chains": [chain.plain() for chain in chains],
            "k": k,
            "k_max": LONGEST,
        }

    def __repr__(self) -> str:
        return f"VerifierFigure({len(self.chains)} chains)"

    def fallback(self) -> str:
        """A table: tokens accepted a round by either verifier, a row a draft length."""
        names = [f"{chain.name}, {verifier}" for chain in self.chains for verifier in ("token", "block")]
        sums = [np.cumsum(chain.staying(LONGEST), axis=0) for chain in self.chains]
        rows = [[str(k + 1), *(f"{mean:.2f}" for one in sums for mean in one[k])] for k in range(LONGEST)]
        return plain_table(f"{self.payload['title']}: accepted a round", ["K", *names], rows)
