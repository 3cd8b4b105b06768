"""Models that come wrapped in something: they work, or a line says what to pass instead."""

from __future__ import annotations

import pytest
import torch
from models.architectures import random_ids, tiny_model
from torch import nn

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper

IDS = random_ids(6)


def ids_of(model) -> list[int]:
    return AutoregressiveDecoder(ModelWrapper(model)).generate(IDS, 12, 0.0, ignore_eos=True).generated_ids


@pytest.fixture(scope="module")
def expected() -> list[int]:
    return ids_of(tiny_model("llama"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler's own
@pytest.mark.parametrize(
    ("wrap", "told"),
    [
        (torch.compile, r"wrapped in OptimizedModule; pass OptimizedModule\._orig_mod, with compile=True"),
        (nn.DataParallel, r"wrapped in DataParallel; pass DataParallel\.module"),
        (lambda model: model.model.layers[0], "LlamaDecoderLayer has no configuration of Transformers"),
        (lambda model: nn.Sequential(model), "Sequential has no configuration of Transformers"),
    ],
    ids=["torch.compile", "DataParallel", "a part", "Sequential"],
)
def test_what_hides_the_model_is_named(wrap, told):
    with pytest.raises(InvalidArgument, match=f"^wrap: .*{told}"):
        ModelWrapper(wrap(tiny_model("llama")))


class Adapted(nn.Module):
    """As adapters do: everything is handed on, and the forward's signature says nothing."""

    def __init__(self, base_model: nn.Module) -> None:
        super().__init__()
        self.base_model = base_model

    def forward(self, *args, **kwargs):
        return self.base_model(*args, **kwargs)

    def __getattr__(self, name: str):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("base_model"), name)


class Bare(nn.Module):
    """Has the configuration of the model that it holds, and hands nothing on but the forward."""

    def __init__(self, model: nn.Module | None, config) -> None:
        super().__init__()
        self.inner, self.config = model, config

    def forward(self, *args, **kwargs):
        return self.inner(*args, **kwargs)


def test_a_wrapper_without_the_models_attributes_names_the_model_it_holds():
    model = tiny_model("llama")
    with pytest.raises(InvalidArgument, match=r"^wrap: Bare has no get_output_embedd.*; pass Bare\.inner,"):
        ModelWrapper(Bare(model, model.config))
    with pytest.raises(InvalidArgument, match=r"^wrap: Bare .*; pass the causal language model itself"):
        ModelWrapper(Bare(None, model.config))


def test_a_model_without_any_weights_is_refused():
    class Table(Bare):
        def get_output_embeddings(self):
            return None

    with pytest.raises(InvalidArgument, match=r"^wrap: Table holds no weights"):
        ModelWrapper(Table(None, tiny_model("llama").config))


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("given", "told"),
    [("pocket", "the model is 'pocket'"), (None, "of type NoneType"), (type, "of type type")],
)
def test_what_is_no_module_is_refused_in_one_line(given, told):
    with pytest.raises(InvalidArgument, match=f"^wrap: .*{told}; pass what load_model gives"):
        ModelWrapper(given)


def test_a_forward_that_hands_everything_on_works(expected):
    model = tiny_model("llama")
    target = ModelWrapper(Adapted(model))
    assert ids_of(Adapted(model)) == expected
    ours = SpeculativeDecoder(target, ModelWrapper(tiny_model("gpt2")), 3).generate(
        IDS, 12, 0.0, ignore_eos=True
    )
    assert ours.generated_ids == expected
    assert target.forward(IDS, logits_to_keep=2)[0].shape[1] == 2


def test_a_recurrent_model_that_is_adapted_is_refused_all_the_same():
    from transformers import MambaConfig

    config = MambaConfig(vocab_size=97, hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(TypeError, match="cannot be rolled back"):
        ids_of(Adapted(tiny_model(config)))


def test_hooks_and_compile_in_place_work(expected):
    model, seen = tiny_model("llama"), []
    model.register_forward_hook(lambda *_: seen.append(1))
    assert ids_of(model) == expected and seen


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("where", ["cpu", "disk"])
def test_offloaded_weights_work(where, expected, tmp_path):
    accelerate = pytest.importorskip("accelerate")
    model = tiny_model("llama")
    if where == "cpu":
        accelerate.cpu_offload(model, execution_device="cpu")
    else:
        accelerate.disk_offload(model, str(tmp_path), execution_device="cpu")
    wrapper = ModelWrapper(model)
    assert {p.device.type for p in model.parameters()} == {"meta"} and wrapper.device.type == "cpu"
    assert wrapper.weights_hash == ""
    assert ids_of(model) == expected


def test_a_model_without_weights_is_refused_in_one_line():
    with pytest.raises(InvalidArgument, match="on the device 'meta', which holds no weights"):
        ids_of(tiny_model("llama").to("meta"))
