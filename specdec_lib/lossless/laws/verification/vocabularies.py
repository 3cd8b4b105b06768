"""Drafts from another vocabulary (Timor et al. 2025): tokens in common, or the text in common.

``TLI`` renormalises the draft's law on the tokens that both know and verifies as always; a target that is
cut to the same tokens is another target. ``SLEM`` splits the draft's text into the target's tokens and
keeps them as far as the target, drawing for itself, says the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.enumeration import Judgement, Law, Model, Prefix, drafts
from specdec_lib.lossless.laws.verification.rules import ChainRule, Drawn, RoundOutcome, VerificationRule
from specdec_lib.lossless.laws.verification.trees import without


def intersected(model: Model, shared: frozenset[int]) -> Model:
    """``model`` with every law renormalised on the ids in ``shared``.

    Raises:
        InvalidArgument: at a prefix after which nothing of ``shared`` can come.
    """

    def law(prefix: Prefix) -> Law:
        parts = [chance if token in shared else 0 * chance for token, chance in enumerate(model(prefix))]
        total = sum(parts)
        if not total:
            raise InvalidArgument(
                f"intersect vocabularies: nothing in common can follow {prefix}; share more ids"
            )
        return [part / total for part in parts]

    return law


@dataclass(frozen=True)
class TranslatedRule:
    """TLI: drafts of ``rule`` from the draft's law on the shared ids.

    Attributes:
        rule: how drafts are judged.
        shared: ids that both vocabularies hold.
        is_target_cut: whether the target is cut to them as well, which changes what is emitted.
    """

    rule: VerificationRule
    shared: frozenset[int]
    is_target_cut: bool = False

    def outcomes(self, target: Model, draft: Model, prefix: Prefix, k: int) -> Iterator[RoundOutcome]:
        emitting = intersected(target, self.shared) if self.is_target_cut else target
        return self.rule.outcomes(emitting, intersected(draft, self.shared), prefix, k)

    def drawn(self, draft: Model, k: int) -> Iterator[Drawn]:
        return self.rule.drawn(intersected(draft, self.shared), k)


def judge_exact_match(target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
    """A draft token stays as long as the target's own draw is the same; the first that is not replaces it.

    It never looks at the draft's laws, so a draft may come from anywhere, another tokenizer included.
    """
    judgement: Judgement = []
    reached: Any = 1
    for n, token in enumerate(ids):
        judgement.append((reached * (1 - target[n][token]), without(target[n], token)))
        reached = reached * target[n][token]
    return [*judgement, (reached, target[len(ids)])]


@dataclass(frozen=True)
class RetokenisedRule:
    """SLEM: the draft speaks its own tokens; the target's tokenizer splits their text, which has to match.

    The draft reads the text so far in its own tokens, and drafts K of them. Of the target's tokens in what
    it said, the first K are judged. Both tokenizers take the longest token that fits, and have to know
    every character.

    Attributes:
        target_words: the text of each id of the target.
        draft_words: the text of each id of the draft.
    """

    target_words: tuple[str, ...]
    draft_words: tuple[str, ...]

    def outcomes(self, target: Model, draft: Model, prefix: Prefix, k: int) -> Iterator[RoundOutcome]:
        lister = _RetokenisedDraft(draft, self.target_words, self.draft_words)
        return ChainRule(judge_exact_match).outcomes(target, lister, prefix, k)

    def drawn(self, draft: Model, k: int) -> Iterator[Drawn]:
        lister = _RetokenisedDraft(draft, self.target_words, self.draft_words)
        for ids, _, chance in lister.listed((), k):
            yield frozenset(ids[:n] for n in range(len(ids) + 1)), chance


@dataclass(frozen=True)
class _RetokenisedDraft:
    draft: Model
    target_words: tuple[str, ...]
    draft_words: tuple[str, ...]

    def listed(self, prefix: Prefix, k: int) -> Iterator[tuple[Prefix, list[Law], Any]]:
        said = longest_matches("".join(self.target_words[token] for token in prefix), self.draft_words)
        for ids, chance in drafts(self.draft, said, k):
            text = "".join(self.draft_words[token] for token in ids)
            yield longest_matches(text, self.target_words)[:k], [[]] * k, chance


def longest_matches(text: str, words: Sequence[str]) -> Prefix:
    """The ids of ``text``, from the left the longest word that fits each time.

    Raises:
        InvalidArgument: a place where no word fits.
    """
    ids: list[int] = []
    place = 0
    while place < len(text):
        fitting = [token for token, word in enumerate(words) if word and text.startswith(word, place)]
        if not fitting:
            raise InvalidArgument(f"tokenise: no word fits at {text[place:]!r}; know every character")
        ids.append(max(fitting, key=lambda token: len(words[token])))
        place += len(words[ids[-1]])
    return tuple(ids)
