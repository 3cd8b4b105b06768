"""The preallocated cache: in place where nobody minds, a copy where somebody would, never ``torch.cat``."""

from __future__ import annotations

import gc

import pytest
import torch
from models.architectures import CONFIGS, CONTEXT, llama_config, random_ids, tiny_model
from transformers.cache_utils import DynamicCache

from specdec_lib.models.architecture.module import cache_name
from specdec_lib.models.caches import rollback
from specdec_lib.models.caches.preallocated import PreallocatedCache, PreallocatedLayer
from specdec_lib.models.caches.rollback import MOST_RESERVED
from specdec_lib.models.wrapper import ModelWrapper


@pytest.fixture(scope="module")
def llama() -> ModelWrapper:
    return ModelWrapper(tiny_model("llama"))


def states(width: int, seed: int = 0, heads: int = 2, dim: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(1, heads, width, dim, generator=generator) for _ in range(2))
    return keys, values


def filled(length: int, **options) -> PreallocatedLayer:
    layer = PreallocatedLayer(**options)
    layer.update(*states(length))
    return layer


def address(layer: PreallocatedLayer) -> int:
    return layer.keys.data_ptr()


def test_what_was_written_is_what_is_there():
    layer, parts = PreallocatedLayer(), [states(width, seed=width) for width in (3, 1, 70, 1)]
    for keys, values in parts:
        shown = layer.update(keys, values)
    for mine, all_of_them in zip(shown, zip(*parts, strict=True), strict=True):
        assert torch.equal(mine, torch.cat(all_of_them, dim=-2))
    assert layer.get_seq_length() == 75 and layer.keys.shape == (1, 2, 75, 4)


def test_a_step_does_not_move_what_is_held():
    layer = filled(5)
    before = address(layer)
    for step in range(50):
        layer.update(*states(1, seed=step))
    assert address(layer) == before


def test_growth_is_geometric():
    layer, moves = filled(1), 0
    for _ in range(5_000):
        before = layer.capacity
        layer.update(*states(1))
        moves += layer.capacity != before
        assert layer.capacity <= max(64, 2 * layer.length + 64)
    assert moves <= 8


def test_room_that_was_reserved_is_enough():
    layer = filled(10, reserve=300)
    before, room = address(layer), layer.capacity
    layer.update(*states(290))
    assert address(layer) == before and layer.capacity == room == 300


def test_growing_ahead_stops_at_the_context_and_what_is_written_always_fits():
    layer = filled(100, most=128)
    layer.update(*states(20))
    assert layer.capacity == 128
    layer.update(*states(30))
    assert layer.length == 150 and layer.capacity == 192


def test_no_concatenation_in_a_forward(llama, monkeypatch):
    """``DynamicCache`` copies all it holds at each step; here nothing of the cache's size is ever copied."""
    ids = random_ids(40)
    _, cache = llama.forward(ids, llama.new_cache(CONTEXT))
    concatenated = []
    cat = torch.cat
    monkeypatch.setattr(
        torch, "cat", lambda tensors, *a, **k: concatenated.append(tensors) or cat(tensors, *a, **k)
    )
    llama.forward(random_ids(1, seed=2), cache)
    assert all(tensor.shape[-2] < 40 for tensors in concatenated for tensor in tensors)


def test_a_roll_back_that_lets_go_writes_in_place():
    layer = filled(10)
    before = address(layer)
    for step in range(5):
        layer = layer.truncated(8)
        layer.update(*states(2, seed=step))
    assert address(layer) == before


@pytest.mark.parametrize("writer", ["elder", "shorter", "longer"])
def test_three_that_share_a_buffer_do_not_disturb_each_other(writer):
    elder = filled(10)
    held = {"elder": elder, "shorter": elder.truncated(4), "longer": elder.truncated(7)}
    before = {name: layer.keys.clone() for name, layer in held.items()}
    keys, values = states(9, seed=5)
    held[writer].update(keys, values)
    held[writer].update(*states(9, seed=6))
    for name, layer in held.items():
        kept = before[name].shape[-2]
        assert torch.equal(layer.keys[..., :kept, :], before[name])
        assert layer.length == kept + (18 if name == writer else 0)
    assert torch.equal(held[writer].keys[..., before[writer].shape[-2] :, :][..., :9, :], keys)


def test_two_of_the_same_length_may_both_go_on():
    first = filled(6)
    second = first.truncated(6)
    ours, theirs = states(3, seed=1), states(3, seed=2)
    second.update(*theirs)
    first.update(*ours)
    second.update(*states(1, seed=3))
    assert torch.equal(first.keys[..., 6:, :], ours[0])
    assert torch.equal(second.keys[..., 6:9, :], theirs[0])


