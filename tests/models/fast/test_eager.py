"""A target must be causal: encoders that load as language models are refused by one cheap forward."""

from __future__ import annotations

import pytest
import torch
from models.architectures import CONFIGS, SHARED_KV, VOCAB, random_ids, tiny_model
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    ElectraConfig,
    MambaConfig,
    ProphetNetConfig,
    RobertaConfig,
    XLMConfig,
)

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture.module import cache_name
from specdec_lib.models.fast.eager import require_causal
from specdec_lib.models.wrapper import ModelWrapper

_SHAPE = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
ENCODERS = {
    "bert": BertConfig(**_SHAPE),
    "electra": ElectraConfig(**_SHAPE, embedding_size=32),
    "roberta": RobertaConfig(**_SHAPE),
    "xlm": XLMConfig(vocab_size=VOCAB, emb_dim=32, n_layers=2, n_heads=4, pad_index=0),
}
IDS = list(range(3, 9))


def model_of(config):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_is_refused_as_a_target(name):
    target = ModelWrapper(model_of(ENCODERS[name]))
    causal = ModelWrapper(tiny_model("llama"))
    for decoder in (AutoregressiveDecoder(target), SpeculativeDecoder(target, causal, 2)):
        with pytest.raises(
            InvalidArgument, match="is not causal: its logits depend on tokens that come later"
        ):
            decoder.generate(IDS, 4, 0.0)


@pytest.mark.parametrize("name", [*CONFIGS, *SHARED_KV])
def test_a_decoder_is_not(name):
    model = tiny_model(name)
    for dtype in (torch.float32, torch.bfloat16):
        require_causal(model.to(dtype), name, torch.device("cpu"), VOCAB)


def test_the_same_encoder_as_a_decoder_is_not():
    require_causal(model_of(BertConfig(**_SHAPE, is_decoder=True)), "bert", torch.device("cpu"), VOCAB)


def test_a_model_that_sees_the_future_through_a_module_of_its_own_is_refused():
    """Whatever the configuration says: here a layer adds the mean over the whole text."""
    model = tiny_model("llama")
    model.model.layers[0].mlp.register_forward_hook(lambda _, __, out: out + 0.05 * out.mean(1, keepdim=True))
    with pytest.raises(InvalidArgument, match="is not causal"):
        AutoregressiveDecoder(ModelWrapper(model)).generate(IDS, 4, 0.0)


def test_it_costs_one_forward_of_a_few_tokens_once():
    model, widths = tiny_model("llama"), []
    model.lm_head.register_forward_hook(lambda _, inputs, __: widths.append(tuple(inputs[0].shape[:2])))
    decoder = AutoregressiveDecoder(ModelWrapper(model))
    for _ in range(2):
        decoder.generate(random_ids(9), 2, 0.0, ignore_eos=True)
    assert widths == [(2, 5), (1, 1), (1, 1), (1, 1), (1, 1)]


def test_a_model_that_takes_one_sequence_is_looked_at_twice():
    model, seen = tiny_model("llama"), []

    def only_one(module, args, kwargs):
        seen.append(kwargs["input_ids"].shape[0])
        if seen[-1] != 1:
            raise ValueError("one sequence at a time")

    model.register_forward_pre_hook(only_one, with_kwargs=True)
    require_causal(model, "llama", torch.device("cpu"), VOCAB)
    assert seen == [2, 1, 1]


def test_a_model_that_needs_more_than_ids_is_refused_in_one_line():
    model = tiny_model("llama")
    model.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(ValueError("position_ids are missing")))
    with pytest.raises(
        InvalidArgument, match=r"cannot be fed token ids alone \(ValueError: position_ids are missing\)"
    ):
        require_causal(model, "llama", torch.device("cpu"), VOCAB)


def test_ids_without_a_row_in_the_embedding_are_named_with_both_numbers():
    wrapper = ModelWrapper(tiny_model("llama"))
    for ids, named in (([3, VOCAB], VOCAB), ([2, VOCAB + 40], VOCAB + 40), ([-1], -1)):
        with pytest.raises(InvalidArgument, match=f"token id {named}, and its embedding has {VOCAB} rows"):
            wrapper.forward(torch.tensor([ids]))
    wrapper.forward(torch.tensor([[0, VOCAB - 1]]))


def test_fewer_rows_than_logits_are_fed_by_the_ids_that_have_one():
    model = tiny_model("llama")
    model.set_input_embeddings(torch.nn.Embedding(3, 32))
    require_causal(model, "llama", torch.device("cpu"), VOCAB)


def test_a_recurrent_model_keeps_its_own_refusal():
    mamba = model_of(MambaConfig(vocab_size=VOCAB, hidden_size=16, num_hidden_layers=1, state_size=4))
    with pytest.raises(TypeError, match="cannot be rolled back"):
        AutoregressiveDecoder(ModelWrapper(mamba)).generate(IDS, 4, 0.0)


PROPHETNET = ProphetNetConfig(
    vocab_size=VOCAB,
    hidden_size=32,
    encoder_ffn_dim=48,
    num_encoder_attention_heads=4,
    decoder_ffn_dim=48,
    num_decoder_layers=2,
    num_decoder_attention_heads=4,
    ngram=2,
    max_position_embeddings=64,
)


def one_at_a_time():
    """A llama that refuses several tokens behind a cache in its own words."""
    model = tiny_model("llama")

    def refuse(_, __, kwargs):
        cache = kwargs.get(cache_name(model))
        if cache is not None and cache.get_seq_length() and kwargs["input_ids"].shape[1] > 1:
            raise ValueError("one at a time")

    model.register_forward_pre_hook(refuse, with_kwargs=True)
    return model


def refused(target, draft) -> str:
    with pytest.raises(InvalidArgument, match="cannot be fed several tokens behind a cache") as caught:
        SpeculativeDecoder(target, draft, 3).generate(IDS, 12, 0.0, ignore_eos=True)
    return str(caught.value)


@pytest.mark.parametrize("make", [lambda: model_of(PROPHETNET), one_at_a_time], ids=["prophetnet", "llama"])
def test_a_model_of_single_steps_is_refused_as_a_target_and_runs_alone(make):
    said = refused(ModelWrapper(make()), ModelWrapper(tiny_model("llama")))
    assert said.startswith(type(make()).__name__) and "\n" not in said
    alone = AutoregressiveDecoder(ModelWrapper(make())).generate(IDS, 4, 0.0, ignore_eos=True)
    assert len(alone.generated_ids) == 4


def test_a_draft_of_single_steps_is_refused_where_all_of_it_is_accepted():
    """Then, and only then, it has to read its last token and the bonus at once."""
    said = refused(ModelWrapper(tiny_model("llama")), ModelWrapper(one_at_a_time()))
    assert "one at a time" in said
