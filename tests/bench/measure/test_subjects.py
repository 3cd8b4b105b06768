"""Who a model or a drafter is: weights and source count, names of folders do not."""

from __future__ import annotations

import pytest
import tiny_models

from specdec_lib.bench.measure.subjects import describe
from specdec_lib.bench.records.origin import model_difference
from specdec_lib.models.wrapper import ModelWrapper

MODEL = {"name": "m", "dtype": "float32", "weights_hash": "aa", "memory_mb": 1.0, "products": "plain"}


def test_a_model_is_described_with_its_weights_and_products() -> None:
    target, draft = tiny_models.tiny_pair("llama")
    told = describe(target)
    assert (told["name"], told["dtype"], told["device"]) == (target.name, "float32", "cpu")
    assert {"weights_hash", "products", "revision", "compiled", "parameters"} <= set(told)
    assert model_difference({"target": told}, {"target": describe(target)}) is None
    assert told["weights_hash"] is None or told["weights_hash"] != describe(draft)["weights_hash"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights_hash": "bb"}, "other models (target: weights_hash 'aa' is now 'bb')"),
        ({"dtype": "bfloat16"}, "other models (target: dtype 'float32' is now 'bfloat16')"),
        ({"compiled": True}, "other models (target: compiled None is now True)"),
    ],
)
def test_what_tells_models_apart_is_named(change: dict, said: str) -> None:
    assert model_difference({"target": MODEL}, {"target": MODEL | change}) == said


def test_memory_and_the_choice_of_product_are_of_one_model() -> None:
    assert (
        model_difference({"target": MODEL}, {"target": MODEL | {"memory_mb": 2.0, "products": "transposed"}})
        is None
    )


def test_a_record_without_a_hash_is_of_nobody_knows_which_weights() -> None:
    old = {key: value for key, value in MODEL.items() if key != "weights_hash"}
    assert "nothing was recorded of the target's weights" in model_difference(
        {"target": old}, {"target": MODEL}
    )
    assert model_difference({"target": MODEL}, {"target": MODEL, "draft": MODEL}) is not None


def test_weights_that_cannot_be_looked_at_are_not_taken_for_the_same() -> None:
    """Offloaded ones have the hash of nothing, and all nothings are equal."""
    away = {"target": MODEL | {"weights_hash": ""}}
    assert "not at hand to be compared" in model_difference(away, away)


class Repeat:
    """As much of a drafter as describing one takes."""

    vocab_size, context_length, name = 3, None, "repeat"

    def __init__(self, **held) -> None:
        vars(self).update(held)

    def start(self, prompt_ids, end=0):
        return self


def test_a_drafter_is_its_class_its_file_and_the_weights_it_holds() -> None:
    told = describe(Repeat())
    assert told["class"] == f"{__name__}:Repeat" and len(told["source_hash"]) == 12
    assert (
        told["weights_hashes"] == []
        and model_difference({"draft": told}, {"draft": describe(Repeat())}) is None
    )
    changed = told | {"source_hash": "0" * 12}
    assert "source_hash" in model_difference({"draft": changed}, {"draft": told})


def test_a_drafter_that_holds_other_weights_is_another(monkeypatch) -> None:
    target, draft = tiny_models.tiny_pair("gpt2")
    monkeypatch.setattr(ModelWrapper, "weights_hash", property(lambda model: str(id(model))), raising=False)
    told = describe(Repeat(target=target, heads=draft))
    assert told["weights_hashes"] == sorted([str(id(target)), str(id(draft))])
    assert "weights_hashes" in model_difference({"draft": told}, {"draft": describe(Repeat(target=target))})
