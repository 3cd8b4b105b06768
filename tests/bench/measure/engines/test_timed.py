"""An engine on the clock of the other arms."""

from __future__ import annotations

import pytest

from specdec_lib.bench.measure.engines.timed import EngineResult, TimedEngine
from specdec_lib.errors import ServerFailed, ServerUnavailable
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.profiling.metrics import GenerationResult


class Asked:
    name = "one"

    def __init__(self, answer):
        self.given, self.asked = answer, []

    def answer(self, request):
        self.asked.append(request)
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


def test_what_is_asked_is_the_arms_job_and_what_comes_keeps_both_clocks():
    asked = Asked(Answer((4, 5), "", True, 8, 3, prompt_seconds=0.25, decode_seconds=0.5))
    result = TimedEngine(asked)([1, 2], 7, 0.5, 3)
    assert asked.asked == [EngineRequest(7, (1, 2), temperature=0.5, seed=3)]
    assert result.generated_ids == [4, 5] and result.total_time > 0 and result.finish_reason == "eos"
    assert (result.prompt_seconds, result.decode_seconds, result.acceptance_rate) == (0.25, 0.5, 3 / 8)
    plain = result.plain
    assert type(plain) is GenerationResult and plain.to_dict() == {
        name: value for name, value in result.to_dict().items() if name in plain.to_dict()
    }


def test_an_answer_that_tells_less_is_a_result_too():
    result = EngineResult.of(Answer((4,)), 0.5)
    assert result.acceptance_rate is None and result.decode_seconds is None
    assert result.finish_reason == "length" and result.total_time == 0.5


def test_text_without_ids_and_failures_are_one_line():
    with pytest.raises(ServerFailed, match="one tells text and no ids"):
        TimedEngine(Asked(Answer(None, "words")))([1], 2, 0.0, 0)
    failing = TimedEngine(Asked(ServerUnavailable("gone")), lambda error: f"one: {error}; its log says so")
    with pytest.raises(ServerFailed, match=r"^one: gone; its log says so$"):
        failing([1], 2, 0.0, 0)
