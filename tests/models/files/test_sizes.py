"""Sizes of models of one's own, from the headers of their files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.architectures import VOCAB, save_model, tiny_model, tiny_tokenizer
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files import sizes as memory
from specdec_lib.models.loader import load_model
from specdec_lib.models.registry import REGISTRY, ModelPair, own_pair
from specdec_lib.models.tensors import num_bytes, num_weights
from specdec_lib.utils.paths import data_path


def shards(folder: Path, dtype: torch.dtype = torch.bfloat16) -> int:
    """A model of several files in a folder; the number of its weights."""
    model = tiny_model("llama").to(dtype)
    model.save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("*.safetensors"))) > 2
    return model.num_parameters()


def test_a_folder_of_one_file_and_one_of_shards_are_counted(tmp_path):
    one = save_model(tmp_path / "one")
    assert memory.stored_weights(str(one)).dtype == "float32"
    assert memory.parameters_of(str(one)) == memory.stored_weights(str(one)).parameters > 10_000
    number = shards(tmp_path / "many")
    assert memory.stored_weights(str(tmp_path / "many")) == memory.StoredWeights(number, "bfloat16")
    assert memory.parameters_of(str(tmp_path / "many")) == number


def test_the_hubs_cache_is_counted_without_asking_anybody(tmp_path, monkeypatch):
    snapshot = tmp_path / "models--org--name" / "snapshots" / "abc"
    number = shards(snapshot)
    refs = tmp_path / "models--org--name" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert memory.parameters_of("org/name") == number
    assert memory.parameters_of("org/other") is None


def test_a_shard_that_is_missing_leaves_the_size_unknown(tmp_path):
    shards(tmp_path)
    next(tmp_path.glob("*.safetensors")).unlink()
    assert memory.parameters_of(str(tmp_path)) is None


def test_a_folder_without_weights_and_a_path_that_is_not_there_are_unknown(tmp_path):
    tiny_tokenizer().save_pretrained(tmp_path)
    assert memory.parameters_of(str(tmp_path)) is None
    assert memory.parameters_of(str(tmp_path / "none")) is None


def test_packed_weights_are_not_counted_as_weights(tmp_path):
    save_file({"w": torch.zeros(8, dtype=torch.uint8), "v": torch.zeros(9)}, tmp_path / "model.safetensors")
    assert memory.parameters_of(str(tmp_path)) is None


def test_masks_are_no_weights(tmp_path):
    save_file({"m": torch.zeros(8, dtype=torch.bool), "v": torch.zeros(9)}, tmp_path / "model.safetensors")
    assert memory.parameters_of(str(tmp_path)) == 9


@pytest.mark.parametrize("content", ["{", "[]", '{"weight_map": 3}', "{}"])
def test_a_damaged_index_is_named(tmp_path, content):
    (tmp_path / "model.safetensors.index.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelUnavailable, match=r"model\.safetensors\.index\.json is damaged"):
        memory.parameters_of(str(tmp_path))


def test_a_pair_of_one_s_own_needs_what_its_files_are_stored_in(tmp_path):
    target, draft = save_model(tmp_path / "target"), tmp_path / "draft"
    halves = shards(draft)
    pair = own_pair(str(target), str(draft))
    number = memory.parameters_of(str(target))
    sizes = memory.Size(number, 0), memory.Size(halves, 0)
    needs = {dtype: gib * memory.GIB / memory.ROOM for dtype, gib in memory.needs(pair, *sizes).items()}
    assert needs["as listed"] == pytest.approx(4 * number + 2 * halves)
    assert needs["bfloat16"] == pytest.approx(2 * number + 2 * halves)


def test_what_int4_takes_is_known_before_anything_is_loaded(tmp_path):
    """Also where layers are Conv1D, and where the head is tied to the embeddings."""
    wide = save_model(tmp_path / "wide", hidden_size=128, intermediate_size=256)
    tied = save_model(tmp_path / "tied", hidden_size=128, intermediate_size=256, tie_word_embeddings=True)
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB, n_embd=128, n_layer=2, n_head=4, n_positions=64))
    gpt2.save_pretrained(tmp_path / "gpt2")
    tiny_tokenizer().save_pretrained(tmp_path / "gpt2")
    for folder in (wide, tied, tmp_path / "gpt2"):
        size = memory.size_of(str(folder))
        model = load_model(str(folder), "int4", "cpu")[0]
        packed = [p.quant_state.shape.numel() for p in model.parameters() if hasattr(p, "quant_state")]
        assert size.parameters - size.unpacked == sum(packed) > 0
        assert size.parameters == num_weights(model)
        assert memory.bytes_of(size, "int4") == pytest.approx(num_bytes(model), rel=0.03)


# -- the registry ----------------------------------------------------------------------------------


def test_every_model_of_the_registry_has_a_size() -> None:
    for pair in REGISTRY.values():
        for model_id in (pair.target_model_id, pair.draft_model_id):
            assert memory.parameters_of(model_id) > 10**5
    assert memory.parameters_of("org/unheard-of") is None


def test_needs_are_weights_and_a_fifth() -> None:
    pair = ModelPair("p", "small", "big", "float16", "float32")
    sizes = memory.Size(1000, 200), memory.Size(100, 100)
    needs = {dtype: gib * memory.GIB / 1.2 for dtype, gib in memory.needs(pair, *sizes).items()}
    packed = 800 * 0.53125 + 2 * (200 + 100)
    assert needs == pytest.approx({"as listed": 4200, "float32": 4400, "bfloat16": 2200, "int4": packed})


def test_of_each_listed_model_it_is_known_what_int4_packs() -> None:
    for pair in REGISTRY.values():
        for model_id in (pair.target_model_id, pair.draft_model_id):
            size = memory.size_of(model_id)
            assert 0 < size.unpacked < size.parameters
    assert memory.size_of("org/unheard-of") is None


def test_a_model_that_is_both_counts_once() -> None:
    pair, big = ModelPair("p", "big", "big", "int4", "float32"), memory.Size(1000, 360)
    needs = {dtype: gib * memory.GIB / 1.2 for dtype, gib in memory.needs(pair, big, big).items()}
    assert needs == pytest.approx({"as listed": 5060, "float32": 4000, "bfloat16": 2000, "int4": 1060})


def test_weights_are_counted_without_being_read() -> None:
    folder = data_path("models") / "pocket-draft"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert memory.parameters_of(str(folder)) == model.num_parameters()


def test_a_torn_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "some-model" / "model.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"\x00" * 20)
    with pytest.raises(ModelUnavailable, match="some-model: its weights are damaged"):
        memory.parameters_of(str(path.parent))
