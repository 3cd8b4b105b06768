"""Packed weights: a row's product is the same whatever is fed beside it, and copies follow the weights."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import pytest
import torch
from models.architectures import random_ids, tiny_model
from torch import nn

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.fast import forms, packed, products
from specdec_lib.models.fast.forms import products_in
from specdec_lib.models.fast.narrow import EVERYWHERE, FORMS
from specdec_lib.models.fast.packed import FEWEST, can_pack, packed_product, packed_weight
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils import machine

pytestmark = pytest.mark.skipif(not can_pack(torch.float32), reason="this build of torch has no oneDNN")


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("outputs", "inputs"), [(48, 32), (640, 256), (192, 1536)])
@torch.inference_mode()
def test_a_row_is_the_same_to_the_last_digit_whatever_is_fed_beside_it(outputs, inputs, dtype):
    if not can_pack(dtype):
        pytest.skip("no kernel for this type on this processor")
    weight, rows = packed_weight(numbers(outputs, inputs).to(dtype)), numbers(FEWEST + 5, inputs).to(dtype)
    together = packed_product(rows, weight)
    for n in range(1, len(rows)):
        assert torch.equal(packed_product(rows[:n], weight), together[:n])
        assert torch.equal(packed_product(rows[-n:], weight), together[-n:])


def fed(wrapper: ModelWrapper) -> torch.Tensor:
    with products_in("packed"):
        return wrapper.forward(random_ids(4), use_cache=False)[0]


@pytest.mark.parametrize(
    "how", ["replaced", "in place", "loaded", "another storage", "through data", "as adapters merge"]
)
def test_weights_that_the_user_changes_are_packed_anew(how):
    model = tiny_model("llama")
    wrapper, head = ModelWrapper(model), model.lm_head
    before, twin = fed(wrapper), wrapper._products.model
    doubled = 2 * head.weight.detach()
    if how == "replaced":
        head.weight = nn.Parameter(doubled)
    elif how == "in place":
        with torch.no_grad():
            head.weight.mul_(2)
    elif how == "loaded":
        head.load_state_dict({"weight": doubled})
    elif how == "another storage":
        head.weight.data = doubled
    elif how == "through data":
        head.weight.data.mul_(2)
    else:
        head.weight.data += head.weight.detach().clone()
    torch.testing.assert_close(fed(wrapper), 2 * before)
    assert wrapper._products._twin is not twin


@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.AdamW])
@pytest.mark.parametrize("fused", [False, True])
def test_a_step_of_training_between_two_texts_is_seen(optimiser, fused):
    model = tiny_model("llama")
    wrapper, ids = ModelWrapper(model), random_ids(4)
    before = fed(wrapper)
    step = optimiser(model.parameters(), lr=0.1, fused=fused)
    model(ids, labels=ids).loss.backward()
    step.step()
    after = fed(wrapper)
    assert not torch.allclose(after, before, atol=0.1)
    torch.testing.assert_close(after, model(ids).logits.detach(), atol=1e-3, rtol=1e-3)


def test_one_row_or_one_column_written_through_data_is_seen():
    wrapper, other = ModelWrapper(tiny_model("llama")), 0
    for place in ((5, slice(None)), (slice(None), 7)):
        before = fed(wrapper)
        wrapper.model.lm_head.weight.data[place] = 3.0
        other += not torch.allclose(fed(wrapper), before)
    assert other == 2


def test_only_what_changed_is_packed_anew(monkeypatch):
    wrapper, asked = ModelWrapper(tiny_model("llama")), []
    fed(wrapper)
    monkeypatch.setattr(
        packed, "packed_weight", lambda weight: (asked.append(weight), packed_weight(weight))[1]
    )
    with torch.no_grad():
        wrapper.model.lm_head.weight.mul_(2)
    fed(wrapper)
    assert len(asked) == 1 and asked[0] is wrapper.model.lm_head.weight


@pytest.mark.parametrize(("limit", "fits"), [(None, True), (1e6, True), (0.001, False)])
def test_the_memory_of_a_control_group_is_all_there_is(limit, fits, monkeypatch):
    memory = SimpleNamespace(available=10**15, total=10**15)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    monkeypatch.setattr(machine, "memory_gb", lambda: limit)
    assert packed.fits_twice([nn.Linear(32, 48)]) is fits


def test_copies_that_are_there_do_not_count_against_the_room_for_them(monkeypatch):
    layer = nn.Linear(32, 48)
    copied = layer.weight.numel() * layer.weight.element_size()
    monkeypatch.setattr(packed, "free_bytes", lambda: (3 * copied, 10**15))
    assert packed.fits_twice([layer], copied) and not packed.fits_twice([layer])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_inside_autocast_a_model_computes_what_it_does_without_packed_weights(dtype):
    model = tiny_model("llama").to(dtype)
    wrapper = ModelWrapper(model)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        packed_logits = fed(wrapper)
        with products_in("plain"):
            plain, _ = wrapper.forward(random_ids(4), use_cache=False)
    assert packed_logits.dtype == plain.dtype and torch.equal(packed_logits, plain)


def test_weights_that_stay_are_packed_once():
    wrapper = ModelWrapper(tiny_model("llama"))
    fed(wrapper)
    twin = wrapper._products._twin
    fed(wrapper)
    assert twin is not None and wrapper._products._twin is twin


@pytest.mark.parametrize("how", [copy.deepcopy, lambda wrapper: pickle.loads(pickle.dumps(wrapper))])
def test_a_wrapper_that_has_run_can_be_copied(how):
    wrapper = ModelWrapper(tiny_model("llama"))
    before, other = fed(wrapper), how(wrapper)
    torch.testing.assert_close(fed(other), before)
    with torch.no_grad():
        other.model.lm_head.weight.mul_(2)
    torch.testing.assert_close(fed(other), 2 * before)
    torch.testing.assert_close(fed(wrapper), before)


def test_where_a_gradient_is_wanted_the_product_has_one():
    layer = nn.Sequential(nn.Linear(32, 48))
    twin = products.with_narrow_products(layer, EVERYWHERE["packed"])
    twin(numbers(5, 32)).sum().backward()
    assert layer[0].weight.grad is not None and layer[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("free", [1, 10**15])
def test_no_model_is_packed_that_has_no_room_for_a_copy(free, monkeypatch):
    monkeypatch.setattr(products, "fastest_forms", lambda *_: EVERYWHERE["packed"])
    monkeypatch.setattr(packed, "free_bytes", lambda: (free, 10**15))
    monkeypatch.delenv(forms.VARIABLE, raising=False)
    assert ModelWrapper(tiny_model("llama")).products == ("packed" if free > 1 else "plain")


def test_layers_whose_changes_would_go_unnoticed_are_not_packed():
    with torch.inference_mode():
        uncounted = nn.Linear(32, 48)
    hooked = nn.Linear(32, 48)
    hooked.register_forward_pre_hook(lambda *_: None)
    with products_in("packed"):
        for layer in (uncounted, hooked):
            assert products.chosen_forms([layer]) == {}
        assert products.chosen_forms([nn.Linear(32, 48)])


def test_decoding_is_the_same_in_every_form():
    target, draft = (ModelWrapper(tiny_model("llama", seed=seed)) for seed in (0, 1))
    texts = []
    for form in FORMS:
        with products_in(form):
            for decoder in (AutoregressiveDecoder(target), SpeculativeDecoder(target, draft, k=4)):
                texts.append(decoder.generate([1, 2, 3], 24, 0.0, ignore_eos=True).generated_ids)
    assert len(texts) == 2 * len(FORMS) and all(text == texts[0] for text in texts)


def test_a_build_of_torch_without_the_kernel_goes_on_and_says_so_when_asked(monkeypatch):
    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(packed, "packed_weight", refuse)
    can_pack.cache_clear()
    try:
        assert not can_pack(torch.float32)
        with (
            pytest.raises(InvalidArgument, match="products_in: this build of torch cannot"),
            products_in("packed"),
        ):
            pass
        weights = [torch.ones(512, 512)]
        assert "packed" not in forms._best_of_turns(weights, [torch.ones(1, 512)])
    finally:
        monkeypatch.undo()
        can_pack.cache_clear()
