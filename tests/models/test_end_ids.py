"""Which ids end a text: those that a model's files name, not what only its configuration's class does."""

from __future__ import annotations

import json

import pytest
from models.architectures import llama_config, save_model, tiny_model, tiny_tokenizer
from transformers import LlamaConfig

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files.folder import check_folder
from specdec_lib.models.loader import load_model
from specdec_lib.models.source import find_source
from specdec_lib.models.wrapper import ModelWrapper

VOCAB = 288
BY_CLASS = LlamaConfig().eos_token_id
"""An ordinary token of the models here."""
ABSENT = object()


@pytest.fixture
def folder(tmp_path):
    return save_model(tmp_path / "tiny")


def name(folder, config=ABSENT, generation=ABSENT):
    """Write what the two files name; a file of generation settings is left out where it names nothing."""
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content.pop("eos_token_id", None)
    path.write_text(json.dumps(content | ({} if config is ABSENT else {"eos_token_id": config})))
    settings = folder / "generation_config.json"
    settings.unlink(missing_ok=True)
    if generation is not ABSENT:
        settings.write_text(json.dumps({"eos_token_id": generation}), encoding="utf-8")


def ends(folder, with_tokenizer=False):
    model, tokenizer = load_model(str(folder), "float32", "cpu")
    return ModelWrapper(model, tokenizer if with_tokenizer else None).eos_token_ids


@pytest.mark.parametrize(
    ("config", "generation", "expected"),
    [
        (ABSENT, 7, (7,)),
        (None, 7, (7,)),
        (BY_CLASS, 7, (BY_CLASS, 7)),
        (5, [7, 9], (5, 7, 9)),
        (ABSENT, BY_CLASS, (BY_CLASS,)),
        (5, ABSENT, (5,)),
        (ABSENT, ABSENT, (BY_CLASS,)),
        (BY_CLASS, ABSENT, (BY_CLASS,)),
    ],
)
def test_an_id_of_the_configurations_class_counts_where_nobody_else_names_one(
    folder, config, generation, expected
):
    assert BY_CLASS == 2
    name(folder, config, generation)
    assert ends(folder) == expected


def test_the_tokenizers_end_is_a_name_too(folder):
    name(folder)
    assert ends(folder, with_tokenizer=True) == (0,)


def test_a_model_made_in_memory_is_judged_by_its_class():
    config = llama_config()
    config.eos_token_id = BY_CLASS
    model = tiny_model(config)
    assert ModelWrapper(model).eos_token_ids == (BY_CLASS,)
    assert ModelWrapper(model, tiny_tokenizer()).eos_token_ids == (0,)
    model.generation_config.eos_token_id = 7
    assert ModelWrapper(model).eos_token_ids == (7,)


@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
@pytest.mark.parametrize("value", ["2", 1.5, [[1]], True, [None], {"id": 2}])
def test_an_end_that_is_no_id_is_refused_by_its_file_before_weights_are_read(folder, file, value):
    name(folder, **{file.split("_")[0].removesuffix(".json"): value})
    (folder / "model.safetensors").write_bytes(b"never read")
    with pytest.raises(ModelUnavailable, match=f"the {file} of .*tiny: its eos_token_id is") as caught:
        check_folder(find_source(str(folder)))
    assert "\n" not in str(caught.value)


def test_the_end_of_the_text_part_is_looked_at_as_well(folder):
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"text_config": {"eos_token_id": "</s>"}}), encoding="utf-8")
    with pytest.raises(ModelUnavailable, match=r"its text_config\.eos_token_id is '</s>'"):
        check_folder(find_source(str(folder)))


@pytest.mark.parametrize("value", [-1, VOCAB, [7, 50_256]])
def test_an_end_outside_the_vocabulary_is_said_once(folder, value, capfd):
    name(folder, generation=value)
    capfd.readouterr()
    found = ends(folder)
    said = capfd.readouterr().err
    assert said.count("generation_config.json names eos_token_id") == 1
    assert "outside the vocabulary [0, 288)" in said
    assert found == ((7,) if isinstance(value, list) else ())
