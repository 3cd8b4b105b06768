"""Ropes whose factors depend on the length: the same ids from everybody, or a line that names the rope."""

from __future__ import annotations

import pytest
import torch
from models.architectures import VOCAB, llama_config, random_ids, tiny_model
from transformers import Phi3Config

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture.ropes import RopeBorder, rope_border
from specdec_lib.models.wrapper import ModelWrapper

BORDER, CONTEXT = 16, 64
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10_000.0,
    "short_factor": [1.0] * 4,
    "long_factor": [3.0, 5.0, 9.0, 20.0],
    "original_max_position_embeddings": BORDER,
}


def phi(**options) -> Phi3Config:
    return Phi3Config(
        vocab_size=VOCAB,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        original_max_position_embeddings=BORDER,
        rope_parameters=dict(LONGROPE),
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=0,
        **options,
    )


@pytest.fixture(scope="module")
def target() -> ModelWrapper:
    return ModelWrapper(tiny_model(phi()))


@pytest.fixture(scope="module")
def decoders(target) -> list:
    draft = ModelWrapper(tiny_model(llama_config()))
    return [
        AutoregressiveDecoder(target),
        *(SpeculativeDecoder(target, drafter, k) for drafter in (target, draft) for k in (1, 4)),
    ]


def hugging_face_ids(model, ids, count: int) -> list[int]:
    options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": count, "do_sample": False}
    return model.generate(ids, pad_token_id=0, **options)[0, ids.shape[1] :].tolist()


@pytest.mark.unchecked
@pytest.mark.parametrize(("length", "count"), [(5, BORDER + 1 - 5), (BORDER + 1, 30), (BORDER + 9, 30)])
def test_a_text_on_one_side_has_the_ids_of_hugging_face(target, decoders, length, count):
    """On the near side up to the last token, whose own position is never computed."""
    ids = random_ids(length)
    expected = hugging_face_ids(target.model, ids, count)
    for decoder in decoders:
        assert decoder.generate(ids, count, 0.0).generated_ids == expected


@pytest.mark.parametrize(("length", "count"), [(5, BORDER + 2 - 5), (BORDER, 2), (1, CONTEXT)])
def test_a_text_that_may_cross_is_refused_before_anything_is_computed(decoders, length, count):
    for decoder in decoders:
        with pytest.raises(InvalidArgument, match=rf"the longrope of .* changes its factors at {BORDER};"):
            decoder.generate(random_ids(length), count, 0.0)


def test_a_cache_whose_keys_were_rotated_otherwise_is_not_extended(target):
    _, cache = target.forward(random_ids(BORDER))
    with pytest.raises(InvalidArgument, match=r"cross 16, where the longrope of .*without the cache"):
        target.forward(random_ids(1), cache)


def test_a_draft_that_crosses_costs_speed_alone(target):
    plain = ModelWrapper(tiny_model(llama_config()))
    ids = random_ids(6)
    expected = AutoregressiveDecoder(plain).generate(ids, 40, 0.0, ignore_eos=True).generated_ids
    ours = SpeculativeDecoder(plain, target, 4).generate(ids, 40, 0.0, ignore_eos=True)
    assert ours.generated_ids == expected


def test_a_dynamic_rope_changes_beyond_the_context_alone():
    config = llama_config(rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0})
    model = ModelWrapper(tiny_model(config))
    ids = random_ids(6)
    expected = AutoregressiveDecoder(model).generate(ids, 200, 0.0, ignore_eos=True)
    assert len(expected.generated_ids) == CONTEXT - 6
    for k in (1, 4):
        ours = SpeculativeDecoder(model, model, k).generate(ids, 200, 0.0, ignore_eos=True)
        assert ours.generated_ids == expected.generated_ids
    assert rope_border(config) is None


def test_the_border_is_found_in_a_rope_for_each_type_of_layer():
    config = llama_config()
    config.rope_parameters = {"full_attention": LONGROPE, "sliding_attention": {"rope_type": "default"}}
    assert rope_border(config) == RopeBorder("longrope", BORDER)
