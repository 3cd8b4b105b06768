"""An engine as an arm: its texts on the clock of all arms, beside what its own clock says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from specdec_lib.bench.measure.engines import sentences
from specdec_lib.errors import ServerFailed, SpecDecError
from specdec_lib.lossless.audit.engines import Answer, AskedEngine, EngineRequest
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.profiling.timer import cuda_sync_time


@dataclass(frozen=True)
class EngineResult(GenerationResult):
    """A result with the seconds of its prompt and of its decoding by the engine's own clock, if it tells."""

    prompt_seconds: float | None = None
    decode_seconds: float | None = None

    @classmethod
    def of(cls, answer: Answer, seconds: float) -> EngineResult:
        """An answer's ids, which took ``seconds`` of ours."""
        drafted = {"num_draft_tokens": answer.num_drafted, "num_accepted_draft_tokens": answer.num_accepted}
        told: dict[str, Any] = {} if None in drafted.values() else drafted
        return cls(
            list(answer.ids or ()),
            total_time=seconds,
            peak_memory_mb=None,
            finish_reason="eos" if answer.ended else "length",
            prompt_seconds=answer.prompt_seconds,
            decode_seconds=answer.decode_seconds,
            **told,
        )

    @property
    def plain(self) -> GenerationResult:
        """The result as a record holds it, of any arm."""
        return GenerationResult(**{f.name: getattr(self, f.name) for f in fields(GenerationResult)})


class TimedEngine:
    """Anything that answers, on the clock of the other arms, which ticks outside of the call.

    Args:
        asked: the engine.
        why: what to say of it where it fails: its log, say.
    """

    fell_back = has_graphs = False

    def __init__(self, asked: AskedEngine, why: Callable[[SpecDecError], str] = str) -> None:
        self._asked, self._why = asked, why

    def __call__(
        self, prompt_ids: Sequence[int], max_new_tokens: int, temperature: float, seed: int
    ) -> EngineResult:
        """One text. It may be shorter than asked, since an engine ends a text where the model does.

        Raises:
            ServerFailed: it went away, or answered what cannot be used.
        """
        request = EngineRequest(max_new_tokens, tuple(prompt_ids), temperature=temperature, seed=seed)
        start = cuda_sync_time()
        try:
            answer = self._asked.answer(request)
        except SpecDecError as error:
            raise ServerFailed(self._why(error)) from error
        seconds = cuda_sync_time() - start
        if answer.ids is None:
            raise ServerFailed(sentences.TELLS_NO_IDS.format(self._asked.name))
        return EngineResult.of(answer, seconds)
