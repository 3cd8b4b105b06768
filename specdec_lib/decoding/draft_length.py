"""How many tokens a round drafts: a policy, asked before each of them.

A policy is shared by many texts, and begins a state for each; one that keeps nothing answers with itself.
The state is asked before the round how far to draft, and by a drafter that draws step by step once more
behind each token, then with the law that token was drawn from. A round in which nothing is wanted is a round
of plain decoding: the drafter is not asked at all, and catches up when it is.

**Why the text keeps the target's law.** Whether token i + 1 is drafted may depend on whatever is settled by
then: on earlier rounds, on the laws q_1 … q_i, and on tokens 1 … i, all of which are kept. Given that it is
drafted, token i + 1 still has the law q_{i+1}, as a verifier takes for granted, and a draft that ends is a
draft of fewer tokens, after which the target draws its own. What may not be asked is the token itself: one
that was drawn and is dropped for its own low probability leaves drafts that were drawn from another law than
the q they are judged by (Leviathan et al. 2023, appendix A.1 supposes x ~ q). ``wants`` therefore never sees
a token, and no law of a token that has been drawn and not kept.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from specdec_lib.decoding import sentences
from specdec_lib.decoding.drafters.base import AskMore, Drafter, tell_lengths
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.numbers import Count, real_number, whole_number


@runtime_checkable
class LengthState(Protocol):
    """What a policy knows of one text."""

    def wants(self, drafted: int, law: Float[Tensor, " vocab"] | None = None) -> bool:
        """Whether one token more is worth drafting in this round, behind ``drafted`` of them.

        Asked for 0, 1, … until it declines, without consequences of its own. ``law`` is what the last draft
        token was drawn from, on the drafter's device, where the drafter can tell; reading it there waits for
        the device.
        """
        ...

    def observe(self, drafted: int, accepted: int) -> None:
        """What became of a round, once each; (0, 0) of one that drafted nothing."""
        ...


@runtime_checkable
class DraftLength(Protocol):
    """How many tokens rounds draft."""

    @property
    def name(self) -> str:
        """For labels: "K4" of four tokens a round."""
        ...

    @property
    def lengths(self) -> tuple[int, ...]:
        """Draft lengths that rounds will often have, ascending; compiled models get a graph for each."""
        ...

    @property
    def reads_laws(self) -> bool:
        """Whether the laws of drafted tokens matter; if not, a drafter is asked for all tokens at once."""
        ...

    def start(self) -> LengthState:
        """A state for a new text."""
        ...


@runtime_checkable
class DrawsStepByStep(Protocol):
    """A drafter's state of a text which asks ``more``, where there is one, behind each token but the last."""

    more: AskMore | None


class _Constant(LengthState):
    """A policy that learns nothing, and so is its own state."""

    def start(self) -> LengthState:
        """Itself."""
        return self

    def observe(self, drafted: int, accepted: int) -> None:
        """Nothing is learned."""


@dataclass(frozen=True)
class Fixed(_Constant):
    """``k`` tokens in every round; what a decoder makes of a whole number.

    Raises:
        InvalidArgument: k < 1.
    """

    k: int
    reads_laws = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", whole_number(self.k, "draft length: k", least=1))

    @property
    def name(self) -> str:
        return f"K{self.k}"

    @property
    def lengths(self) -> tuple[int, ...]:
        return (self.k,)

    def wants(self, drafted: int, law: Float[Tensor, " vocab"] | None = None) -> bool:
        """Up to ``k``."""
        return drafted < self.k


