"""From the ids of a draft to those of its target, by the bytes that they stand for.

Two ways are known, and both leave the target's law alone. *Token by token* (TLI, Timor et al. 2025): the
draft's law is renormalised on the byte strings that both vocabularies have. *By text* (SLEM, same paper): the
draft speaks its own tokens, and what it said is spelt anew by the target's tokenizer. The first keeps a soft
law, the second any text, and splits that differ. Which of them will have more accepted is a property of the
two tokenizers, and is read off a sample text of which every draft token is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Literal

from transformers import PreTrainedTokenizerBase

from specdec_lib.models.text import sentences
from specdec_lib.models.text.spelling import Spelling
from specdec_lib.utils.numbers import percent

Level = Literal["token", "text"]

LEAST_IN_COMMON = 0.1
"""Of the byte strings of the smaller vocabulary, the share that the other must have too.

Llama-2's 29 110 of 31 997 are in Llama-3, and 70 663 of DeepSeek's 128 000; two that share but the letters
have another idea of what a text is."""
SOFT_IS_WORTH = 2.0
"""Sampled drafts go token by token unless text brings this many times as many tokens: a soft q is accepted
with probability Σ min(p, q), a token without one with p(x) alone."""
GOES_ON = 8.0
"""How much more frequent the tokens that go on must be for one to be left out, by rank. From Llama-2 and
Gemma-3 to Llama-3 that leaves out 2 to 5 of a hundred last tokens that the target spells otherwise, and about
1 that it does not; a smaller number leaves out more of both, and what was right is the dearer."""
_K = 4
SAMPLE = """The committee met on 14 March 2019 at the old harbour, where about 1,250 people had gathered in
the rain. "We can't promise that it'll work," said Dr. Okonkwo-Reyes, "but the measurements are unambiguous."
Three days later the newspapers disagreed: one called it a breakthrough, another an expensive mistake.
Neither had read the report, which ran to 387 pages.

Photosynthesis converts light into chemical energy; the process begins in the chloroplasts of the leaf.
Water is split, oxygen is released, and the electrons travel along a chain of carriers.

1. Boil 500 ml of water.
2. Add the noodles, stir, and wait for 3-4 minutes.

def moving_average(values, window=10):
    \"\"\"Return the mean of each run of `window` values.\"\"\"
    total, result = 0.0, []
    for index, value in enumerate(values):
        total += value
        if index >= window:
            total -= values[index - window]
        result.append(total / min(index + 1, window))
    return result


class Account(Base):
    def __init__(self, owner_name: str, balance: int = 0):
        self.owner_name = owner_name
        self.balance = balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError(f"insufficient funds: {self.balance} < {amount}")
        self.balance -= amount
