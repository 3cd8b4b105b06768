"""Files that cannot hold what their config.json describes are refused before anything is allocated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from models.architectures import CONFIGS, SHARED_KV, llama_config, save_model, tiny_model, tiny_tokenizer
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, MixtralConfig

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files.folder import described_model, read_config
from specdec_lib.models.files.headers import most_weights, refuse_misshapen, refuse_too_little
from specdec_lib.models.loader import load_model
from specdec_lib.models.source import find_source
from specdec_lib.models.tensors import num_weights


def change_config(folder: Path, **fields) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}), encoding="utf-8")


def as_shards(folder: Path) -> None:
    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder, max_shard_size="40KB")
    (folder / "model.safetensors").unlink()
    assert (folder / "model.safetensors.index.json").exists()


def as_pickle(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def as_one(folder: Path) -> None:
    assert (folder / "model.safetensors").exists()


@pytest.fixture
def nothing_is_allocated(monkeypatch) -> None:
    def refuse(*arguments, **options) -> None:
        pytest.fail("weights were allocated")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", refuse)


@pytest.mark.parametrize("stored", [as_one, as_shards, as_pickle])
@pytest.mark.parametrize(
    "described",
    [
        {"num_hidden_layers": 50},
        {"vocab_size": 2_000_000},
        {"intermediate_size": 4_000_000},
        {"intermediate_size": 4_000_000, "quantization_config": {"quant_method": "gptq", "bits": 4}},
    ],
)
def test_the_config_of_a_larger_model_is_refused_before_it_is_made(tmp_path, monkeypatch, stored, described):
    folder = save_model(tmp_path / "small")
    stored(folder)
    change_config(folder, **described)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", lambda *_, **__: pytest.fail("allocated"))
    with pytest.raises(ModelUnavailable, match=r"small lack most of the model .* described\)") as caught:
        load_model(str(folder), "auto", "cpu")
    assert "\n" not in str(caught.value)


def test_a_config_of_nothing_but_its_kind_describes_seven_billion_weights(tmp_path, nothing_is_allocated):
    folder = save_model(tmp_path / "small")
    (folder / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    with pytest.raises(ModelUnavailable, match=r"at most [\d.]+ k in its files, 6,738.4 M described"):
        load_model(str(folder), "auto", "cpu")


def test_a_little_less_than_described_is_left_to_the_reader(tmp_path):
    """Which names what is missing."""
    folder = save_model(tmp_path / "small")
    change_config(folder, num_hidden_layers=3)
    with pytest.raises(ModelUnavailable, match=r"lack 9 tensors of the right shape, model\.layers\.2\."):
        load_model(str(folder), "float32", "cpu")


VALID = {
    **CONFIGS,
    **SHARED_KV,
    "tied, and nearly all embedding": llama_config(vocab_size=20_000, tie_word_embeddings=True),
    "experts, fused when loaded": MixtralConfig(
        vocab_size=97, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, num_local_experts=4, max_position_embeddings=64,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize("stored", [as_one, as_pickle])
def test_what_loads_is_never_refused(tmp_path, name, stored):
    tiny_model(VALID[name]).save_pretrained(tmp_path)
    tiny_tokenizer(vocab_size=260).save_pretrained(tmp_path)
    stored(tmp_path)
    source = find_source(str(tmp_path))
    config = read_config(source)
    described, held = described_model(source, config), most_weights(source, config)
    model, _ = load_model(str(tmp_path), "auto", "cpu")
    assert held >= num_weights(model) == sum(parameter.numel() for parameter in described.parameters())
    refuse_too_little(source.model_id, held, described)
    refuse_misshapen(source, config, described)


def test_names_without_the_prefix_of_the_model_are_found(tmp_path):
    """As GPT-2's own files have them."""
    tiny_model("gpt2").transformer.save_pretrained(tmp_path)
    assert "wte.weight" in load_file(tmp_path / "model.safetensors")
    source = find_source(str(tmp_path))
    config = read_config(source)
    refuse_misshapen(source, config, described_model(source, config))
    config.n_positions = 40
    with pytest.raises(
        ModelUnavailable, match=r"lack 1 tensors of the right shape, transformer\.wpe\.weight"
    ):
        refuse_misshapen(source, config, described_model(source, config))


@pytest.mark.parametrize("bits", [4, 8])
def test_packed_weights_count_for_as_many_as_they_may_hold(tmp_path, bits):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("bitsandbytes")
    folder = save_model(tmp_path / "packed", hidden_size=64, intermediate_size=64)
    options = transformers.BitsAndBytesConfig(**{f"load_in_{bits}bit": True})
    model = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=options, device_map={"": "cpu"}, dtype=torch.bfloat16
    )
    shutil.rmtree(folder)
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    loaded, _ = load_model(str(folder), "auto", "cpu")
    source = find_source(str(folder))
    config = read_config(source)
    described = described_model(source, config)
    assert num_weights(loaded) <= most_weights(source, config)
    refuse_misshapen(source, config, described)
    with pytest.raises(ModelUnavailable, match="lack most"):
        refuse_too_little(source.model_id, 10, described)


@pytest.mark.parametrize("bits", [4, 8])
def test_plain_weights_that_are_called_quantised_are_named(tmp_path, bits):
    pytest.importorskip("bitsandbytes")
    folder = save_model(tmp_path / "plain", hidden_size=64, intermediate_size=64)
    quantised = {"quant_method": "bitsandbytes", f"load_in_{bits}bit": True}
    change_config(folder, quantization_config=quantised)
    with pytest.raises(
        ModelUnavailable, match=rf"calls its weights quantised \(bitsandbytes_{bits}bit\).*q_proj as plain"
    ):
        load_model(str(folder), "auto", "cpu")


def test_files_that_are_named_by_the_config_or_not_at_hand_are_not_judged(tmp_path):
    folder = save_model(tmp_path / "small")
    source = find_source(str(folder))
    config = read_config(source)
    assert most_weights(source, config) > 0
    config.transformers_weights = "other.safetensors"
    assert most_weights(source, config) is None
    del config.transformers_weights
    (folder / "model.safetensors").unlink()
    assert most_weights(source, config) is None
    refuse_too_little(source.model_id, None, described_model(source, config))
