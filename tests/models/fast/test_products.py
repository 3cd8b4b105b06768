"""Products of a few rows: the same numbers, the same weights, only where it helps."""

from __future__ import annotations

import pytest
import torch
from models.architectures import CONFIGS, random_ids, tiny_model
from torch import nn

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.fast import forms as chosen
from specdec_lib.models.fast import narrow, packed, products
from specdec_lib.models.fast.forms import products_in
from specdec_lib.models.fast.narrow import EVERYWHERE, FORMS, PLAIN, WIDEST, NarrowLinear, RowForms
from specdec_lib.models.fast.products import with_narrow_products
from specdec_lib.models.wrapper import ModelWrapper

TURNED = EVERYWHERE["transposed"]


def turned_at(*rows: int) -> RowForms:
    """Products of so many rows are transposed, others plain."""
    return RowForms(tuple("transposed" if n in rows else "plain" for n in range(1, WIDEST + 1)))


@pytest.mark.parametrize("form", ["transposed", "packed"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("rows", [1, 2, WIDEST, WIDEST + 1, 40])
@torch.inference_mode()
def test_the_product_is_that_of_a_linear_layer(rows, bias, form):
    torch.manual_seed(0)
    with torch.inference_mode(False):
        layer = nn.Sequential(nn.Linear(32, 48, bias=bias))
    twin = with_narrow_products(layer, EVERYWHERE[form])
    assert type(twin[0]) is NarrowLinear and type(layer[0]) is nn.Linear
    for shape in ((rows, 32), (1, rows, 32)):
        x = torch.randn(shape)
        torch.testing.assert_close(twin(x), layer(x), atol=1e-5, rtol=1e-5)
        assert twin(x).shape == layer(x).shape


@pytest.mark.parametrize("form", ["transposed", "packed"])
@pytest.mark.parametrize("name", list(CONFIGS))
def test_a_model_says_the_same_on_shared_weights(name, form):
    model = tiny_model(name)
    twin = with_narrow_products(model, EVERYWHERE[form])
    assert {id(p) for p in twin.parameters()} == {id(p) for p in model.parameters()}
    assert twin.lm_head.weight is twin.get_input_embeddings().weight or not model.config.tie_word_embeddings
    with torch.inference_mode():
        ids = random_ids(5)
        torch.testing.assert_close(twin(ids).logits, model(ids).logits, atol=1e-4, rtol=1e-4)


def test_other_types_and_other_layers_stay_as_they_are():
    double = nn.Linear(8, 8).double()
    assert with_narrow_products(double, TURNED) is double

    class Special(nn.Linear):
        pass

    special = Special(8, 8)
    assert with_narrow_products(special, TURNED) is special


def test_hooks_and_new_weights_of_the_user_reach_the_twin():
    model = tiny_model("llama")
    twin, ids, seen = with_narrow_products(model, TURNED), random_ids(4), []
    model.lm_head.register_forward_hook(lambda *_: seen.append("head"))
    model.model.layers[1].register_forward_hook(lambda *_: seen.append("layer"))
    before = twin(ids).logits
    model.lm_head.weight = nn.Parameter(2 * model.lm_head.weight.detach())
    torch.testing.assert_close(twin(ids).logits, 2 * before)
    assert seen == ["layer", "head"] * 2


def test_the_model_of_the_user_is_not_touched():
    model = tiny_model("llama")
    wrapper = ModelWrapper(model)
    wrapper.forward(random_ids(4))
    assert wrapper.model is model
    assert {type(m) for m in model.modules() if isinstance(m, nn.Linear)} == {nn.Linear}


@pytest.fixture
def clock(monkeypatch):
    """Set to what a product takes, of the plain one's time, by its form and rows and by its matrix."""
    took = {"plain": lambda rows, tall: 1.0}

    def seconds(layers, rows) -> float:
        form, tall = layers[0].forms.of(2), layers[0].out_features >= layers[0].in_features
        return took.get(form, lambda *_: 2.0)(len(rows), tall)

    monkeypatch.setattr(chosen, "_seconds", seconds)
    monkeypatch.setattr(chosen, "_AMONG_OTHERS", 0.0)
    chosen._fastest_forms.cache_clear()
    yield took
    chosen._fastest_forms.cache_clear()


def test_products_are_transposed_where_that_was_timed_to_win(clock):
    clock["transposed"] = lambda rows, tall: {1: 0.1, 2: 0.7, 3: 0.95}.get(rows, 0.5 if tall else 1.0)
    tall, wide = chosen.fastest_forms(160, 128), chosen.fastest_forms(128, 160)
    assert (tall, wide) == (turned_at(2, 4, 5, 6, 7, 8, 9), turned_at(2))  # one between goes with the next
    model = nn.ModuleDict(
        {"tall": nn.Linear(128, 160), "wide": nn.Linear(160, 128), "small": nn.Linear(8, 8)}
    )
    twin = with_narrow_products(model)
    assert (twin["tall"].forms, twin["wide"].forms) == (tall, wide) and type(twin["small"]) is nn.Linear


@pytest.mark.skipif(not packed.can_pack(torch.float32), reason="this build of torch has no oneDNN")
def test_products_are_packed_where_that_was_timed_to_win(clock):
    clock["packed"] = lambda rows, tall: 0.5 if rows > 1 else 0.95
    found = chosen.fastest_forms(160, 128)
    assert found == RowForms(("plain", *["packed"] * (WIDEST - 1))) and found.of(100) == "packed"


def test_a_model_stays_as_it_is_where_nothing_wins(clock):
    model = nn.Sequential(nn.Linear(160, 128))
    assert chosen.fastest_forms(128, 160) == PLAIN and with_narrow_products(model) is model


def test_a_layer_transposes_its_own_numbers_of_rows_alone(monkeypatch):
    asked, real = [], narrow.transposed_product
    monkeypatch.setattr(narrow, "transposed_product", lambda *x: (asked.append(len(x[0])), real(*x))[1])
    twin = with_narrow_products(nn.Sequential(nn.Linear(8, 16)), turned_at(2, 5, 9))
    for rows in range(1, WIDEST + 2):
        twin(torch.ones(rows, 8))
    assert asked == [2, 5, 9]


@pytest.fixture
def trials(monkeypatch):
    """Which thread counts the two forms were timed with; the transposed one wins with one thread alone."""
    timed = []

    def fastest(outputs: int, inputs: int, dtype: torch.dtype) -> RowForms:
        if torch.get_num_threads() not in timed:
            timed.append(torch.get_num_threads())
        return TURNED if timed[-1] == 1 else PLAIN

    monkeypatch.setattr(products, "fastest_forms", fastest)
    monkeypatch.delenv(chosen.VARIABLE, raising=False)
    threads = torch.get_num_threads()
    yield timed
    torch.set_num_threads(threads)


def test_nothing_is_timed_before_the_first_forward_and_then_once(trials):
    torch.set_num_threads(1)
    wrapper = ModelWrapper(tiny_model("llama"))
    assert trials == []
    for _ in range(3):
        wrapper.forward(random_ids(4))
    assert trials == [1] and wrapper.products == "transposed"


def test_it_is_decided_again_when_the_number_of_threads_changed(trials):
    torch.set_num_threads(1)
    wrapper = ModelWrapper(tiny_model("llama"))
    assert wrapper.products == "transposed"
    torch.set_num_threads(2)
    wrapper.forward(random_ids(4))
    assert wrapper.products == "plain" and trials == [1, 2]


def forms_run(monkeypatch, wrapper, form: str) -> set[str]:
    """Which products a forward of four tokens makes, asked for ``form``."""
    seen = set()
    for other in ("transposed", "packed"):
        real, name = getattr(narrow, f"{other}_product"), f"{other}_product"
        monkeypatch.setattr(narrow, name, lambda *x, o=other, real=real: (seen.add(o), real(*x))[1])
    with products_in(form):
        wrapper.forward(random_ids(4))
        assert wrapper.products == form
    return seen or {"plain"}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_asked_for_is_done_and_nothing_is_timed(form, trials, monkeypatch):
    wrapper = ModelWrapper(tiny_model("llama"))
    assert forms_run(monkeypatch, wrapper, form) == {form}
    monkeypatch.setenv(chosen.VARIABLE, form)
    assert ModelWrapper(tiny_model("llama")).products == form
    assert trials == []


def test_plain_products_are_the_model_s_own_to_the_last_digit(trials):
    model = tiny_model("llama")
    with products_in("plain"), torch.inference_mode():
        ours, _ = ModelWrapper(model).forward(random_ids(4), use_cache=False)
        assert torch.equal(ours, model(random_ids(4), use_cache=False).logits)


def test_other_forms_make_another_twin(monkeypatch):
    monkeypatch.delenv(chosen.VARIABLE, raising=False)
    monkeypatch.setattr(products, "fastest_forms", lambda *_: turned_at(torch.get_num_threads()))
    own, threads = ModelWrapper(tiny_model("llama"))._products, torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first, state = own.model, own.state
        with products_in("plain"):
            assert own.model is own.original and own.state != state
        assert own.model is first and own.state == state
        torch.set_num_threads(3)
        assert own.model is not first and own.state != state
        assert {m.forms for m in own.model.modules() if type(m) is NarrowLinear} == {turned_at(3)}
    finally:
        torch.set_num_threads(threads)


def test_a_model_that_gains_nothing_is_plain_whatever_is_asked_for(trials):
    with products_in("transposed"):
        assert ModelWrapper(tiny_model("llama").double()).products == "plain"
    assert trials == []


@pytest.mark.unchecked  # the annotation names the forms
def test_a_form_that_does_not_exist_is_refused(monkeypatch):
    with pytest.raises(InvalidArgument, match=r"products_in: unknown form 'fast'"), products_in("fast"):
        pass
    monkeypatch.setenv(chosen.VARIABLE, "fast")
    with pytest.raises(InvalidArgument, match=r"SPECDEC_PRODUCTS: unknown form 'fast' .*'plain'"):
        ModelWrapper(tiny_model("llama")).forward(random_ids(3))


def test_the_trial_is_made_once_a_process_shape_and_number_of_threads():
    found = chosen.fastest_forms(128, 160)
    before = chosen._fastest_forms.cache_info().misses
    assert chosen.fastest_forms(128, 160) is found
    assert chosen._fastest_forms.cache_info().misses == before
