"""What every decoder shares: the checked request, the text's end, and the ways to ask for a text.

A decoder is a generator of rounds (its ``_rounds``); everything else happens here and in
:mod:`specdec_lib.decoding.generation`, once, so that autoregressive and speculative decoding cannot differ in
how they stop, count or measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Integer
from torch import Tensor

from specdec_lib.decoding import sentences
from specdec_lib.decoding.batches.asking import AskedRow
from specdec_lib.decoding.batches.decoder import BatchDecoder
from specdec_lib.decoding.ending import Ending
from specdec_lib.decoding.generation import Generation, PhaseClock, Request, result_of
from specdec_lib.decoding.prompt import is_iterable, prompt_ids_of
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.trace import Round
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.base import CausalModel, check_length, require_model, sound_check, with_text
from specdec_lib.models.text.ids import lead_of
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.utils.numbers import Count, Number, real_number, whole_number


@runtime_checkable
class Encoded(Protocol):
    """What a fast tokenizer makes of a text."""

    @property
    def ids(self) -> Sequence[int]: ...

    @property
    def attention_mask(self) -> Sequence[int]: ...


PromptIds = Iterable[Count] | Iterable[Iterable[Count]] | Integer[Tensor, "..."] | Mapping[str, Any] | Encoded
"""One sequence of token ids, also as ``[1, n]``: a list, an array, a tensor, or what a tokenizer returns."""

_SEEDS = (-(2**63), 2**64 - 1)
"""What torch's generators take."""


