"""The way in which both arms of a pair decode: whose engine, which verifier, how many texts at a time.

What an engine cannot do is refused before anything runs, so that no cell of a sweep means something else than
it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from specdec_lib.bench.measure.arm import Engine, Ours, our_facts
from specdec_lib.bench.measure.peers.hugging_face import HuggingFace, constant_drafting
from specdec_lib.bench.records.parts import Facts
from specdec_lib.bench.records.schema import HUGGING_FACE, OURS
from specdec_lib.decoding.draft_length import DraftLength
from specdec_lib.decoding.drafters.base import Drafter
from specdec_lib.decoding.drafters.lookup import PromptLookup
from specdec_lib.decoding.rejection import VERIFIERS
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult

ENGINES = (OURS, HUGGING_FACE)


@dataclass(frozen=True)
class Way:
    """How both arms decode.

    Args:
        engine: of ``ENGINES``: this library, or Hugging Face's ``generate``.
        verifier: of ``VERIFIERS`` in ``decoding.rejection``. batch: texts at a time.

    Raises:
        InvalidArgument: an unknown engine or verifier, a batch below 1, or what that engine does not have.
    """

    engine: str = OURS
    verifier: str = "token"
    batch: int = 1

    def __post_init__(self) -> None:
        for name, value, known in (("engine", self.engine, ENGINES), ("verifier", self.verifier, VERIFIERS)):
            if value not in known:
                raise InvalidArgument(f"benchmark: {name} is {value!r}; choose from {', '.join(known)}")
        if isinstance(self.batch, bool) or not isinstance(self.batch, int) or self.batch < 1:
            raise InvalidArgument(f"benchmark: batch is {self.batch!r}; give a whole number >= 1")
        if self.engine != OURS and (self.verifier, self.batch) != ("token", 1):
            raise InvalidArgument(
                f"benchmark: {self.engine} decodes one text at a time and verifies token by token; leave out "
                f"verifier '{self.verifier}' and a batch of {self.batch}, or choose engine {OURS}"
            )

    @property
    def is_plain(self) -> bool:
        """Whether rounds can be profiled one by one, and forwards mean what the formula means by them."""
        return self.engine == OURS and self.batch == 1

    def require(self, draft: ModelWrapper | Drafter, lengths: Sequence[int | str], compiled: bool) -> None:
        """Refuse what this engine cannot do with such a draft.

        Raises:
            InvalidArgument: naming it, and what could be chosen instead.
        """
        if self.engine == OURS:
            return
        policy = next((length for length in lengths if isinstance(length, str)), None)
        wrong = (
            f"the draft length '{policy}'" if policy is not None else "compiled models" if compiled else None
        )
        if not isinstance(draft, (ModelWrapper, PromptLookup)):
            wrong = f"the draft '{draft.name}'"
        if wrong is not None:
            raise InvalidArgument(
                f"benchmark: {self.engine} as an engine takes a draft model or lookup, numbers as draft "
                f"lengths, and models that are not compiled; it cannot take {wrong}"
            )

    def facts(
        self,
        target: ModelWrapper,
        draft: ModelWrapper | Drafter | None,
        k: int,
        compiled: bool,
        **options: Any,
    ) -> Facts:
        """What an arm is; without a ``draft`` the baseline."""
        facts = our_facts(target, draft, k, compiled=compiled, **options)
        facts = replace(facts, batch=self.batch, library=self.engine)
        if draft is None:
            return facts
        method = "lookup" if isinstance(draft, PromptLookup) else "assisted"
        return replace(facts, verifier=self.verifier, method=facts.method if self.engine == OURS else method)

    def engine_for(
        self,
        target: ModelWrapper,
        draft: ModelWrapper | Drafter | None,
        length: int | DraftLength,
        profile: bool = False,
    ) -> Engine[GenerationResult]:
        """What runs an arm, built now; profiled if asked for."""
        if self.engine == OURS:
            kind = Ours if self.batch == 1 else OursInBatches
            return kind(target, draft, length, profile, self.verifier)
        if isinstance(draft, ModelWrapper):
            assert isinstance(length, int)  # others were refused
            return HuggingFace(target.model, {}, draft.model, constant_drafting(length))
        options = {} if draft is None else {"prompt_lookup_num_tokens": length}
        if isinstance(draft, PromptLookup):
            options["max_matching_ngram_size"] = draft.most
        return HuggingFace(target.model, options)


class OursInBatches(Ours):
    """The engine of this library for several texts at once: one result, whose tokens are those of all."""

    def __call__(
        self, prompt_ids: Sequence[Any], max_new_tokens: int, temperature: float, seed: int
    ) -> GenerationResult:
        """The texts, one behind the other in one result; its seconds are those of the batch."""
        batch = self.decoder().start_batch(
            [list(ids) for ids in prompt_ids], max_new_tokens, temperature, seed=seed, ignore_eos=True
        )
        next(batch)
        first = batch.seconds
        results = batch.results()
        return GenerationResult(
            generated_ids=[i for r in results for i in r.generated_ids],
            per_token_latencies=[t for r in results for t in r.per_token_latencies],
            total_time=batch.seconds,
            time_to_first_token=first,
            peak_memory_mb=None,
            accepted_per_round=[n for r in results for n in r.accepted_per_round],
            drafted_per_round=[n for r in results for n in r.drafted_per_round],
            num_plain_rounds=sum(r.num_plain_rounds for r in results),
        )
