"""Logits that are no numbers are refused where they leave the model, whichever way they left it."""

from __future__ import annotations

import math

import pytest
import torch
from models.architectures import VOCAB, llama_config, random_ids, tiny_model

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import UnsoundLogits
from specdec_lib.lossless.doubles.remembering import RememberingModel
from specdec_lib.models.architecture import soundness
from specdec_lib.models.architecture.soundness import Watch, drafting, sound_draft, unsound
from specdec_lib.models.wrapper import ModelWrapper

DAMAGE = {"NaN": math.nan, "+inf": math.inf, "-inf for every token": -math.inf}


def damaged(kind: str, **options) -> ModelWrapper:
    """A model whose head gives such logits: in one row for NaN and +inf, in all for -inf."""
    model = tiny_model("llama")

    def spoil(module, inputs, logits):
        logits = logits.clone()
        logits[..., 7 if kind != "-inf for every token" else slice(None)] = DAMAGE[kind]
        return logits

    model.lm_head.register_forward_hook(spoil)
    return ModelWrapper(model, **options)


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_kind_is_refused_with_what_was_seen_and_where(kind):
    model = damaged(kind)
    with pytest.raises(UnsoundLogits, match=rf"LlamaForCausalLM gave logits of {kind.replace('+', '.')} at"):
        model.forward(random_ids(5))
    with pytest.raises(UnsoundLogits, match=r"at position 4 .*fetch or export"):
        model.forward(random_ids(5), logits_to_keep=1)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("kind", DAMAGE)
def test_no_text_is_decoded_from_such_a_target(kind, temperature):
    target, draft = damaged(kind), ModelWrapper(tiny_model("llama"))
    for decoder in (AutoregressiveDecoder(target), SpeculativeDecoder(target, draft, 3)):
        with pytest.raises(UnsoundLogits):
            decoder.generate([1, 2, 3], 8, temperature, seed=0)


def test_one_damaged_weight_is_enough():
    model = tiny_model(llama_config(tie_word_embeddings=False))
    with torch.no_grad():
        model.lm_head.weight[7, 3] = math.nan
    with pytest.raises(UnsoundLogits, match="NaN"):
        AutoregressiveDecoder(ModelWrapper(model)).generate([1, 2], 4, 0.0)


def test_an_overflow_of_float16_is_refused_with_the_types_that_hold_it():
    model = tiny_model("llama")
    with torch.no_grad():
        for layer in model.model.layers:
            layer.mlp.down_proj.weight.mul_(1e5)
    with pytest.raises(UnsoundLogits, match=r"float16.*load it as bfloat16 or float32"):
        AutoregressiveDecoder(ModelWrapper(model.half())).generate([1, 2], 4, 0.0)


def test_the_position_counts_what_the_cache_holds():
    model = ModelWrapper(tiny_model("llama"))
    _, cache = model.forward(random_ids(6))
    with torch.no_grad():
        model.model.lm_head.weight[0, 0] = math.nan
    with pytest.raises(UnsoundLogits, match="at position 6 "):
        model.forward(random_ids(3), cache)


def test_columns_that_a_draft_lacks_are_no_damage():
    wrapper = ModelWrapper(tiny_model("llama"), vocab_size=VOCAB + 7)
    assert (wrapper.forward(random_ids(3))[0][..., VOCAB:] == -math.inf).all()
    wrapper.require_sound()


def test_a_model_of_remembered_rows_refuses_what_its_draft_was_given():
    """One model in both roles: the draft asks first, and what it got is remembered as it came."""
    both = RememberingModel(damaged("NaN"))
    with drafting():
        assert both.forward(random_ids(3))[0].isnan().any()
    with pytest.raises(UnsoundLogits):
        both.forward(random_ids(3))


# -- elsewhere than on a CPU -----------------------------------------------------------------------


def watch_on_a_device(monkeypatch, rows) -> tuple[Watch, list]:
    """A watch that has seen those rows on a device; the list counts how often the device was asked."""
    watch, asked = Watch("model"), []
    monkeypatch.setattr(soundness.torch, "cat", lambda seen: (asked.append(1), torch.concat(seen))[1])
    for end, row in enumerate(rows, 10):
        logits = torch.tensor([[row]])
        watch._note(logits.amax(-1), end)
    return watch, asked


def test_a_device_is_not_asked_before_somebody_wants_to_know(monkeypatch):
    watch, asked = watch_on_a_device(monkeypatch, [[1.0, 2.0], [math.nan, 2.0], [1.0, -math.inf]])
    assert asked == []
    with pytest.raises(UnsoundLogits, match="model gave logits of NaN at position 10 "):
        watch.require_sound()
    assert asked == [1]
    watch.require_sound()  # told once; nothing seen since
    assert asked == [1]


def test_a_device_that_nobody_asks_about_is_looked_at_now_and_then(monkeypatch):
    with pytest.raises(UnsoundLogits):
        watch_on_a_device(monkeypatch, [[math.inf, 1.0]] * soundness._MOST_UNREAD)
    watch, asked = watch_on_a_device(monkeypatch, [[1.0, 1.0]] * (2 * soundness._MOST_UNREAD + 1))
    assert len(asked) == 2 and len(watch._unread) == 1


@pytest.mark.gpu
def test_a_gpu_tells_when_asked():
    model = damaged("NaN", device="cuda")
    model.forward(random_ids(5))
    with pytest.raises(UnsoundLogits, match="NaN at position 0"):
        model.require_sound()
    with drafting():
        model.forward(random_ids(5))
    model.require_sound()


# -- a draft ----------------------------------------------------------------------------------------


def test_a_draft_is_not_refused():
    model = damaged("NaN")
    with drafting():
        assert model.forward(random_ids(5))[0].isnan().any()
    with pytest.raises(UnsoundLogits):
        model.forward(random_ids(5))


def test_a_row_that_is_none_becomes_uniform_and_the_others_stay():
    inf, nan = math.inf, math.nan
    logits = torch.tensor([[1.0, nan, -inf], [inf, 2.0, 3.0], [-inf, -inf, -inf], [1.0, -inf, 2.0]])
    assert unsound(logits).tolist() == [True, True, True, False]
    expected = torch.tensor([[0.0, 0.0, -inf], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, -inf, 2.0]])
    assert torch.equal(sound_draft(logits), expected)
    assert torch.equal(sound_draft(logits[0]), expected[0])
    sound = torch.randn(3, 5)
    assert torch.equal(sound_draft(sound), sound)
