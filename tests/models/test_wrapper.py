from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from models.architectures import (
    CONFIGS,
    CONTEXT,
    ROUNDING,
    VOCAB,
    llama_config,
    random_ids,
    save_model,
    tiny_model,
    tiny_tokenizer,
)
from transformers import AutoModelForCausalLM, BloomConfig, GPT2LMHeadModel, LlamaForCausalLM
from transformers.modeling_outputs import CausalLMOutputWithCrossAttentions

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper


@pytest.fixture(scope="module")
def llama() -> ModelWrapper:
    return ModelWrapper(tiny_model("llama"), tiny_tokenizer())


class AllLogits(GPT2LMHeadModel):
    """A model whose forward has no ``logits_to_keep``, as some of the hub's have not."""

    def forward(self, input_ids, past_key_values=None, use_cache=None) -> CausalLMOutputWithCrossAttentions:
        return super().forward(input_ids, past_key_values, use_cache=use_cache)


# -- forward ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_forward_gives_the_logits_of_every_position(name):
    model = tiny_model(name)
    logits, cache = ModelWrapper(model).forward(random_ids(9))
    torch.testing.assert_close(logits, model(random_ids(9), use_cache=False).logits, atol=ROUNDING, rtol=0)
    assert logits.shape == (1, 9, VOCAB) and cache.get_seq_length() == 9


@pytest.mark.parametrize("kept", [1, 3, 9])
@pytest.mark.parametrize("model_class", [GPT2LMHeadModel, AllLogits])
def test_logits_to_keep_gives_the_last_positions_whether_the_model_knows_it_or_not(model_class, kept):
    torch.manual_seed(0)
    wrapper = ModelWrapper(model_class(CONFIGS["gpt2"]))
    every, _ = wrapper.forward(random_ids(9))
    last, _ = wrapper.forward(random_ids(9), logits_to_keep=kept)
    assert last.shape == (1, kept, VOCAB)
    torch.testing.assert_close(last, every[:, -kept:], atol=ROUNDING, rtol=0)


def test_a_model_that_knows_logits_to_keep_computes_no_others(llama):
    rows = []
    hook = llama.model.lm_head.register_forward_hook(lambda _, __, output: rows.append(output.shape[1]))
    llama.forward(random_ids(9), logits_to_keep=2)
    hook.remove()
    assert rows == [2]


def test_without_use_cache_a_given_cache_is_read_and_left_alone(llama):
    ids, new = random_ids(8), random_ids(3, seed=2)
    _, cache = llama.forward(ids)
    logits, returned = llama.forward(new, cache, use_cache=False)
    assert returned is None and llama.get_cache_length(cache) == 8
    torch.testing.assert_close(logits, llama.forward(new, cache)[0])


def test_a_padding_id_in_the_text_is_a_token_like_any_other():
    """A mask derived from ``pad_token_id`` would hide it."""
    ids = random_ids(12)
    ids[0, [0, 4, 5]] = 3
    padded, plain = (
        ModelWrapper(tiny_model(llama_config(pad_token_id=pad)), tiny_tokenizer()) for pad in (3, None)
    )
    plain.model.load_state_dict(padded.model.state_dict())
    torch.testing.assert_close(padded.forward(ids)[0], plain.forward(ids)[0])
    changed = ids.clone()
    changed[0, 4] = 9
    assert (padded.forward(changed)[0][:, -1] - padded.forward(ids)[0][:, -1]).abs().max() > 1e-3


@pytest.mark.parametrize("shape", [(2, 5), (1, 0), (5,), (1, 1, 5)])
def test_anything_but_one_sequence_is_refused(llama, shape):
    with pytest.raises(InvalidArgument, match=r"pass one sequence, \[1, n\]"):
        llama.forward(torch.zeros(shape, dtype=torch.long))


def test_a_negative_logits_to_keep_is_refused(llama):
    with pytest.raises(InvalidArgument, match="logits_to_keep is -1"):
        llama.forward(random_ids(3), logits_to_keep=-1)