def test_a_view_that_is_gone_is_not_protected():
    elder = filled(10)
    shorter, before = elder.truncated(4), address(elder)
    del elder
    gc.collect()
    shorter.update(*states(3))
    assert address(shorter) == before


@pytest.mark.parametrize(("argument", "left"), [(-3, 7), (0, 10), (4, 4), (-20, 0), (20, 10)])
def test_crop_reads_its_argument_as_either_version_does(argument, left):
    layer = filled(10)
    layer.crop(argument)
    assert layer.get_seq_length() == left == layer.keys.shape[-2]


def test_crop_protects_a_shorter_view_that_was_there_before():
    layer = filled(10)
    shorter = layer.truncated(8)
    kept = shorter.keys.clone()
    layer.crop(-5)
    layer.update(*states(5, seed=9))
    assert torch.equal(shorter.keys, kept) and layer.length == 10


def test_reset_frees_the_buffer():
    layer = filled(10)
    layer.reset()
    assert layer.get_seq_length() == 0 and layer.num_bytes == 0
    layer.update(*states(2))
    assert layer.length == 2


def test_a_batch_is_reordered_repeated_and_selected():
    keys, values = (torch.randn(2, 2, 5, 4) for _ in range(2))
    layer = PreallocatedLayer()
    layer.update(keys, values)
    layer.reorder_cache(torch.tensor([1, 0]))
    assert torch.equal(layer.keys, keys[[1, 0]])
    layer.batch_repeat_interleave(2)
    assert layer.keys.shape[0] == 4
    layer.batch_select_indices(torch.tensor([0, 2]))
    assert torch.equal(layer.values, values[[1, 0]])


def test_memory_is_reported_and_bounded(llama):
    cache = llama.new_cache(CONTEXT)
    assert cache.memory_mb == 0 and cache.capacity == 0
    llama.forward(random_ids(CONTEXT), cache)
    per_position = 2 * llama.config.num_hidden_layers * 2 * 8 * 4  # keys and values, heads, dim, bytes
    assert cache.capacity == CONTEXT and cache.memory_mb * 2**20 == CONTEXT * per_position


@pytest.mark.parametrize("name", list(CONFIGS))
def test_any_model_generates_the_same_on_it(name):
    """Transformers' own ``generate`` with this cache, against the cache it makes itself."""
    model, ids = tiny_model(name).eval(), random_ids(5)
    options = {"max_new_tokens": 20, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    expected = model.generate(ids, **options)
    layers = len(DynamicCache(config=model.config).layers)
    ours = {cache_name(model): PreallocatedCache(layers)}
    assert torch.equal(model.generate(ids, **ours, **options), expected)


def test_it_is_written_to_in_and_out_of_inference_mode():
    model, cache = tiny_model(llama_config()), PreallocatedCache(2)
    with torch.inference_mode():
        model(random_ids(4), **{cache_name(model): cache})
    with torch.no_grad():
        model(random_ids(2), **{cache_name(model): cache})
    assert cache.get_seq_length() == 6


# -- how much is asked for ------------------------------------------------------------------------


def test_a_request_of_ordinary_length_is_allocated_once():
    model = ModelWrapper(tiny_model("llama"))
    cache = model.new_cache(60)
    capacities = set()
    for _ in range(60):
        _, cache = model.forward(random_ids(1), cache)
        capacities.add(cache.capacity)
    assert capacities == {60}


def test_memory_follows_the_text_and_not_what_was_asked_for():
    """Five million tokens, or 10**11, and an end of text after three: nobody reserves them."""
    model = ModelWrapper(tiny_model(llama_config(max_position_embeddings=10**12)))
    for asked in (5_000_000, 10**11):
        _, cache = model.forward(random_ids(3), model.new_cache(asked))
        assert cache.capacity == MOST_RESERVED


def test_a_cache_that_was_not_given_all_it_was_asked_for_grows_by_doubling(monkeypatch):
    monkeypatch.setattr(rollback, "MOST_RESERVED", 64)
    model = ModelWrapper(tiny_model(llama_config(max_position_embeddings=4096)))
    cache, capacities = model.new_cache(1_000_000), []
    for length in range(1, 600):
        _, cache = model.forward(random_ids(1), cache)
        if cache.capacity not in capacities:
            capacities.append(cache.capacity)
        assert cache.capacity <= max(64, 2 * length)
    assert capacities == [64, 128, 256, 512, 1024]
