"""Where positions begin, and models on which Transformers' generate does not follow the model itself."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Data2VecTextConfig,
    MoshiConfig,
    PersimmonConfig,
    RobertaConfig,
    RobertaPreLayerNormConfig,
    StableLmConfig,
    XLMRobertaXLConfig,
)

from specdec_lib.bench.measure.peers.hugging_face import HuggingFace, constant_drafting
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
    """The argmax of the model's own forward over the whole text, none of it padding, token by token."""
    ids = torch.tensor([PROMPT])
    for _ in range(tokens):
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
        ids = torch.cat([ids, logits[:, -1:].argmax(-1)], dim=1)
    return ids[0, len(PROMPT) :].tolist()


def generated(model, tokens, prompt=PROMPT, **options):
    ids = torch.tensor([prompt])
    options = {"attention_mask": torch.ones_like(ids), "do_sample": False, **options}
    return model.generate(ids, max_new_tokens=tokens, **options)[0, len(prompt) :].tolist()


def told_anew(model, tokens):
    """As ``generate`` gives one token at a time, told all positions: up to 5.1 it would repeat the last."""
    ids = list(PROMPT)
    for _ in range(tokens):
        positions = torch.arange(PAD + 1, PAD + 1 + len(ids))[None]
        ids += generated(model, 1, ids, position_ids=positions)
    return ids[len(PROMPT) :]


@pytest.mark.parametrize("kind", ROBERTAS, ids=lambda kind: kind.model_type)
def test_a_table_that_begins_behind_the_padding_is_followed(kind):
    """``generate`` counts from 0 where the model itself begins at 2; told so, it gives the same text."""
    model = roberta(kind)
    assert first_position(model) == PAD + 1
    assert texts(model, 20) == by_hand(model, 20) == told_anew(model, 20)


@pytest.mark.parametrize("kind", ROBERTAS, ids=lambda kind: kind.model_type)
def test_fixed_buffers_and_the_arm_of_hugging_face_follow_it_too(kind, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    model = roberta(kind)
    expected = by_hand(model, 20)
    on_buffers = ModelWrapper(model, compile=True)
    assert AutoregressiveDecoder(on_buffers).generate(PROMPT, 20, 0.0).generated_ids == expected
    assert on_buffers.compiled.active
    assisted = HuggingFace(model, {}, noisy(model), constant_drafting(3))
    for arm in (HuggingFace(model, {}), assisted):
        assert arm(PROMPT, 20, 0.0, 0).generated_ids == expected


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


@pytest.mark.parametrize("kind", [PersimmonConfig, StableLmConfig], ids=lambda kind: kind.model_type)
def test_models_that_make_masks_of_their_own_see_all_that_the_cache_holds(kind):
    """Up to Transformers 5.1 that is so for several tokens behind a cache if a mask is given alone."""
    model = model_of(kind(**_SHAPE, intermediate_size=48, num_key_value_heads=4, pad_token_id=PAD))
    assert texts(model, 20) == by_hand(model, 20) == generated(model, 20)


def test_moshi_sees_what_its_masks_show_although_its_configuration_names_a_window():
    """No window since Transformers 5.2. ``generate`` drops keys all the same where it has a cache."""
    model = model_of(MoshiConfig(**_SHAPE, ffn_dim=48, head_dim=8, sliding_window=6))
    assert texts(model, 20) == by_hand(model, 20) == generated(model, 20, use_cache=False)
