"""OpenVINO GenAI through its pipe: a process with packages of its own, which are feigned."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from specdec_lib.bench.measure.engines.genai import GenAiArm, GenAiProcess
from specdec_lib.bench.measure.engines.genai_process import serve_lines
from specdec_lib.errors import ServerFailed, ServerUnavailable
from specdec_lib.lossless.audit.engines import EngineRequest
from tests.bench.measure.engines.fakes import installed_genai


@pytest.fixture
def process(tmp_path):
    started = GenAiProcess("openvino", installed_genai(tmp_path), tmp_path / "logs" / "openvino.log")
    yield started
    started.close()


def test_its_texts_are_the_packages_and_its_packages_are_not_ours(process, tmp_path):
    told = process.open(Path("t"), Path("d"), [0], 2, "bf16")
    assert "INFERENCE_PRECISION_HINT=bf16" in told and "INFERENCE_NUM_THREADS=2" in told
    answer = GenAiArm(process, 4).answer(EngineRequest(3, (1, 2)))
    assert answer.ids == (403, 404, 405) and not answer.ended and (answer.decode_seconds or 0) > 0
    assert process.text(EngineRequest(2, (7,)), 1).ids == (108, 109)
    assert "loading t" in (tmp_path / "logs" / "openvino.log").read_text(), "what it prints is no answer"
    assert "openvino_genai" not in sys.modules


def test_what_it_raises_is_one_line_and_it_goes_on(process):
    with pytest.raises(ServerFailed, match=r"openvino raised an error: InvalidArgument: text: no pipeline"):
        process.text(EngineRequest(2, (1,)), 0)
    with pytest.raises(ServerFailed, match="RuntimeError: no such file"):
        process.open(Path("broken"), None, [], 1, "f32")
    process.open(Path("t"), None, [], 1, "f32")
    with pytest.raises(ServerFailed, match=r"raised an error: InvalidArgument: .*Check 'x' failed"):
        process.text(EngineRequest(98, (1,)), 0)
    assert process.text(EngineRequest(1, (1,)), 0).ids == (2,)


def test_one_that_dies_is_one_line_with_the_end_of_its_log(process):
    process.open(Path("t"), None, [], 1, "f32")
    with pytest.raises(ServerUnavailable, match=r"openvino ended: .*ends with: an internal check$") as raised:
        process.text(EngineRequest(99, (1,)), 0)
    assert "\n" not in str(raised.value)
    with pytest.raises(ServerUnavailable, match=r"an internal check$"):
        process.text(EngineRequest(1, (1,)), 0)
    process.close()
    process.close()


def test_a_line_that_is_none_is_answered_too():
    answers = io.StringIO()
    serve_lines(io.StringIO('{"do": "text", "ids": [1]}\n{"do": "what"}\nno json\n'), answers)
    told = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert len(told) == 3 and all(list(one) == ["error"] for one in told)
