"""Suffix decoding (Oliaro et al. 2024): the longer the run of tokens that stood before, the longer the draft.

The text drafts for itself, and so may a corpus: earlier outputs, say. The longest run at the end of the text
that either of them holds is looked for, its newest place counts, and as many tokens are copied as agreed; a
run shorter than a threshold drafts nothing, which leaves the round to another drafter.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import torch

from specdec_lib.decoding.drafters import sentences
from specdec_lib.decoding.drafters.automaton import Cursor, Match, SuffixAutomaton, automaton_of
from specdec_lib.decoding.drafters.base import Proposal, certain
from specdec_lib.decoding.drafters.lookup import copied_from, unseen
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.base import CausalModel
from specdec_lib.utils.numbers import whole_number

LONGEST_RUN = 64
"""Tokens of a run beyond which a longer one tells nothing more."""


class SuffixLookup:
    """Proposes what followed the longest suffix of the text that occurs in it, or in a corpus, before.

    Args:
        target: the model to draft for; only its width and its device are kept.
        least: tokens that have to agree for a draft.
        tokens: the most to propose in a round; None for as many as are asked for and as agree.
        corpus: texts as lists of the target's token ids. Read once, here.
        name: for messages and records.

    Raises:
        InvalidArgument: least or tokens < 1, or a corpus with ids that the target does not have.
    """

    context_length: int | None = None

    def __init__(
        self,
        target: CausalModel,
        least: int = 2,
        tokens: int | None = None,
        corpus: Sequence[Sequence[int]] = (),
        name: str = "suffix",
    ) -> None:
        self.vocab_size, self.device = target.vocab_size, target.device
        self.least = whole_number(least, "suffix: least", least=1, most=LONGEST_RUN)
        self.tokens = None if tokens is None else whole_number(tokens, "suffix: tokens", least=1)
        self.name = name
        strange = next((i for text in corpus for i in text if not 0 <= i < self.vocab_size), None)
        if strange is not None:
            raise InvalidArgument(
                sentences.CORPUS_HOLDS_STRANGE_ID.format(strange, target.name, self.vocab_size)
            )
        self.corpus = automaton_of(corpus, LONGEST_RUN)

    def start(self, prompt_ids: Sequence[int], end: int = 0) -> SuffixState:
        """An automaton of this text alone; the prompt enters it with the first proposal."""
        return SuffixState(self)


class SuffixState:
    """The runs of one text, and how far its end agrees with the corpus."""

    def __init__(self, drafter: SuffixLookup) -> None:
        self._drafter = drafter
        self._text = SuffixAutomaton(LONGEST_RUN)
        self._cursors = [Cursor()]
        """In the corpus, before the first token and behind each."""

    def propose(
        self, context_ids: Sequence[int], k: int, params: SamplingParams, generator: torch.Generator
    ) -> Proposal:
        """Up to ``k`` tokens ``[n]``, no more than agreed, with one-hot rows ``[n, vocab]``; none where
        fewer than ``least`` agree. Nothing is drawn.

        Raises:
            InvalidArgument: a text shorter than what was seen of it (``roll_back`` is missing).
        """
        drafter = self._drafter
        for token in unseen(context_ids, len(self._text.ids), drafter.name):
            self._text.append(token)
            self._cursors.append(drafter.corpus.moved(self._cursors[-1], token))
        return certain(self._copied(k), drafter.vocab_size, drafter.device, params)

    def roll_back(self, keep_length: int) -> None:
        """Take back the tokens beyond the first ``keep_length``, one by one and exactly."""
        while len(self._text.ids) > keep_length:
            self._text.take_back()
            self._cursors.pop()

    def _copied(self, k: int) -> list[int]:
        """From this text, unless the corpus agrees further; there a copy ends with the text that it is of."""
        own, corpus = self._text.match, self._drafter.corpus
        other = corpus.newest(self._cursors[-1])
        if other.length > own.length:
            behind = corpus.ids[other.end : other.end + self._allowed(other, k)]
            if copied := list(takewhile(lambda token: token >= 0, behind)):
                return copied
        return copied_from(self._text.ids, own.end, self._allowed(own, k))

    def _allowed(self, match: Match, k: int) -> int:
        """Tokens that a match is good for."""
        if match.length < self._drafter.least:
            return 0
        return min(k, match.length, self._drafter.tokens or k)
