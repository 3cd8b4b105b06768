"""What every rule of verification has in common: a round of it, with all chance summed out.

A rule lists the outcomes of a round, whatever it drafts and however it judges: a chain of K tokens, a tree,
or several forwards of the target until the joint law is paid back. Chaining them gives the joint law of a
text; what a round accepts, emits and costs is counted from the same list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol, runtime_checkable

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.enumeration import (
    DraftLister,
    Judge,
    Law,
    Model,
    Prefix,
    drafts,
    every_verdict,
)


class RoundOutcome(NamedTuple):
    """One way in which a round can end.

    ``emitted``: the tokens that the round adds to the text.
    ``num_accepted``: the draft tokens among them; what was drawn from a residual or as a bonus is none.
    ``chance``: the probability of this outcome, a float or a ``Fraction``.
    ``num_forwards``: forwards of the target that the round took.
    """

    emitted: Prefix
    num_accepted: int
    chance: Any
    num_forwards: int = 1


Drawn = tuple[frozenset[Prefix], Any]
"""What a round drafted, as all prefixes that a verdict may keep (the empty one too), and its probability."""


@runtime_checkable
class VerificationRule(Protocol):
    """How a round drafts and judges."""

    def outcomes(self, target: Model, draft: Model, prefix: Prefix, k: int) -> Iterator[RoundOutcome]:
        """Every way in which a round of ``k`` draft tokens behind ``prefix`` can end."""
        ...

    def drawn(self, draft: Model, k: int) -> Iterator[Drawn]:
        """Everything that the first round can have drafted."""
        ...


@dataclass(frozen=True)
class ChainRule:
    """A rule for one path of K draft tokens."""

    judge: Judge

    def outcomes(
        self, target: Model, draft: Model | DraftLister, prefix: Prefix, k: int
    ) -> Iterator[RoundOutcome]:
        return with_next_tokens(every_verdict(target, draft, prefix, k, self.judge))

    def drawn(self, draft: Model, k: int) -> Iterator[Drawn]:
        for ids, chance in drafts(draft, (), k):
            yield frozenset(ids[:n] for n in range(k + 1)), chance


def with_next_tokens(verdicts: Iterable[tuple[Prefix, Any, Law]]) -> Iterator[RoundOutcome]:
    """From (tokens that stay, probability, law of the next token) to the outcomes of a round."""
    for kept, reached, following in verdicts:
        for token, chance in enumerate(following if reached else ()):
            if chance:
                yield RoundOutcome((*kept, token), len(kept), reached * chance)


def law_of_rounds(
    rule: VerificationRule, target: Model, draft: Model, length: int, k: int
) -> dict[Prefix, Any]:
    """The joint law of the first ``length`` tokens that rounds of ``k`` draft tokens emit.

    The last rounds draft fewer, so that none emits more than is left. Outcomes of probability 0 may be
    missing.

    Raises:
        InvalidArgument: a rule that emits no token, or more than K + 1.
    """

    @cache
    def law_after(prefix: Prefix) -> dict[Prefix, Any]:
        left = length - len(prefix)
        if left == 0:
            return {(): 1}
        law: dict[Prefix, Any] = {}
        for outcome in rule.outcomes(target, draft, prefix, min(k, left - 1)):
            emitted = outcome.emitted
            if not 1 <= len(emitted) <= left:
                raise InvalidArgument(
                    f"law of rounds: a round with {left} tokens to come emitted {len(emitted)}; "
                    "a rule emits 1 to K + 1"
                )
            for rest, chance in law_after((*prefix, *emitted)).items():
                text = (*emitted, *rest)
                law[text] = law.get(text, 0) + outcome.chance * chance
        return law

    return law_after(())


class RoundMeans(NamedTuple):
    """Expectations over one round: floats or Fractions."""

    num_accepted: Any
    num_emitted: Any
    num_forwards: Any


def round_means(rule: VerificationRule, target: Model, draft: Model, k: int) -> RoundMeans:
    """What the first round accepts, emits and takes in forwards of the target, on average."""
    accepted, emitted, forwards = 0, 0, 0
    for outcome in rule.outcomes(target, draft, (), k):
        accepted += outcome.chance * outcome.num_accepted
        emitted += outcome.chance * len(outcome.emitted)
        forwards += outcome.chance * outcome.num_forwards
    return RoundMeans(accepted, emitted, forwards)