def test_forward_records_no_gradient_and_drops_nothing_at_random():
    wrapper = ModelWrapper(tiny_model("gpt2").train())
    first, second = (wrapper.forward(random_ids(6))[0] for _ in range(2))
    assert first.is_inference() and not first.requires_grad
    assert torch.equal(first, second)


# -- vocabulary width ------------------------------------------------------------------------


def test_vocab_size_is_the_width_of_the_logits_not_the_tokenizers():
    """Qwen2's logits are 151 936 or 152 064 wide over one tokenizer of 151 665 tokens."""
    wrapper = ModelWrapper(tiny_model(llama_config(vocab_size=300)), tiny_tokenizer(265))
    assert len(wrapper.tokenizer) == 265
    assert wrapper.vocab_size == wrapper.forward(random_ids(4))[0].shape[-1] == 300


def test_a_draft_of_a_wider_target_never_drafts_the_columns_it_lacks():
    model = tiny_model("llama")
    own, _ = ModelWrapper(model).forward(random_ids(5))
    widened, _ = ModelWrapper(model, vocab_size=VOCAB + 7).forward(random_ids(5))
    assert widened.shape[-1] == VOCAB + 7
    torch.testing.assert_close(widened[..., :VOCAB], own)
    assert (widened[..., VOCAB:] == -torch.inf).all()
    torch.testing.assert_close(widened.softmax(-1)[..., :VOCAB], own.softmax(-1))


def test_a_draft_of_a_wider_target_can_be_fed_every_id_that_the_target_emits():
    wrapper = ModelWrapper(tiny_model("llama"), vocab_size=VOCAB + 7)
    logits, _ = wrapper.forward(torch.tensor([[1, VOCAB + 6, 2]]))
    assert logits.isfinite().any(-1).all()


def test_a_draft_of_a_narrower_target_drops_the_columns_beyond_it():
    model = tiny_model("llama")
    own, _ = ModelWrapper(model).forward(random_ids(5))
    cut, _ = ModelWrapper(model, vocab_size=VOCAB - 7).forward(random_ids(5))
    torch.testing.assert_close(cut, own[..., : VOCAB - 7])


# -- what the model is -----------------------------------------------------------------------


def test_tied_weights_count_once():
    tied = ModelWrapper(tiny_model(llama_config(tie_word_embeddings=True)))
    untied = ModelWrapper(tiny_model(llama_config(tie_word_embeddings=False)))
    assert untied.param_count - tied.param_count == VOCAB * 32


def test_param_count_and_memory_of_a_llama_by_hand():
    wrapper = ModelWrapper(tiny_model("llama"))
    attention = 32 * 32 + 2 * 32 * 16 + 32 * 32
    layer = attention + 3 * 32 * 48 + 2 * 32
    by_hand = 2 * VOCAB * 32 + 2 * layer + 32
    assert wrapper.param_count == by_hand
    buffers = sum(buffer.numel() for buffer in wrapper.model.buffers())
    assert wrapper.memory_footprint_mb == pytest.approx(4 * (by_hand + buffers) / 2**20)


def test_half_precision_halves_the_memory_and_keeps_the_count():
    full, half = ModelWrapper(tiny_model("llama")), ModelWrapper(tiny_model("llama").bfloat16())
    assert half.param_count == full.param_count
    assert half.memory_footprint_mb == pytest.approx(full.memory_footprint_mb / 2, rel=0.01)
    assert half.dtype == torch.bfloat16 and half.forward(random_ids(3))[0].dtype == torch.bfloat16


def test_every_end_of_text_id_is_found_wherever_it_is_kept():
    model = tiny_model(llama_config(eos_token_id=[5, 9]))
    model.generation_config.eos_token_id = 7
    tokenizer = tiny_tokenizer()
    assert tokenizer.eos_token_id == 0
    assert ModelWrapper(model, tokenizer).eos_token_ids == (0, 5, 7, 9)
    assert ModelWrapper(model).eos_token_ids == (5, 7, 9)


