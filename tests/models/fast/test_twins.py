"""A model that the user changes behind its first forward: what its twin says is what the model says."""

from __future__ import annotations

import threading

import pytest
import torch
from models.architectures import random_ids, tiny_model
from torch import nn
from torch.nn.utils import parametrizations, prune, weight_norm

from specdec_lib.models.fast.forms import products_in
from specdec_lib.models.fast.narrow import PLAIN
from specdec_lib.models.fast.packed import Copies, can_pack
from specdec_lib.models.fast.twins import Twin, gaining, gains
from specdec_lib.models.wrapper import ModelWrapper

FORMS = [
    "transposed",
    pytest.param("packed", marks=pytest.mark.skipif(not can_pack(torch.float32), reason="no kernel")),
]


class Adapted(nn.Module):
    """A layer with a sum of two narrow ones beside it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.down, self.up = (
            nn.Linear(base.in_features, 4, bias=False),
            nn.Linear(4, base.out_features, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.up(self.down(x))


def adapt(model: nn.Module) -> None:
    attention = model.model.layers[0].self_attn
    attention.q_proj = Adapted(attention.q_proj)


def replace_the_head(model: nn.Module) -> None:
    model.lm_head = nn.Linear(model.lm_head.in_features, model.lm_head.out_features, bias=False)


def replace_an_activation(model: nn.Module) -> None:
    model.model.layers[0].mlp.act_fn = nn.ReLU()


def set_an_attribute(model: nn.Module) -> None:
    model.model.layers[0].self_attn.scaling = 0.01


def wrap_the_forward(model: nn.Module) -> None:
    own = model.lm_head.forward
    model.lm_head.forward = lambda x: 2 * own(x)


def parametrize(model: nn.Module) -> None:
    parametrizations.weight_norm(model.lm_head)
    with torch.no_grad():
        model.lm_head.parametrizations.weight.original0.mul_(2)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def norm_by_a_hook(model: nn.Module) -> None:
    weight_norm(model.lm_head)
    with torch.no_grad():
        model.lm_head.weight_g.mul_(2)


def cut_half(model: nn.Module) -> None:
    prune.l1_unstructured(model.lm_head, "weight", 0.5)


def write_weights_in_a_hook(model: nn.Module) -> None:
    def write(layer: nn.Linear, _: object) -> None:
        with torch.no_grad():
            layer.weight.fill_(0.5)

    model.lm_head.register_forward_pre_hook(write)


CHANGES = [
    adapt,
    replace_the_head,
    replace_an_activation,
    set_an_attribute,
    wrap_the_forward,
    parametrize,
    norm_by_a_hook,
    cut_half,
    write_weights_in_a_hook,
    nn.Module.double,
    nn.Module.bfloat16,
]


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_the_user_changes_is_said_by_the_next_text(change, form):
    model, ids = tiny_model("llama"), random_ids(4)
    wrapper = ModelWrapper(model)
    with products_in(form):
        before, _ = wrapper.forward(ids, use_cache=False)
        change(model)
        after, _ = wrapper.forward(ids, use_cache=False)
        again, _ = wrapper.forward(ids, use_cache=False)
    with torch.inference_mode():
        expected = model(ids, use_cache=False).logits
    assert after.dtype == expected.dtype and torch.equal(after, again)
    apart = 0.05 * float(expected.abs().max()) if expected.dtype == torch.bfloat16 else 1e-3
    torch.testing.assert_close(after, expected, atol=apart, rtol=1e-3)
    assert not torch.equal(after.double(), before.double())


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_a_batch_are_run_by_the_model_as_it_is(form):
    model, ids = tiny_model("llama"), random_ids(4)
    wrapper = ModelWrapper(model)
    with products_in(form):
        wrapper.forward(ids)
        replace_the_head(model)
        rows = wrapper.new_batch(1)
        assert rows is not None
        (logits,) = rows.forward([ids[0]], [4])
    with torch.inference_mode():
        torch.testing.assert_close(logits, model(ids).logits[0], atol=1e-3, rtol=1e-3)


def test_a_model_that_stays_keeps_its_twin():
    wrapper, ids = ModelWrapper(tiny_model("llama")), random_ids(4)
    with products_in("transposed"):
        wrapper.forward(ids)
        twin = wrapper._products.model
        wrapper.model(ids)  # by itself
        wrapper.forward(ids)
        assert wrapper._products.model is twin


def test_what_changed_while_products_were_plain_is_not_forgotten():
    model, ids = tiny_model("llama"), random_ids(4)
    wrapper = ModelWrapper(model)
    with products_in("transposed"):
        wrapper.forward(ids)
    with products_in("plain"):
        replace_the_head(model)
        expected, _ = wrapper.forward(ids, use_cache=False)
    with products_in("transposed"):
        found, _ = wrapper.forward(ids, use_cache=False)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


class Compressed(torch.Tensor):
    """Integers and their scale, which call themselves float32; linear layers can multiply with them."""

    @staticmethod
    def __new__(cls, integers: torch.Tensor, scale: torch.Tensor):
        return torch.Tensor._make_wrapper_subclass(cls, integers.shape, dtype=torch.float32)

    def __init__(self, integers: torch.Tensor, scale: torch.Tensor) -> None:
        self.integers, self.scale = integers, scale

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is nn.functional.linear:
            return nn.functional.linear(args[0], args[1].integers * args[1].scale)
        return super().__torch_function__(function, types, args, kwargs or {})

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.detach.default:
            return cls(args[0].integers, args[0].scale)
        raise NotImplementedError(str(function))


@pytest.mark.parametrize("form", FORMS)
def test_a_layer_of_compressed_weights_stays_as_it_is(form):
    model, ids = tiny_model("llama"), random_ids(4)
    weight = model.lm_head.weight.detach()
    scale = weight.abs().amax() / 127
    compressed = Compressed((weight / scale).round().to(torch.int8), scale)
    model.lm_head.weight = nn.Parameter(compressed, requires_grad=False)
    assert not gains(model.lm_head) and len(gaining(model)) == 14
    with products_in(form), torch.inference_mode():
        found, _ = ModelWrapper(model).forward(ids, use_cache=False)
        torch.testing.assert_close(found, model(ids).logits, atol=1e-3, rtol=1e-3)


def test_threads_that_share_a_model_all_see_what_changed():
    model, ids, wrong = tiny_model("llama"), random_ids(4), []
    wrapper = ModelWrapper(model)

    def run(form: str) -> None:
        with products_in(form):
            found, _ = wrapper.forward(ids, use_cache=False)
        if not torch.allclose(found, expected, atol=1e-3):
            wrong.append(form)

    for _ in range(8):
        replace_the_head(model)
        with torch.inference_mode():
            expected = model(ids).logits
        threads = [threading.Thread(target=run, args=(form,)) for form in ("transposed", "plain") * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_twin_of_plain_layers_is_of_the_same_classes():
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
    twin = Twin(model, lambda _: PLAIN, Copies())
    assert [type(module) for module in twin.module.children()] == [nn.Linear, nn.ReLU] and twin.is_current
    model.append(nn.Linear(8, 8))
    assert not twin.is_current
