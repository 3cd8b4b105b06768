"""What every decoder shares: the checked request, the text's end, the clock, and the result.

A decoder is a generator of rounds (its ``_rounds``); everything else happens here, once, so
that autoregressive and speculative decoding cannot differ in how they stop, count or measure.
A timed run never synchronises to measure; ``profile=True`` is the separate run that does.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from jaxtyping import Integer
from torch import Tensor

from specdec_lib.decoding.ending import Ending
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.trace import Round, Trace
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.profiling.timer import CUDATimer

PromptIds = Sequence[int] | Sequence[Sequence[int]] | Integer[Tensor, "..."]
"""One sequence of token ids, also as ``[1, n]``; a list or a tensor."""
PHASES = ("draft", "verify", "sampling", "rollback")


class PhaseClock:
    """Milliseconds by phase of the current round; does nothing at all unless enabled."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.current: dict[str, float] = {}

    def __call__(self, phase: str) -> AbstractContextManager[None]:
        return self._measure(phase) if self.enabled else nullcontext()

    @contextmanager
    def _measure(self, phase: str) -> Iterator[None]:
        with CUDATimer(phase) as timer:
            yield
        self.current[phase] = self.current.get(phase, 0.0) + timer.elapsed_ms

    def take(self) -> dict[str, float]:
        """The phases measured since the last call."""
        taken, self.current = self.current, {}
        return taken


@dataclass(frozen=True)
class Request:
    """One generation, checked."""

    prompt_ids: list[int]
    params: SamplingParams
    ending: Ending
    generator: torch.Generator
    phases: PhaseClock
    trace: bool

    @property
    def end(self) -> int:
        """Length of prompt and continuation together when nothing stops earlier."""
        return len(self.prompt_ids) + self.ending.limit