def test_end_of_text_ids_that_the_model_cannot_emit_are_dropped():
    """GPT-2's configuration says 50 256, whatever the vocabulary."""
    model = tiny_model("llama")
    model.generation_config.eos_token_id = None
    model.config.eos_token_id = 50_256
    assert ModelWrapper(model).eos_token_ids == ()


def test_a_composite_configuration_is_read_through_to_its_text_part():
    class Composite(LlamaForCausalLM):
        """As multimodal models: the fields of the language model lie one level down."""

    model = Composite(llama_config(eos_token_id=11))
    text, outer = model.config, llama_config(eos_token_id=None, max_position_embeddings=1)
    outer.get_text_config = lambda **_: text
    model.config, model.generation_config.eos_token_id = outer, None
    wrapper = ModelWrapper(model)
    assert wrapper.eos_token_ids == (11,)
    assert wrapper.context_length == CONTEXT


@pytest.mark.parametrize("name", CONFIGS)
def test_context_length_under_every_name(name):
    assert ModelWrapper(tiny_model(name)).context_length == CONTEXT


def test_a_model_without_positions_has_no_context_length():
    bloom = AutoModelForCausalLM.from_config(
        BloomConfig(vocab_size=VOCAB, hidden_size=32, n_layer=1, n_head=4)
    )
    assert ModelWrapper(bloom).context_length is None


def test_the_name_of_a_local_model_is_its_folders_not_its_path(tmp_path):
    folder = save_model(tmp_path / "my-draft")
    wrapper = ModelWrapper(AutoModelForCausalLM.from_pretrained(folder))
    assert wrapper.name == "my-draft"
    assert ModelWrapper(tiny_model("gpt2")).name == "GPT2LMHeadModel"


def test_device_moves_the_model_and_none_leaves_it():
    assert ModelWrapper(tiny_model("gpt2"), device="cpu").device == torch.device("cpu")
    assert ModelWrapper(tiny_model("gpt2").to("meta")).device == torch.device("meta")


# -- text ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["the cat sat", "  spaces , kept !", "naïve 東京 🙂\n\ttab"])
def test_text_survives_a_round_trip_space_for_space(llama, text):
    ids = llama.encode(text)
    assert isinstance(ids, list) and all(isinstance(i, int) for i in ids)
    assert llama.decode(ids) == text


def test_special_tokens_are_left_out_of_text_unless_asked_for(llama):
    ids = [*llama.encode("cat"), 0]
    assert llama.decode(ids) == "cat"
    assert llama.decode(ids, skip_special_tokens=False) == "cat<|end|>"


def test_text_without_a_tokenizer_is_refused():
    wrapper = ModelWrapper(tiny_model("llama"))
    for call in (lambda: wrapper.encode("x"), lambda: wrapper.decode([1])):
        with pytest.raises(InvalidArgument, match="without a tokenizer"):
            call()


def test_repr_says_what_it_is(llama):
    assert (
        repr(llama)
        == f"ModelWrapper('LlamaForCausalLM', {llama.param_count / 1e3:.1f} k, torch.float32, cpu)"
    )
    assert math.isfinite(llama.memory_footprint_mb)


def test_weights_that_are_quantised_otherwise_are_called_by_their_method():
    wrapper = ModelWrapper(tiny_model("llama"))
    wrapper.model.config.quantization_config = SimpleNamespace(quant_method="gptq")
    assert wrapper.number_format == "gptq" and "gptq in torch.float32" in repr(wrapper)


@pytest.mark.parametrize("value", ["<|end|>", [[1]], [None], 1.5, True, "2"])
def test_an_end_that_is_no_id_is_one_line(value):
    model = tiny_model("llama")
    model.generation_config.eos_token_id = value
    with pytest.raises(InvalidArgument, match="eos_token_id of the model is"):
        print(ModelWrapper(model).eos_token_ids)
