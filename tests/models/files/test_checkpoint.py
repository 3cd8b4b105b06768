from __future__ import annotations

import json

import pytest
from models.architectures import save_model, tiny_model
from transformers import GenerationConfig

from specdec_lib.models.files.checkpoint import unapplied_requests
from specdec_lib.models.loader import load_model
from specdec_lib.models.wrapper import ModelWrapper

CHANGES_TEXT = {
    "suppress_tokens": [5],
    "begin_suppress_tokens": [5],
    "bad_words_ids": [[7]],
    "repetition_penalty": 1.05,
    "min_new_tokens": 3,
    "min_length": 3,
    "sequence_bias": [[[4], 2.0]],
    "exponential_decay_length_penalty": [5, 1.1],
    "forced_eos_token_id": 0,
    "forced_bos_token_id": 1,
    "no_repeat_ngram_size": 2,
    "max_new_tokens": 9,
    "num_beams": 2,
    "guidance_scale": 1.5,
    "stop_strings": ["x"],
}
SAMPLING = {"temperature": 0.6, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "typical_p": 0.9}
NEUTRAL = {
    "repetition_penalty": 1.0,
    "min_new_tokens": 0,
    "no_repeat_ngram_size": 0,
    "num_beams": 1,
    "suppress_tokens": [],
    "do_sample": False,
    "eos_token_id": [0, 3],
    "pad_token_id": 0,
    "bos_token_id": 0,
}


def asking(**fields) -> ModelWrapper:
    model = tiny_model("llama")
    model.generation_config = GenerationConfig(**fields)
    return ModelWrapper(model)


@pytest.mark.parametrize("name", CHANGES_TEXT)
def test_each_rule_that_changes_a_text_is_listed(name):
    (request,) = unapplied_requests(asking(**{name: CHANGES_TEXT[name]}))
    assert request == f"{name}={CHANGES_TEXT[name]}"


def test_sampling_counts_where_the_checkpoint_asks_for_it():
    assert unapplied_requests(asking(**SAMPLING)) == []
    listed = unapplied_requests(asking(do_sample=True, **SAMPLING))
    assert listed == ["do_sample=True", *(f"{name}={value}" for name, value in SAMPLING.items())]


def test_what_changes_nothing_is_not_listed():
    assert unapplied_requests(asking(**NEUTRAL)) == []
    assert unapplied_requests(asking()) == []


def test_a_model_without_a_generation_config_asks_for_nothing():
    model = tiny_model("llama")
    del model.generation_config
    assert unapplied_requests(model) == []


def test_long_values_are_cut_short():
    (request,) = unapplied_requests(asking(suppress_tokens=list(range(90))))
    assert len(request) < 80 and request.endswith("…")


def test_a_folders_requests_are_known_after_loading(tmp_path, capfd):
    folder = save_model(tmp_path / "tiny")
    asked = {
        "repetition_penalty": 1.1,
        "do_sample": True,
        "temperature": 0.7,
        "top_p": 0.8,
        "eos_token_id": 0,
    }
    (folder / "generation_config.json").write_text(json.dumps(asked), encoding="utf-8")
    capfd.readouterr()
    model = ModelWrapper(*load_model(str(folder), "float32", "cpu"))
    listed = unapplied_requests(model)
    assert {"do_sample=True", "temperature=0.7", "top_p=0.8", "repetition_penalty=1.1"} <= set(listed)
    assert capfd.readouterr().err == ""  # the loader itself says nothing of it


def test_the_embedded_models_ask_for_nothing():
    assert unapplied_requests(ModelWrapper(*load_model("pocket-target", "float32", "cpu"))) == []