class Decoder(ABC):
    """The public surface of both decoders; subclasses yield rounds."""

    label: str = ""

    def __init__(self, target: ModelWrapper) -> None:
        self.target = target

    def generate(
        self,
        prompt_ids: PromptIds,
        max_new_tokens: int,
        temperature: float = 1.0,
        *,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float | None = None,
        stop_strings: Sequence[str] | None = None,
        ignore_eos: bool = False,
        seed: int | None = None,
        trace: bool = False,
        profile: bool = False,
    ) -> GenerationResult:
        """Continue ``prompt_ids`` by at most ``max_new_tokens`` tokens.

        Args:
            temperature: 0 takes the argmax; the warpers apply in Hugging Face's order.
            stop_strings: the text ends with the first token that completes one of them.
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
        params = SamplingParams(temperature, top_k, top_p, min_p, repetition_penalty)
        request = self._request(
            prompt_ids, max_new_tokens, params, stop_strings, ignore_eos, seed, trace, profile
        )
        started = time.perf_counter()
        device = self.target.device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        rounds: list[Round] = []
        reason = "length"
        for step, ended in self._run(request):
            rounds.append(step)
            reason = ended or reason
        total = time.perf_counter() - started
        peak = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else 0.0
        return self._result(request, rounds, reason, total, peak)

    def stream(
        self,
        prompt_ids: PromptIds,
        max_new_tokens: int,
        temperature: float = 1.0,
        *,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float | None = None,
        stop_strings: Sequence[str] | None = None,
        ignore_eos: bool = False,
        seed: int | None = None,
    ) -> Iterator[list[int]]:
        """The ids that :meth:`generate` returns for the same arguments, one list a round."""
        params = SamplingParams(temperature, top_k, top_p, min_p, repetition_penalty)
        request = self._request(
            prompt_ids, max_new_tokens, params, stop_strings, ignore_eos, seed, False, False
        )
        return (step.token_ids for step, _ in self._run(request))

    def stream_rounds(self, prompt_ids: PromptIds, max_new_tokens: int, **options) -> Iterator[Round]:
        """As :meth:`stream`, with what happened in each round (for displays)."""
        sampling = {
            key: options.pop(key)
            for key in ("top_k", "top_p", "min_p", "repetition_penalty")
            if key in options
        }
        params = SamplingParams(options.pop("temperature", 1.0), **sampling)
        request = self._request(
            prompt_ids,
            max_new_tokens,
            params,
            options.pop("stop_strings", None),
            options.pop("ignore_eos", False),
            options.pop("seed", None),
            options.pop("trace", False),
            options.pop("profile", False),
        )
        if options:
            raise InvalidArgument(f"stream_rounds: unknown options {sorted(options)}")
        return (step for step, _ in self._run(request))

    def generate_text(self, prompt: str, max_new_tokens: int, temperature: float = 1.0, **options) -> str:
        """``prompt`` and its continuation as text; options as in :meth:`generate`."""
        result = self.generate(self.target.encode(prompt), max_new_tokens, temperature, **options)
        return prompt + self.target.decode(result.generated_ids)

    @abstractmethod
    def _rounds(self, request: Request) -> Iterator[Round]:
        """Rounds without end: the caller stops when the text ends."""

    def _run(self, request: Request) -> Iterator[tuple[Round, str | None]]:
        """Rounds cut at the text's end, each with the reason if it is the last."""
        emitted: list[int] = []
        if request.ending.limit == 0:
            return
        rounds = self._rounds(request)
        started = time.perf_counter()
        for step in rounds:
            kept, reason = request.ending.cut(emitted, step.token_ids)
            step.keep(kept)
            emitted += kept
            now = time.perf_counter()
            step.seconds, step.phases_ms, started = now - started, request.phases.take(), now
            yield step, reason
            if reason:
                return
            started = time.perf_counter()  # what the consumer did meanwhile is not decoding

    def _request(
        self, prompt_ids, max_new_tokens, params, stop_strings, ignore_eos, seed, trace, profile
    ) -> Request:
        prompt = self._checked_prompt(prompt_ids)
        limit = _checked_count(max_new_tokens)
        if self.target.context_length is not None:
            limit = min(limit, self.target.context_length - len(prompt))
        ending = Ending(
            limit,
            frozenset() if ignore_eos else frozenset(self.target.eos_token_ids),
            _checked_stops(stop_strings),
            self.target.decode,
        )
        generator = torch.Generator(self.target.device)
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        return Request(prompt, params, ending, generator, PhaseClock(profile), trace)

    def _checked_prompt(self, prompt_ids) -> list[int]:
        ids = prompt_ids.tolist() if isinstance(prompt_ids, torch.Tensor) else list(prompt_ids)
        if ids and isinstance(ids[0], (list, tuple)):
            if len(ids) != 1:
                raise InvalidArgument(
                    f"generate: {len(ids)} prompts at once; this decoder takes one sequence"
                )
            ids = list(ids[0])
        if not ids:
            raise InvalidArgument("generate: the prompt is empty; give at least one token")
        if any(not isinstance(i, int) or not 0 <= i < self.target.vocab_size for i in ids):
            raise InvalidArgument(f"generate: the prompt holds ids outside [0, {self.target.vocab_size})")
        context = self.target.context_length
        if context is not None and len(ids) >= context:
            raise InvalidArgument(
                f"generate: the prompt has {len(ids)} tokens, {self.target.name} sees {context}; shorten it"
            )
        return ids

    def _result(
        self, request: Request, rounds: list[Round], reason: str, total: float, peak_memory_mb: float
    ) -> GenerationResult:
        latencies = [step.seconds / len(step.token_ids) for step in rounds for _ in step.token_ids]
        drafted = [step for step in rounds if step.draft_ids]
        spent = {
            f"{phase}_time_total_ms": sum(r.phases_ms.get(phase, 0.0) for r in rounds) for phase in PHASES
        }
        return GenerationResult(
            generated_ids=[token for step in rounds for token in step.token_ids],
            per_token_latencies=latencies,
            total_time=total,
            peak_memory_mb=peak_memory_mb,
            time_to_first_token=rounds[0].seconds if rounds else 0.0,
            drafted_per_round=[len(step.draft_ids) for step in drafted],
            accepted_per_round=[step.num_accepted for step in drafted],
            finish_reason=reason,
            trace=Trace(request.prompt_ids, rounds, self.label, request.params.temperature)
            if request.trace
            else None,
            **spent,
        )


def _checked_count(max_new_tokens: int) -> int:
    whole = isinstance(max_new_tokens, int) and not isinstance(max_new_tokens, bool)
    if not whole or max_new_tokens < 0:
        raise InvalidArgument(f"generate: max_new_tokens is {max_new_tokens!r}; pass a whole number >= 0")
    return max_new_tokens


def _checked_stops(stop_strings: Sequence[str] | None) -> tuple[str, ...]:
    stops = (stop_strings,) if isinstance(stop_strings, str) else tuple(stop_strings or ())
    if any(not isinstance(stop, str) or not stop for stop in stops):
        raise InvalidArgument(f"generate: stop_strings are {list(stops)!r}; pass non-empty texts")
    return stops
