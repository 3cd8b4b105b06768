"""After any truncation the cache is what a fresh forward of the kept tokens would have left."""

from __future__ import annotations

import pytest
import torch
from models.architectures import CONFIGS, ROUNDING, SLIDING, WINDOW, llama_config, random_ids, tiny_model
from transformers import Lfm2Config, LlamaForCausalLM, MambaConfig, OpenAIGPTConfig
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, StaticCache

from specdec_lib.errors import InvalidArgument, UnsupportedCache
from specdec_lib.models.architecture.layers import of_layers
from specdec_lib.models.architecture.module import cache_name
from specdec_lib.models.caches.rollback import first_layers
from specdec_lib.models.loader import load_model
from specdec_lib.models.wrapper import ModelWrapper

LENGTH = 3 * WINDOW  # well past the windows of the sliding models


@pytest.fixture(scope="module", params=list(CONFIGS))
def model(request) -> ModelWrapper:
    return ModelWrapper(tiny_model(request.param))


@pytest.fixture(scope="module")
def llama() -> ModelWrapper:
    return ModelWrapper(tiny_model("llama"))


def assert_continues_as_fresh(
    model: ModelWrapper, kept: torch.Tensor, cache: Cache | None, new: torch.Tensor
):
    """Feeding ``new`` after ``cache`` gives the logits of one forward over ``kept`` and ``new``."""
    expected, _ = model.forward(torch.cat([kept, new], dim=1), use_cache=False)
    logits, _ = model.forward(new, cache)
    torch.testing.assert_close(logits, expected[:, kept.shape[1] :], atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("width", [1, 5])
@pytest.mark.parametrize("keep", [0, 1, WINDOW - 1, WINDOW, WINDOW + 1, LENGTH - 1, LENGTH])
def test_a_continued_forward_equals_a_fresh_one(model, keep, width):
    ids = random_ids(LENGTH)
    _, cache = model.forward(ids)
    shortened = model.truncate_cache(cache, keep)
    assert model.get_cache_length(shortened) == keep
    assert_continues_as_fresh(model, ids[:, :keep], shortened, random_ids(width, seed=2))


def test_round_after_round_of_drafting_and_rolling_back(model):
    """The life of a cache in a speculative loop: five tokens in, zero to four of them out again."""
    text, cache = random_ids(2), None
    for step, rejected in enumerate([4, 0, 3, 1, 4, 2, 0]):
        drafted = random_ids(5, seed=10 + step)
        pending = torch.cat([text, drafted], dim=1)[:, model.get_cache_length(cache) :]
        _, cache = model.forward(pending, cache)
        text = torch.cat([text, drafted[:, : 5 - rejected]], dim=1)
        cache = model.truncate_cache(cache, text.shape[1])
    assert_continues_as_fresh(model, text, cache, random_ids(3, seed=3))


def test_the_given_cache_stays_as_it_was(model):
    ids, new, other = random_ids(LENGTH), random_ids(4, seed=2), random_ids(4, seed=3)
    _, cache = model.forward(ids)
    for keep in (0, 5, LENGTH):
        _, branch = model.forward(new, model.truncate_cache(cache, keep))
        assert model.get_cache_length(branch) == keep + 4
        assert model.get_cache_length(cache) == LENGTH
    assert_continues_as_fresh(model, ids, cache, other)


def test_extending_the_given_cache_leaves_the_truncated_one_as_it_was(model):
    ids, new = random_ids(LENGTH), random_ids(4, seed=2)
    _, cache = model.forward(ids)
    shortened = model.truncate_cache(cache, 7)
    model.forward(new, cache)
    assert model.get_cache_length(shortened) == 7
    assert_continues_as_fresh(model, ids[:, :7], shortened, new)


def test_truncation_copies_nothing(llama):
    _, cache = llama.forward(random_ids(LENGTH))
    for before, after in zip(cache.layers, llama.truncate_cache(cache, 5).layers, strict=True):
        assert after.keys.data_ptr() == before.keys.data_ptr()
        assert after.values.data_ptr() == before.values.data_ptr()


def test_removing_nothing_keeps_everything(llama):
    """``x[:, :-0]`` would be empty."""
    _, cache = llama.forward(random_ids(LENGTH))
    assert llama.get_cache_length(llama.truncate_cache(cache, LENGTH)) == LENGTH


def test_truncation_does_not_depend_on_what_crop_means(llama, monkeypatch):
    """Up to 5.17 a positive argument of ``crop`` was the length to keep; from 5.18 on it raises."""

    def crop(*_):
        raise AssertionError("crop was called")

    _, cache = llama.forward(random_ids(LENGTH))
    monkeypatch.setattr(Cache, "crop", crop)
    monkeypatch.setattr(DynamicLayer, "crop", crop)
    assert llama.get_cache_length(llama.truncate_cache(cache, 5)) == 5


@pytest.mark.parametrize("keep", [-1, LENGTH + 1])
def test_a_length_outside_the_cache_is_refused(llama, keep):
    _, cache = llama.forward(random_ids(LENGTH))
    with pytest.raises(InvalidArgument, match=rf"keep_length {keep} is outside \[0, {LENGTH}\]"):
        llama.truncate_cache(cache, keep)


def test_no_cache_has_length_zero_and_truncates_to_itself(llama):
    assert llama.get_cache_length(None) == 0
    assert llama.truncate_cache(None, 0) is None
    with pytest.raises(ValueError, match=r"outside \[0, 0\]"):
        llama.truncate_cache(None, 1)


@pytest.mark.parametrize("name", SLIDING)
def test_the_window_is_at_work_in_these_tests(name):
    """Without its window the same weights give other logits: keeping all keys has not switched it off."""
    ids = random_ids(LENGTH)
    logits, _ = ModelWrapper(tiny_model(name)).forward(ids)
    wide = tiny_model(name)
    wide.config.sliding_window = 10 * LENGTH
    unlimited = wide(ids).logits
    assert (logits[:, :WINDOW] - unlimited[:, :WINDOW]).abs().max() < 1e-5
    assert (logits[:, -1] - unlimited[:, -1]).abs().max() > 1e-2


@pytest.mark.parametrize("name", SLIDING)
def test_sliding_windows_agree_with_the_cache_that_transformers_would_make(name):
    model, ids = tiny_model(name), random_ids(LENGTH + 5)
    with torch.inference_mode():
        theirs = {cache_name(model): DynamicCache(config=model.config)}
        model(ids[:, :LENGTH], **theirs)
        expected = model(ids[:, LENGTH:], **theirs).logits
    wrapper = ModelWrapper(model)
    _, cache = wrapper.forward(ids[:, : LENGTH + 3])
    logits, _ = wrapper.forward(ids[:, LENGTH:], wrapper.truncate_cache(cache, LENGTH))
    torch.testing.assert_close(logits, expected, atol=ROUNDING, rtol=0)


def test_a_cache_that_forgets_what_left_its_window_is_refused_by_name():
    wrapper = ModelWrapper(tiny_model("mistral (sliding window)"))
    _, theirs = wrapper.forward(random_ids(LENGTH), DynamicCache(config=wrapper.model.config))
    with pytest.raises(UnsupportedCache, match="DynamicSlidingWindowLayer"):
        wrapper.truncate_cache(theirs, LENGTH - 1)


def test_a_static_cache_is_refused_by_name(llama):
    cache = StaticCache(config=llama.model.config, max_cache_len=32)
    llama.forward(random_ids(4), cache)
    assert llama.get_cache_length(cache) == 4
    with pytest.raises(UnsupportedCache, match=r"StaticCache with a StaticLayer"):
        llama.truncate_cache(cache, 3)


RECURRENT = {
    "MambaForCausalLM": MambaConfig(vocab_size=97, hidden_size=16, num_hidden_layers=1, state_size=4),
    "Lfm2ForCausalLM": Lfm2Config(
        vocab_size=97,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        layer_types=["conv", "full_attention"],
    ),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_a_state_that_cannot_be_rolled_back_is_refused_by_name(name):
    wrapper = ModelWrapper(tiny_model(RECURRENT[name]))
    with pytest.raises(UnsupportedCache, match=rf"{name} has .*cannot be rolled back"):
        wrapper.forward(random_ids(5))
    logits, cache = wrapper.forward(random_ids(5), use_cache=False)
    assert logits.shape == (1, 5, 97) and cache is None


def test_a_model_that_declares_itself_stateful_is_refused():
    class Forgetful(LlamaForCausalLM):
        _is_stateful = True

    with pytest.raises(UnsupportedCache, match="Forgetful has a recurrent state"):
        ModelWrapper(Forgetful(llama_config())).forward(random_ids(3))


def test_a_model_that_keeps_no_keys_and_values_is_refused_as_what_it_is():
    """The first GPT computes everything anew; it is attention all the same."""
    config = OpenAIGPTConfig(vocab_size=97, n_embd=32, n_layer=1, n_head=4, n_positions=64)
    with pytest.raises(UnsupportedCache, match="OpenAIGPTLMHeadModel has no cache of keys and values, which"):
        ModelWrapper(tiny_model(config)).forward(random_ids(3))


def test_an_empty_cache_of_the_user_is_as_good_as_none(llama):
    cache = DynamicCache(config=llama.model.config)
    logits, returned = llama.forward(random_ids(4), cache)
    assert returned is cache and llama.get_cache_length(cache) == 4
    torch.testing.assert_close(logits, llama.forward(random_ids(4))[0])


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-11), (torch.float32, 2e-6)])
@pytest.mark.parametrize("name", ["pocket-target", "pocket-draft"])
def test_the_embedded_models_roll_back(name, dtype, bound):
    """Their logits reach 20, where float32 itself leaves 2e-5 between two orders of summation (16 units in
    the last place); what the cache adds shows in float64."""
    model, tokenizer = load_model(name, "float32", "cpu")
    wrapper = ModelWrapper(model.to(dtype), tokenizer)
    ids = torch.tensor([wrapper.encode("def mean(values):\n    return sum(values) / len(values)\n")])
    _, cache = wrapper.forward(ids)
    for keep in (0, 1, ids.shape[1] // 2, ids.shape[1]):
        kept, new = ids[:, :keep], ids[:, :5]
        expected, _ = wrapper.forward(torch.cat([kept, new], dim=1), use_cache=False)
        logits, _ = wrapper.forward(new, wrapper.truncate_cache(cache, keep))
        apart = (logits - expected[:, keep:]).abs().max()
        assert apart <= bound * expected.abs().max()


# -- the first layers alone ------------------------------------------------------------------------


@pytest.mark.parametrize("compile", [False, True])
def test_the_first_layers_are_shared_and_whoever_held_more_keeps_it(compile, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    model = ModelWrapper(tiny_model("llama"), compile=compile)
    early = ModelWrapper(of_layers(model.model, [0]), compile=compile)
    ids = random_ids(12)
    _, cache = model.forward(ids[:, :8], model.new_cache(40))
    fewer = first_layers(cache, 1)
    assert model.get_cache_length(fewer) == 8
    drafted, fewer = early.forward(ids[:, 8:10], fewer)
    assert torch.allclose(drafted, early.forward(ids[:, :10])[0][:, 8:], atol=ROUNDING)
    assert (model.get_cache_length(fewer), model.get_cache_length(cache)) == (10, 8)
    if not compile:
        assert fewer.layers[0].keys.data_ptr() == cache.layers[0].keys.data_ptr()
    other = random_ids(3, seed=5)
    continued, _ = model.forward(other, cache)  # while the other still holds its two positions
    fresh = model.forward(torch.cat([ids[:, :8], other], 1))[0][:, 8:]
    assert torch.allclose(continued, fresh, atol=ROUNDING)
    again, _ = early.forward(ids[:, 10:], fewer)
    assert torch.allclose(again, early.forward(ids)[0][:, 10:], atol=ROUNDING)