"""


class Translation:
    """How the ids of a draft become those of its target.

    Args:
        vocabularies: ``get_vocab()`` of target and draft, if they are at hand.

    Raises:
        VocabularyMismatch: one of the tokenizers is of a kind whose bytes are not known.
    """

    def __init__(
        self,
        target: PreTrainedTokenizerBase,
        draft: PreTrainedTokenizerBase,
        vocabularies: tuple[Mapping[str, int] | None, Mapping[str, int] | None] = (None, None),
    ) -> None:
        self.target, self.draft = Spelling(target, vocabularies[0]), Spelling(draft, vocabularies[1])
        known = self.target.bytes.ids
        self.forth: list[int] = [known.get(data, -1) if data else -1 for data in self.draft.bytes.by_id]
        """The target's id with the bytes of each id of the draft; -1 where there is none."""

    @cached_property
    def back(self) -> dict[int, int]:
        """The draft's id with the bytes of an id of the target's; of several the one that its text holds."""
        known = self.target.bytes.ids
        return {known[data]: token_id for data, token_id in self.draft.bytes.ids.items() if data in known}

    @cached_property
    def names(self) -> dict[int, int]:
        """The draft's id of a token that makes no text, by the target's of the same name."""
        theirs = self.draft.names
        return {token_id: theirs[name] for name, token_id in self.target.names.items() if name in theirs}

    @property
    def num_shared(self) -> int:
        """Byte strings that both vocabularies have."""
        return len(self.back)

    @property
    def in_common(self) -> float:
        """Share of the byte strings of the smaller vocabulary that the other has too, from 0 to 1."""
        return self.num_shared / max(1, min(len(self.target.bytes.ids), len(self.draft.bytes.ids)))

    def coverage(self, text: str = SAMPLE) -> float:
        """Share of the draft's tokens of a text that the target has too, from 0 to 1."""
        ids = self.draft.spell(text.encode())
        return sum(self.forth[i] >= 0 for i in ids) / max(1, len(ids))

    @cached_property
    def expected(self) -> dict[Level, float]:
        """Target tokens that are right in a round of four draft tokens of the sample text, by either way."""
        return {"token": _mean(self._runs(_K)), "text": _mean(self._settled(_K))}

    def level(self, greedy: bool) -> Level:
        """The way by which more is expected to be accepted: see ``SOFT_IS_WORTH`` for what is sampled."""
        by_text, by_token = self.expected["text"], self.expected["token"]
        return "text" if by_text > by_token * (1.0 if greedy else SOFT_IS_WORTH) else "token"

    @cached_property
    def unfinished(self) -> frozenset[int]:
        """Ids of the target that are more likely to go on than not where a draft ends behind them.

        A draft ends within a token of its target where it has none as long: so only tokens that it lacks can
        be what follows. How frequent one is goes by its rank (Zipf), which is its id where it was merged.
        """
        ours, theirs = self.target.bytes.ids, self.draft.bytes.ids
        weight = {token_id: 0.0 for data, token_id in ours.items() if self.target.is_merged(data, token_id)}
        for data, token_id in ours.items():
            if data not in theirs and token_id in weight:
                for end in range(1, len(data)):
                    begun = ours.get(data[:end])
                    if begun in weight:
                        weight[begun] += 1 / (1 + token_id)
        return frozenset(i for i, more in weight.items() if more * (1 + i) >= GOES_ON)

    def __str__(self) -> str:
        ways = {"token": sentences.TOKEN_BY_TOKEN, "text": sentences.BY_TEXT}
        of_draft, of_target = self.draft.bytes.num_text, self.target.bytes.num_text
        chosen = sentences.WAYS_CHOSEN.format(ways[self.level(True)], ways[self.level(False)])
        brings = ", ".join(f"{count:.2f} {ways[way]}" for way, count in self.expected.items())
        return sentences.TRANSLATED.format(
            self.num_shared, of_draft, of_target, percent(self.coverage(), 1), chosen, _K, brings
        )

    # -- the sample --------------------------------------------------------------------------------

    @cached_property
    def _spans(self) -> tuple[list[int], list[int]]:
        """Where the tokens of the sample begin and end, in the draft and in the target."""
        return _ends(self.draft, SAMPLE.encode()), _ends(self.target, SAMPLE.encode())

    def _runs(self, k: int) -> Iterator[int]:
        """From each place where both begin a token: tokens in a row that both spell alike, up to ``k``."""
        draft, target = self._spans
        places = {end: n for n, end in enumerate(target)}
        for first, end in enumerate(draft[:-k]):
            if end in places:
                n = places[end]
                same = (draft[first + i] == target[min(n + i, len(target) - 1)] for i in range(1, k + 1))
                yield next((i for i, alike in enumerate(same) if not alike), k)

    def _settled(self, k: int) -> Iterator[int]:
        """From each such place: target tokens that end within the next ``k`` draft tokens, up to ``k``."""
        draft, target = self._spans
        places = {end: n for n, end in enumerate(target)}
        for first, end in enumerate(draft[:-k]):
            if end in places:
                n = places[end]
                yield min(k, sum(other <= draft[first + k] for other in target[n + 1 : n + 1 + 8 * k]))


def _ends(spelling: Spelling, data: bytes) -> list[int]:
    """Where each token of a text begins, and the last ends, without what texts begin with."""
    ids = spelling.spell(data)
    ends = accumulate((len(spelling.bytes.of(i) or b"") for i in ids), initial=-len(spelling.bytes.lead))
    return [max(0, end) for end in ends]


def _mean(values: Iterator[int]) -> float:
    found: Sequence[int] = list(values)
    return sum(found) / max(1, len(found))
