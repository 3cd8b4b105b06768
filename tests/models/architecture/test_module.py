"""A forward names the cache that it extends in one of two ways, or takes none."""

from __future__ import annotations

import pytest
import torch
from models.architectures import (
    CONFIGS,
    ROUNDING,
    VOCAB,
    TakesCache,
    TakesPastKeyValues,
    llama_config,
    random_ids,
    tiny_model,
)
from transformers import XLMConfig

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.errors import UnsupportedCache
from specdec_lib.models.architecture.module import cache_name, forward_supports
from specdec_lib.models.wrapper import ModelWrapper


@pytest.mark.parametrize("kind", [TakesPastKeyValues, TakesCache])
def test_a_cache_is_handed_over_under_the_name_that_the_forward_gives_it(kind):
    wrapper, ids = ModelWrapper(kind(llama_config())), random_ids(9)
    _, cache = wrapper.forward(ids[:, :5])
    logits, cache = wrapper.forward(ids[:, 5:], wrapper.truncate_cache(cache, 5))
    assert wrapper.get_cache_length(cache) == 9
    expected, _ = wrapper.forward(ids, use_cache=False)
    torch.testing.assert_close(logits, expected[:, 5:], atol=ROUNDING, rtol=0)
    assert len(AutoregressiveDecoder(wrapper).generate([1, 2], 4, 0.0, ignore_eos=True).generated_ids) == 4


@pytest.mark.parametrize("name", CONFIGS)
def test_models_of_transformers_take_a_cache_under_the_name_that_is_found(name):
    model = tiny_model(name)
    assert forward_supports(model, cache_name(model))


def test_the_names_that_are_found():
    assert cache_name(TakesPastKeyValues(llama_config())) == "past_key_values"
    assert cache_name(TakesCache(llama_config())) == "cache"


def test_a_cache_that_is_a_dictionary_is_none_that_can_be_extended():
    """XLM wants the whole text again, whatever it holds."""
    model = tiny_model(XLMConfig(vocab_size=VOCAB, emb_dim=32, n_layers=1, n_heads=4, causal=True))
    assert forward_supports(model, "cache")
    with pytest.raises(UnsupportedCache, match="XLMWithLMHeadModel has no cache of keys and values"):
        ModelWrapper(model).forward(random_ids(4))
