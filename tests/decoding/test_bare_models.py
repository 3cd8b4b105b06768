"""Models with the members of a CausalModel and no other: each text is that of the same model wrapped."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from tiny_models import bare, prompts, tiny_pair

from specdec_lib.bench.measure.costs import measure_costs
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.evidence.rounding import measured_noise
from specdec_lib.lossless.proof import PairProof, ProofPlan
from specdec_lib.lossless.replays.likeliest import next_logits
from specdec_lib.models.wrapper import ModelWrapper

PLAN = ProofPlan(k=3, num_samples=200, num_tokens=16)
PARTS = {
    "both": lambda target, draft: (bare(target), bare(draft)),
    "target": lambda target, draft: (bare(target), draft),
    "draft": lambda target, draft: (target, bare(draft)),
}


@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("part", PARTS)
def test_texts_are_those_of_the_wrapped_models(part, temperature):
    wrapped = tiny_pair("llama", num_layers=2)
    models = PARTS[part](*wrapped)

    def texts(target, draft):
        decoders = [AutoregressiveDecoder(target)]
        decoders += [SpeculativeDecoder(target, draft, 4, verifier) for verifier in ("token", "block")]
        options = {"temperature": temperature, "seed": 7, "trace": True}
        return [one.generate(prompt, 40, **options) for one in decoders for prompt in prompts(3)]

    for bare_text, text in zip(texts(*models), texts(*wrapped), strict=True):
        assert bare_text.generated_ids == text.generated_ids
        assert bare_text.accepted_per_round == text.accepted_per_round
        assert [r.target_cache_length for r in bare_text.trace.rounds] == [
            r.target_cache_length for r in text.trace.rounds
        ]


@pytest.mark.unchecked
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_proof_says_the_same(dtype):
    wrapped = [ModelWrapper(model.model.to(dtype)) for model in tiny_pair("llama", num_layers=2)]

    def found(target, draft):
        return list(PairProof(target, draft, prompts(6), PLAN).run())

    told = found(*map(bare, wrapped))
    assert not any(check.rejected for check in told)
    assert [check.verdict for check in told].count("pass") > 8
    assert told == found(*wrapped)


@pytest.mark.unchecked
def test_weights_that_want_gradients_are_none_of_the_proof_s_business():
    def of_ones_own(model):
        own = bare(model)
        own.forward = partial(type(model).forward.__wrapped__, model)  # no inference_mode around it
        return own

    models = [ModelWrapper(model.model.requires_grad_()) for model in tiny_pair("llama", num_layers=2)]
    own = list(map(of_ones_own, models))
    assert own[0].forward(torch.tensor([[1, 2]]), use_cache=False)[0].requires_grad
    assert list(PairProof(*own, prompts(6), PLAN).run()) == list(PairProof(*models, prompts(6), PLAN).run())
    assert not next_logits(own[0], [1, 2]).requires_grad
    assert measured_noise(own[0], [1, 2, 3, 4]) >= 0


def test_their_forwards_are_timed():
    costs = measure_costs(*map(bare, tiny_pair("llama", num_layers=2)), [1, 2, 3], [2], repeats=1)
    assert {(one["model"], one["width"]) for one in costs["forwards"]} == {
        ("target", 1), ("draft", 1), ("target", 3),
    }  # fmt: skip
