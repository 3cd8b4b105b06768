"""Prompt lookup (Saxena 2023): what followed the last few tokens where they stood before.

No model drafts: the text itself does, prompt and output. The newest place counts, and the longest run of
tokens first. A copy that reaches the end of the text goes on with itself, as in LZ77 (Ziv, Lempel 1977), so a
text that loops is drafted at full length.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from specdec_lib.decoding.drafters import sentences
from specdec_lib.decoding.drafters.base import Proposal, certain
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.base import CausalModel
from specdec_lib.utils.numbers import whole_number


class PromptLookup:
    """Proposes what followed the longest suffix, of ``least`` to ``most`` tokens, at its newest place.

    Args:
        target: the model to draft for; only its width and its device are kept.
        most, least: tokens that have to agree; tried from the most down to the least.
        tokens: the most to propose in a round; None for as many as are asked for.
        name: for messages and records.

    Raises:
        InvalidArgument: least < 1, most < least, or tokens < 1.
    """

    context_length: int | None = None

    def __init__(
        self,
        target: CausalModel,
        most: int = 3,
        least: int = 1,
        tokens: int | None = None,
        name: str = "lookup",
    ) -> None:
        self.vocab_size, self.device = target.vocab_size, target.device
        self.least = whole_number(least, "lookup: least", least=1)
        self.most = whole_number(most, "lookup: most", least=self.least)
        self.tokens = None if tokens is None else whole_number(tokens, "lookup: tokens", least=1)
        self.name = name

    def start(self, prompt_ids: Sequence[int], end: int = 0) -> LookupState:
        """An empty index; the prompt enters it with the first proposal."""
        return LookupState(self)


class LookupState:
    """The index of one text: where each run of tokens ended last, the run at the end of the text aside."""

    def __init__(self, drafter: PromptLookup) -> None:
        self._drafter = drafter
        self._ids: list[int] = []
        self._ends: dict[tuple[int, ...], int] = {}
        self._before: list[list[int | None]] = []
        """For each token but the last, what stood in the index in place of the runs that end with it."""

    def propose(
        self, context_ids: Sequence[int], k: int, params: SamplingParams, generator: torch.Generator
    ) -> Proposal:
        """Up to ``k`` tokens ``[n]`` copied from where the last ones stood before, with one-hot rows
        ``[n, vocab]``; none where they stood nowhere. Nothing is drawn.

        Raises:
            InvalidArgument: a text shorter than what was seen of it (``roll_back`` is missing).
        """
        for token in unseen(context_ids, len(self._ids), self._drafter.name):
            self._note()
            self._ids.append(token)
        most = k if self._drafter.tokens is None else min(k, self._drafter.tokens)
        found = self._newest()
        copied = [] if found is None else copied_from(self._ids, found, most)
        return certain(copied, self._drafter.vocab_size, self._drafter.device, params)

    def roll_back(self, keep_length: int) -> None:
        """Take the tokens beyond ``keep_length`` out of the index; what they had replaced stands again."""
        while len(self._ids) > keep_length:
            self._ids.pop()
            for run, end in zip(self._runs(), self._before.pop(), strict=True):
                if end is None:
                    del self._ends[run]
                else:
                    self._ends[run] = end

    def _note(self) -> None:
        """Enter the runs that end where the text does, which a token is about to follow."""
        runs = self._runs()
        self._before.append([self._ends.get(run) for run in runs])
        self._ends.update(dict.fromkeys(runs, len(self._ids)))

    def _runs(self) -> list[tuple[int, ...]]:
        """The last few tokens of the text, the longest run first."""
        longest = min(self._drafter.most, len(self._ids))
        return [tuple(self._ids[-size:]) for size in range(longest, self._drafter.least - 1, -1)]

    def _newest(self) -> int | None:
        """Where the longest of the last runs ended before; None where none did."""
        return next((end for run in self._runs() if (end := self._ends.get(run)) is not None), None)


def unseen(context_ids: Sequence[int], seen: int, name: str) -> Sequence[int]:
    """The tokens of a text beyond the first ``seen`` ones.

    Raises:
        InvalidArgument: the text has fewer.
    """
    if len(context_ids) < seen:
        raise InvalidArgument(sentences.INDEX_NOT_ROLLED_BACK.format(len(context_ids), seen, name))
    return context_ids[seen:]


def copied_from(ids: Sequence[int], place: int, count: int) -> list[int]:
    """``count`` tokens from ``place`` < len(ids) on; behind the end of the text the copy continues.

    >>> copied_from([7, 8, 9], 1, 5)
    [8, 9, 8, 9, 8]
    """
    period = len(ids) - place
    return [ids[place + offset % period] for offset in range(count)]
