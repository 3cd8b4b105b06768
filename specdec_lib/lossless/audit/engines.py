"""What is audited: anything that is asked for a few tokens behind a prompt, and answers.

An engine is a function in this process, a mode of a library, or a server. What is counted of it is an
:class:`Answer`'s ``outcome``: the ids where the engine tells them, else the text, and whether it ended there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class EngineRequest:
    """Up to ``num_tokens`` tokens behind a prompt, by one law: nothing is cut or penalised but what is named.

    Attributes:
        prompt_ids: the prompt as ids, where both sides know the tokenizer; else empty.
        prompt_text: the prompt as text, for engines that take no ids.
        num_tokens: asked for; fewer come where the text ends.
        temperature: 0 for the argmax.
        top_k: the law is cut to the likeliest ``top_k`` tokens and normalised; None leaves it whole.
        seed: of this answer; engines that take none pass it over.
    """

    num_tokens: int
    prompt_ids: tuple[int, ...] = ()
    prompt_text: str = ""
    temperature: float = 1.0
    top_k: int | None = None
    seed: int = 0


EngineOutcome = tuple[tuple[int, ...] | str, bool]
"""What is counted: ids (or the text, where no ids are told) without the end's own, and whether it ended."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        ids: the emitted tokens without the one that ends a text; None where the engine does not tell them.
        text: the emitted text.
        ended: whether the text ended by itself before ``num_tokens``.
        num_drafted, num_accepted: draft tokens of this answer, where the engine tells them.
        prompt_seconds, decode_seconds: by the engine's own clock, where it tells them; no part of what is
            compared.
    """

    ids: tuple[int, ...] | None
    text: str = ""
    ended: bool = False
    num_drafted: int | None = None
    num_accepted: int | None = None
    prompt_seconds: float | None = field(default=None, compare=False)
    decode_seconds: float | None = field(default=None, compare=False)

    @property
    def outcome(self) -> EngineOutcome:
        """What of it is counted."""
        return (self.text if self.ids is None else self.ids), self.ended


@runtime_checkable
class AskedEngine(Protocol):
    """Somebody's decoder. ``name`` says which, in messages and tables."""

    @property
    def name(self) -> str: ...

    def answer(self, request: EngineRequest) -> Answer:
        """One answer; draws of several calls have to be independent."""
        ...


@runtime_checkable
class NextLaw(Protocol):
    """Who says what the target's law is: a plain server's log-probabilities, or weights that lie here."""

    def next_law(self, request: EngineRequest, continuation: tuple[int, ...]) -> Mapping[int | None, float]:
        """Probability by id of the token behind the prompt and ``continuation``, as ``request`` warps it.

        The end of a text, whatever its ids, stands under None. Tokens that are not told are left out, so the
        sum is 1 less their mass.
        """
        ...
