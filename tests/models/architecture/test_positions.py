"""Where positions begin, and models on which Transformers' generate does not follow the model itself."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Data2VecTextConfig,
    MoshiConfig,
    RobertaConfig,
    RobertaPreLayerNormConfig,
    XLMRobertaXLConfig,
)

from specdec_lib.bench.measure.peers.hugging_face import HuggingFace
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.models.architecture.module import first_position
from specdec_lib.models.wrapper import ModelWrapper

VOCAB, PAD, TABLE = 97, 1, 64
PROMPT = [5, 6, 7, 8, 9, 10, 11, 12, 13]
_SHAPE = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": TABLE,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": None,
}
ROBERTAS = [XLMRobertaXLConfig, RobertaConfig, RobertaPreLayerNormConfig, Data2VecTextConfig]


def model_of(config, seed=0):
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(config).eval()


def roberta(kind, seed=0):
    return model_of(kind(**_SHAPE, intermediate_size=48, is_decoder=True, pad_token_id=PAD), seed)


def noisy(model):
    draft = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in draft.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3))
    return draft


def texts(model, tokens):
    target = ModelWrapper(model)
    alone = AutoregressiveDecoder(target).generate(PROMPT, tokens, 0.0).generated_ids
    for k in (1, 4):
        drafted = SpeculativeDecoder(target, ModelWrapper(noisy(model)), k=k)
        assert drafted.generate(PROMPT, tokens, 0.0).generated_ids == alone
    return alone


@torch.inference_mode()
def by_hand(model, tokens):
    """The argmax of the model's own forward over the whole text, token by token."""
    ids = list(PROMPT)
    for _ in range(tokens):
        ids.append(int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    return ids[len(PROMPT) :]


def generated(model, tokens, **options):
    ids = torch.tensor([PROMPT])
    options = {"attention_mask": torch.ones_like(ids), "do_sample": False, **options}
    return model.generate(ids, max_new_tokens=tokens, **options)[0, len(PROMPT) :].tolist()


@pytest.mark.parametrize("kind", ROBERTAS, ids=lambda kind: kind.model_type)
def test_a_table_that_begins_behind_the_padding_is_followed(kind):
    """``generate`` counts from 0 where the model itself begins at 2; told so, it gives the same text."""
    model = roberta(kind)
    told = torch.arange(PAD + 1, PAD + 1 + len(PROMPT))[None]
    assert first_position(model) == PAD + 1
    assert texts(model, 20) == by_hand(model, 20) == generated(model, 20, position_ids=told)


@pytest.mark.parametrize("kind", ROBERTAS, ids=lambda kind: kind.model_type)
def test_fixed_buffers_and_the_arm_of_hugging_face_follow_it_too(kind, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    model = roberta(kind)
    expected = by_hand(model, 20)
    on_buffers = ModelWrapper(model, compile=True)
    assert AutoregressiveDecoder(on_buffers).generate(PROMPT, 20, 0.0).generated_ids == expected
    assert on_buffers.compiled.active
    assert HuggingFace(model, {})(PROMPT, 20, 0.0, 0).generated_ids == expected


@pytest.mark.parametrize("kind", ROBERTAS, ids=lambda kind: kind.model_type)
def test_the_context_ends_where_the_table_does(kind):
    model = roberta(kind)
    assert ModelWrapper(model).context_length == TABLE - PAD - 1
    assert len(texts(model, 500)) == TABLE - PAD - 1 - len(PROMPT)


@pytest.mark.parametrize("kind", ROBERTAS, ids=lambda kind: kind.model_type)
def test_a_padding_id_within_a_text_is_a_token_as_any_other(kind):
    target = ModelWrapper(roberta(kind))
    ids = torch.tensor([[5, PAD, 7, PAD, PAD, 9, 10]])
    whole, _ = target.forward(ids)
    cache, rows = None, []
    for token in ids[0]:
        row, cache = target.forward(token.view(1, 1), cache)
        rows.append(row)
    assert torch.allclose(torch.cat(rows, dim=1), whole, atol=1e-4)


def test_models_that_count_by_themselves_are_told_nothing():
    assert first_position(model_of(MoshiConfig(**_SHAPE, ffn_dim=48, head_dim=8))) is None


def test_moshi_sees_its_whole_text_although_its_configuration_names_a_window():
    """Its masks know no window. ``generate`` drops keys all the same where it has a cache, and else none."""
    model = model_of(MoshiConfig(**_SHAPE, ffn_dim=48, head_dim=8, sliding_window=6))
    assert texts(model, 20) == by_hand(model, 20) == generated(model, 20, use_cache=False)
