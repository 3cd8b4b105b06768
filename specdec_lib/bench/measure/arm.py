"""An arm: one way to decode, which is a name, facts in plain data, and how to make what runs it.

Nothing is built, loaded or compiled before ``Arm.make`` is called. What it makes, an engine, answers one
job after the other and keeps nothing of a text. An arm does not know what else is measured, nor when.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from torch import nn

from specdec_lib.bench.measure.subjects import dtype_of
from specdec_lib.bench.records.parts import Facts
from specdec_lib.bench.records.schema import OURS
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.draft_length import DraftLength
from specdec_lib.decoding.drafters.base import Drafter
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult

AnyResult = TypeVar("AnyResult")
Engine = Callable[[Sequence[int], int, float, int], AnyResult]
"""Does one job, whatever ends a text, and returns raw results: called with the job's four fields."""


class Job(NamedTuple):
    """What an engine is given: a text, or several, how many tokens to emit behind, and under which law."""

    prompt_ids: Sequence[Any]
    max_new_tokens: int
    temperature: float
    seed: int


@dataclass(frozen=True, eq=False)
class Arm(Generic[AnyResult]):
    """One way to decode, not built yet.

    Args:
        name: as records and tables show it.
        facts: what it is; two arms of one name are the same where their facts are.
        make: builds its engine; whatever cannot be had raises there or at the first job.
    """

    name: str
    facts: Facts
    make: Callable[[], Engine[AnyResult]]


class Ours:
    """The engine of this library: a decoder made anew for every job, so that no draft is warm.

    Args:
        draft: a model or a drafter; None decodes autoregressively.
        k: draft tokens a round, or a policy.
        profile: time the phases of each round, told one by one; it synchronises, and so slows what it times.
        verifier: how drafts are verified.
    """

    def __init__(
        self,
        target: ModelWrapper,
        draft: ModelWrapper | Drafter | None = None,
        k: int | DraftLength = 0,
        profile: bool = False,
        verifier: str = "token",
    ) -> None:
        self.target, self.draft, self.length, self.profile = target, draft, k, profile
        self.verifier = verifier
        self.k = k if isinstance(k, int) else k.lengths[-1]
        """Draft tokens that a round may have at most."""

    def __call__(
        self, prompt_ids: Sequence[Any], max_new_tokens: int, temperature: float, seed: int
    ) -> GenerationResult:
        """One generation, past any end of text."""
        options = {"ignore_eos": True, "seed": seed, "trace": self.profile, "profile": self.profile}
        return self.decoder().generate(prompt_ids, max_new_tokens, temperature, **options)

    def decoder(self) -> Decoder:
        """A decoder that has seen no text."""
        if self.draft is None:
            return AutoregressiveDecoder(self.target)
        return SpeculativeDecoder(self.target, self.draft, k=self.length, verifier=self.verifier)


def our_facts(
    target: ModelWrapper,
    draft: ModelWrapper | Drafter | None = None,
    k: int = 0,
    compiled: bool = False,
    **options: Any,
) -> Facts:
    """The facts of an arm whose engine is :class:`Ours`."""
    told = {"compiled": compiled, "dtype": dtype_of(target), "options": options}
    if draft is None:
        return Facts(OURS, "autoregressive", **told)
    return Facts(OURS, "speculative", k, drafter=str(draft.name), verifier="token", **told)


def wrapped_like(model: ModelWrapper, modules: nn.Module, compile: bool = False) -> ModelWrapper:
    """Other modules wrapped as ``model`` is: its tokenizer, width of logits and masked ids."""
    return ModelWrapper(
        modules, model.tokenizer, compile=compile, vocab_size=model.vocab_size, masked_ids=model.masked_ids
    )