class Decoder(BatchDecoder):
    """The public surface of both decoders; subclasses yield rounds."""

    label: str = ""

    def __init__(self, target: CausalModel) -> None:
        self.target: CausalModel = require_model(target, "decoder")
        self._require_sound = sound_check(target)

    def generate(
        self,
        prompt_ids: PromptIds,
        max_new_tokens: Count,
        params: SamplingParams | Number | None = None,
        *,
        temperature: Number | None = None,
        top_k: Count | None = None,
        top_p: Number | None = None,
        min_p: Number | None = None,
        repetition_penalty: Number | None = None,
        stop_strings: str | Sequence[str] | None = None,
        ignore_eos: bool = False,
        seed: Count | None = None,
        trace: bool = False,
        profile: bool = False,
    ) -> GenerationResult:
        """Continue ``prompt_ids`` by at most ``max_new_tokens`` tokens.

        Args:
            params: all of the sampling at once, or the temperature alone; 1.0 unless one is given.
            temperature: 0 takes the argmax; the warpers apply in Hugging Face's order.
            stop_strings: the text ends with the first token that completes one of them; special tokens count
                as their text.
            ignore_eos: go on past end-of-text ids (benchmarks of a fixed length).
            seed: the same seed gives the same tokens on the same machine; None draws one.
            trace: keep the rounds in ``result.trace``.
            profile: measure the phases of every round, synchronising the device around each (slower).

        Returns:
            Ids without the prompt, seconds a token, counts, and ``finish_reason``: "eos", "stop", or
            "length" (also when the context is full).

        Raises:
            InvalidArgument: an empty prompt, ids outside the vocabulary, a prompt that fills the
                context, more than one sequence, max_new_tokens < 0, sampling values out of range.
        """
        sampling = _sampling(params, temperature, top_k, top_p, min_p, repetition_penalty)
        return self._started(
            prompt_ids, max_new_tokens, sampling, stop_strings, ignore_eos, seed, trace, profile
        ).result()

    def start(
        self,
        prompt_ids: PromptIds,
        max_new_tokens: Count,
        params: SamplingParams | Number | None = None,
        *,
        temperature: Number | None = None,
        top_k: Count | None = None,
        top_p: Number | None = None,
        min_p: Number | None = None,
        repetition_penalty: Number | None = None,
        stop_strings: str | Sequence[str] | None = None,
        ignore_eos: bool = False,
        seed: Count | None = None,
        trace: bool = False,
        profile: bool = False,
    ) -> Generation:
        """As :meth:`generate`, round by round: an iterator of rounds with a ``result()``.

        Each has its own caches and draft state, so several may be open at once.
        """
        sampling = _sampling(params, temperature, top_k, top_p, min_p, repetition_penalty)
        return self._started(
            prompt_ids, max_new_tokens, sampling, stop_strings, ignore_eos, seed, trace, profile
        )

    def stream(
        self,
        prompt_ids: PromptIds,
        max_new_tokens: Count,
        params: SamplingParams | Number | None = None,
        **options: Any,
    ) -> Iterator[list[int]]:
        """The ids that :meth:`generate` returns for the same arguments, one list a round."""
        return (round_.token_ids for round_ in self.start(prompt_ids, max_new_tokens, params, **options))

    def stream_rounds(
        self,
        prompt_ids: PromptIds,
        max_new_tokens: Count,
        params: SamplingParams | Number | None = None,
        **options: Any,
    ) -> Iterator[Round]:
        """As :meth:`stream`, with what happened in each round (for displays)."""
        return self.start(prompt_ids, max_new_tokens, params, **options)

    def generate_text(
        self,
        prompt: str,
        max_new_tokens: Count,
        params: SamplingParams | Number | None = None,
        **options: Any,
    ) -> str:
        """``prompt`` and its continuation as text; options as in :meth:`generate`."""
        model = with_text(self.target, "generate_text")
        ids = model.encode(prompt)
        result = self.generate(ids, max_new_tokens, params, **options)
        return prompt + model.continuation(ids, result.generated_ids)

    def _row(self, row: AskedRow, params: Any, options: dict[str, Any]) -> Generation:
        return row.started(self.start, params, options)

    def _started(self, *arguments: Any) -> Generation:
        request = self._request(*arguments)
        return Generation(request, self._rounds(request), self.target.device, self._result)

    def _request(
        self,
        prompt_ids: Any,
        max_new_tokens: Any,
        params: SamplingParams,
        stop_strings: Any,
        ignore_eos: bool,
        seed: Any,
        trace: bool,
        profile: bool,
    ) -> Request:
        prompt = self._checked_prompt(prompt_ids)
        limit = whole_number(max_new_tokens, "generate: max_new_tokens", least=0)
        if self.target.context_length is not None:
            limit = min(limit, self.target.context_length - len(prompt))
        check_length(self.target, len(prompt), len(prompt) + limit)
        return Request(
            prompt,
            params,
            self._ending(prompt, limit, _checked_stops(stop_strings), ignore_eos),
            _generator(self.target.device, seed),
            PhaseClock(profile),
            trace,
        )

    def _ending(self, prompt: list[int], limit: int, stops: tuple[str, ...], ignore_eos: bool) -> Ending:
        eos: frozenset[int] = frozenset() if ignore_eos else frozenset(self.target.eos_token_ids)
        if not stops:
            return Ending(limit, eos)
        decode = partial(with_text(self.target, "generate").decode, skip_special_tokens=False)
        return Ending(limit, eos, stops, decode, tuple(lead_of(decode, prompt)))

    def _checked_prompt(self, prompt_ids: Any) -> list[int]:
        ids = prompt_ids_of(prompt_ids, self.target.vocab_size)
        context = self.target.context_length
        if context is not None and len(ids) >= context:
            raise InvalidArgument(sentences.PROMPT_IS_TOO_LONG.format(len(ids), self.target.name, context))
        return ids

    def _result(
        self, request: Request, rounds: list[Round], reason: str, total: float, peak_memory_mb: float | None
    ) -> GenerationResult:
        return result_of(request, rounds, reason, total, peak_memory_mb, self.label)


def _sampling(
    params: SamplingParams | Number | None, temperature: Number | None, *warpers: Any
) -> SamplingParams:
    """The sampling that was asked for, in whichever of the ways."""
    if params is not None and temperature is not None:
        raise InvalidArgument(sentences.TWO_TEMPERATURES.format(params, temperature))
    if isinstance(params, SamplingParams):
        if any(value is not None for value in warpers):
            names = ", ".join(field.name for field in fields(SamplingParams)[1:])
            raise InvalidArgument(sentences.SET_IN_PARAMS.format(params, names))
        return params
    given = temperature if params is None else params
    return SamplingParams(1.0 if given is None else real_number(given, "sampling: temperature"), *warpers)


def _generator(device: torch.device, seed: Count | None) -> torch.Generator:
    """A source of chance of its own; no seed means a fresh one."""
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
        return generator
    generator.manual_seed(whole_number(seed, "generate: seed", *_SEEDS))
    return generator


def _checked_stops(stop_strings: object) -> tuple[str, ...]:
    given = (stop_strings,) if isinstance(stop_strings, str) else stop_strings or ()
    listed = list(given) if is_iterable(given) else [given]
    stops = tuple(stop for stop in listed if isinstance(stop, str) and stop)
    if len(stops) < len(listed):
        raise InvalidArgument(sentences.ODD_STOP_STRINGS.format(listed))
    return stops
