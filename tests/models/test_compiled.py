from __future__ import annotations

import json

import pytest
import torch
from models.architectures import llama_config, random_ids, tiny_model

from specdec_lib.models.wrapper import ModelWrapper


@pytest.fixture
def model():
    return tiny_model(llama_config(num_hidden_layers=1))


def run(wrapper: ModelWrapper) -> list[torch.Tensor]:
    """Logits of a prompt, of a continuation, and of another after a rollback."""
    first, cache = wrapper.forward(random_ids(9))
    second, cache = wrapper.forward(random_ids(3, seed=2), cache)
    third, cache = wrapper.forward(random_ids(2, seed=3), wrapper.truncate_cache(cache, 10))
    assert wrapper.get_cache_length(cache) == 12
    return [first, second, third]


def break_compiler(monkeypatch, failing):
    monkeypatch.setattr(torch, "compile", lambda forward, **_: failing(forward))


def test_compiled_logits_are_the_eager_ones(model, monkeypatch):
    """Traced and guarded by the real compiler front end; the eager back end spares the C++ build."""
    compiler = torch.compile
    calls = []

    def compile_eagerly(forward, **options):
        calls.append(options)
        return compiler(forward, backend="eager", **options)

    monkeypatch.setattr(torch, "compile", compile_eagerly)
    compiled = ModelWrapper(model, compile=True)
    for ours, eager in zip(run(compiled), run(ModelWrapper(model)), strict=True):
        torch.testing.assert_close(ours, eager, atol=1e-5, rtol=0)
    assert compiled._run.active and calls == [{"dynamic": True}]


def test_a_failure_halfway_is_answered_eagerly_from_the_cache_as_it_was(model, monkeypatch, capsys):
    def fails_after_extending(forward):
        def attempt(**inputs):
            forward(**inputs)
            raise RuntimeError("no C++ compiler\nand a page of details")

        return attempt

    break_compiler(monkeypatch, fails_after_extending)
    wrapper = ModelWrapper(model, compile=True)
    answered = run(wrapper)
    for ours, eager in zip(answered, run(ModelWrapper(model)), strict=True):
        torch.testing.assert_close(ours, eager)
    assert not wrapper._run.active
    (event,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert event["event"] == "torch.compile gave up, running eager"
    assert (event["level"], event["reason"]) == ("warning", "RuntimeError: no C++ compiler")


def test_a_mistake_of_the_caller_is_raised_as_without_compilation(model, monkeypatch):
    break_compiler(monkeypatch, lambda forward: forward)
    wrapper = ModelWrapper(model, compile=True)
    with pytest.raises(IndexError):
        wrapper.forward(torch.tensor([[10_000]]))