@dataclass(frozen=True)
class _ByLaw(_Constant):
    """Goes on while the law of the last draft token says that this token will probably stay.

    A drafter that does not draw step by step is asked for ``most`` tokens.
    """

    threshold: float
    most: int = 8
    reads_laws = True
    kind = ""

    def __post_init__(self) -> None:
        threshold = real_number(self.threshold, f"{self.kind}: threshold")
        if not 0 <= threshold <= 1:
            raise InvalidArgument(sentences.THRESHOLD_OUT_OF_RANGE.format(self.kind, self.threshold))
        object.__setattr__(self, "threshold", threshold)
        object.__setattr__(self, "most", whole_number(self.most, f"{self.kind}: most", least=1))

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.threshold:g}"

    @property
    def lengths(self) -> tuple[int, ...]:
        """Powers of two up to ``most``, and ``most``: any length comes up, few are worth a graph."""
        return (*(1 << n for n in range((self.most - 1).bit_length())), self.most)

    def wants(self, drafted: int, law: Float[Tensor, " vocab"] | None = None) -> bool:
        """Up to ``most``, while the bound on the last token's acceptance is at least ``threshold``."""
        return drafted < self.most and (law is None or bool(self.bound(law) >= self.threshold))

    @abstractmethod
    def bound(self, law: Float[Tensor, " vocab"]) -> Float[Tensor, ""]:
        """What the threshold is compared with."""


@dataclass(frozen=True)
class Confidence(_ByLaw):
    """Goes on while the largest probability of the last draft token's law is at least ``threshold``.

    Transformers' ``assistant_confidence_threshold`` (0.4 there) compares the probability of the token that
    was drawn, and keeps that token too; the largest of its law is known before the draw, and is the same at
    temperature 0, where the law is that of temperature 1. One number a token is read from the device.

    Args:
        threshold: from 0 (never stops early) to 1.
        most: draft tokens a round at most.

    Raises:
        InvalidArgument: a threshold outside [0, 1]; most < 1.
    """

    kind = "confidence"

    def bound(self, law: Float[Tensor, " vocab"]) -> Float[Tensor, ""]:
        """max q."""
        return law.amax()


@dataclass(frozen=True)
class Entropy(_ByLaw):
    """AdaEDL (Agrawal et al. 2024): goes on while 1 − √(γ H(q)) of the last draft token is at least λ.

    H is in nats. The paper takes that expression for an estimate of a lower bound on the token's acceptance,
    with γ = 0.2, and stops behind the first token whose estimate falls below λ. It also moves λ along with
    the share that was accepted; here ``threshold`` stays where it is. One number a token is read from the
    device.

    Args:
        threshold: λ, from 0 to 1.
        most: draft tokens a round at most.
        gamma: γ > 0.

    Raises:
        InvalidArgument: a threshold outside [0, 1]; most < 1; gamma not positive.
    """

    gamma: float = 0.2
    kind = "entropy"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "gamma", real_number(self.gamma, "entropy: gamma"))
        if self.gamma <= 0:
            raise InvalidArgument(sentences.GAMMA_OUT_OF_RANGE.format(self.gamma))

    def bound(self, law: Float[Tensor, " vocab"]) -> Float[Tensor, ""]:
        """1 − √(γ H(q)); below 0 for laws that are broad enough."""
        return 1 - (-self.gamma * torch.xlogy(law, law).sum()).sqrt()


def as_draft_length(k: Count | DraftLength) -> DraftLength:
    """``k``, if it is a policy; a whole number becomes :class:`Fixed`.

    Raises:
        InvalidArgument: a number below 1, or neither.
    """
    if isinstance(k, DraftLength) and not isinstance(k, type):
        return k
    return Fixed(whole_number(k, "speculative decoder: k", least=1))


def expect_lengths(drafter: Drafter, length: DraftLength) -> None:
    """Tell a drafter which drafts are asked for at once, where it may matter. Once a decoder."""
    if len(length.lengths) > 1 and not length.reads_laws:
        tell_lengths(drafter, *length.lengths)


def started_length(length: DraftLength, draft: object) -> LengthState:
    """The policy's state of a new text, which the drafter's asks too where laws matter to it."""
    state = length.start()
    if length.reads_laws and isinstance(draft, DrawsStepByStep):
        draft.more = state.wants
    return state


def wanted(length: LengthState, room: int) -> int:
    """Tokens to ask a drafter for, ``room`` at most."""
    k = 0
    while k < room and length.wants(k):
        k += 1
    return k
