"""OpenVINO GenAI as an engine: what it is asked, and what is made of its answers. Its package is feigned."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.peers.openvino_genai import OPENVINO_MODES, GenAiEngine


class Pipeline:
    """Keeps what it was made and asked with."""

    def __init__(self, folder, device, **options):
        self.folder, self.device, self.options = folder, device, options
        PIPELINES.append(self)

    def generate(self, prompt, config):
        self.asked = prompt.tolist(), config
        if config.max_new_tokens == 9:
            raise RuntimeError("Check 'x' failed\nat some.cpp:3")
        return SimpleNamespace(tokens=[[5, 6, 0]])


PIPELINES: list[Pipeline] = []


@pytest.fixture(autouse=True)
def feigned(monkeypatch):
    PIPELINES.clear()
    genai, openvino = ModuleType("openvino_genai"), ModuleType("openvino")
    genai.LLMPipeline, genai.SchedulerConfig, genai.GenerationConfig = (
        Pipeline,
        SimpleNamespace,
        SimpleNamespace,
    )
    genai.draft_model = lambda folder, device, **options: (folder, options)
    openvino.Tensor = lambda array: np.asarray(array)
    monkeypatch.setitem(sys.modules, "openvino_genai", genai)
    monkeypatch.setitem(sys.modules, "openvino", openvino)


@pytest.mark.parametrize("mode", OPENVINO_MODES)
def test_it_runs_in_float32_with_the_draft_of_its_mode(mode):
    engine = GenAiEngine(Path("/t"), mode, Path("/d"), (0,))
    made = PIPELINES[-1].options
    assert made["INFERENCE_PRECISION_HINT"] == made["KV_CACHE_PRECISION"] == "f32"
    assert not made["scheduler_config"].enable_prefix_caching
    assert ("draft_model" in made) == (mode == "draft") and ("prompt_lookup" in made) == (
        mode == OPENVINO_MODES[2]
    )
    if mode == "draft":
        assert made["draft_model"][0] == "/d" and made["draft_model"][1]["INFERENCE_PRECISION_HINT"] == "f32"
    engine.answer(EngineRequest(3, (1, 2)))
    config = PIPELINES[-1].asked[1]
    assert hasattr(config, "num_assistant_tokens") == (mode != "plain")
    assert "f32" in engine.options and engine.name.endswith(mode)


def test_the_law_and_the_seed_are_the_requests():
    engine = GenAiEngine(Path("/t"), eos_token_ids=(0,))
    assert engine.answer(EngineRequest(3, (1, 2), seed=7)) == Answer((5, 6), "", True)
    prompt, config = PIPELINES[-1].asked
    assert prompt == [[1, 2]] and (config.rng_seed, config.max_new_tokens) == (7, 3)
    assert config.do_sample and (config.temperature, config.top_p) == (1.0, 1.0)
    assert not hasattr(config, "top_k") and config.stop_token_ids == {0}
    engine.answer(EngineRequest(3, (1, 2), temperature=0.5, top_k=4))
    assert PIPELINES[-1].asked[1].top_k == 4
    engine.answer(EngineRequest(3, (1, 2), temperature=0.0))
    assert not PIPELINES[-1].asked[1].do_sample


def test_what_it_throws_is_one_line():
    with pytest.raises(InvalidArgument, match=r"OpenVINO GenAI, plain raised an error: RuntimeError: Check"):
        GenAiEngine(Path("/t")).answer(EngineRequest(9, (1,)))
