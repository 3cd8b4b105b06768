"""Folders that hold other, or more, than their config says; each is made here."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from models.architectures import llama_config, random_ids, save_model, tiny_model, tiny_tokenizer
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, GptOssConfig, MixtralConfig, Qwen2Config

import specdec_lib
from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files.folder import check_folder, quantisation_of
from specdec_lib.models.loader import load_model
from specdec_lib.models.source import find_source
from specdec_lib.models.wrapper import ModelWrapper

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.fixture
def folder(tmp_path) -> Path:
    return save_model(tmp_path / "tiny")


def change(folder: Path, name: str = "config.json", **fields) -> None:
    path = folder / name
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**content, **fields}), encoding="utf-8")


def change_weights(folder: Path, **more: torch.Tensor) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, **more}, folder / "model.safetensors", {"format": "pt"})


# -- tensors that the config has no place for ------------------------------------------------------


def refused(folder: Path, message: str, dtype: str = "float32") -> str:
    with pytest.raises(ModelUnavailable, match=message) as caught:
        load_model(str(folder), dtype, "cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_layers_beyond_the_configs_are_refused(folder):
    change(folder, num_hidden_layers=1)
    said = refused(folder, "hold 9 tensors that its config.json has no place for")
    assert "model.layers.1." in said


def test_the_biases_of_another_architecture_are_refused(tmp_path):
    tiny_model("qwen2").save_pretrained(tmp_path)
    tiny_tokenizer(97 + 168).save_pretrained(tmp_path)
    change(tmp_path, model_type="llama", architectures=["LlamaForCausalLM"])
    refused(tmp_path, r"hold 6 tensors .*model\.layers\.0\.self_attn\.k_proj\.bias")


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.0.self_attn.q_proj.lora_A.weight",
        "model.layers.0.mlp.up_proj.weight_scale",
        "layers.0.self_attn.q_proj.bias",
    ],
)
def test_adapters_scales_and_unprefixed_names_inside_the_model_are_refused(folder, name):
    change_weights(folder, **{name: torch.ones(4)})
    refused(folder, f"hold 1 tensors .*{re.escape(name)}")


@pytest.mark.parametrize("name", ["v_head.summary.weight", "model.vision_tower.blocks.0.weight"])
def test_what_lies_beside_the_language_model_is_a_warning(folder, name, capfd):
    change_weights(folder, **{name: torch.ones(4)})
    load_model(str(folder), "float32", "cpu")
    said = capfd.readouterr().err
    assert " 1 tensors " in said and name in said


def test_buffers_of_old_checkpoints_are_no_surplus(folder, capfd):
    change_weights(folder, **{"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})
    load_model(str(folder), "float32", "cpu")
    assert capfd.readouterr().err == ""


def test_a_stored_head_of_tied_embeddings_is_no_surplus(tmp_path, capfd):
    folder = save_model(tmp_path / "tied", tie_word_embeddings=True)
    embeddings = load_file(folder / "model.safetensors")["model.embed_tokens.weight"]
    change_weights(folder, **{"lm_head.weight": embeddings.clone()})
    capfd.readouterr()
    load_model(str(folder), "float32", "cpu")
    assert capfd.readouterr().err == ""


def test_layers_that_predict_further_tokens_are_no_surplus(folder, capfd):
    tensors = load_file(folder / "model.safetensors")
    more = {n.replace("layers.1.", "layers.2."): t.clone() for n, t in tensors.items() if "layers.1." in n}
    change_weights(folder, **more)
    refused(folder, "hold 9 tensors")
    change(folder, num_nextn_predict_layers=1)
    capfd.readouterr()
    load_model(str(folder), "float32", "cpu")
    assert capfd.readouterr().err == ""


# -- adapters, pointers, stray and damaged files ---------------------------------------------------


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_adapter_beside_its_base_is_named(folder, name):
    (folder / name).write_text('{"peft_type": "LORA"}', encoding="utf-8")
    refused(folder, rf"an adapter \({re.escape(name)}\) beside the weights .*merge")


@pytest.mark.parametrize(
    "name",
    ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "generation_config.json"],
)
def test_a_pointer_in_place_of_a_file_is_named(folder, name):
    (folder / name).write_bytes(POINTER)
    refused(folder, f"{re.escape(name)} is a Git LFS pointer.*git lfs pull")


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe"])
def test_a_damaged_generation_config_is_refused_because_texts_might_not_end(folder, content):
    """Transformers leaves it out in silence, and the end-of-text ids with it."""
    (folder / "generation_config.json").write_bytes(content)
    refused(folder, r"cannot load the generation_config\.json of ")


def test_a_folder_without_generation_config_is_fine(folder):
    (folder / "generation_config.json").unlink(missing_ok=True)
    model, _ = load_model(str(folder), "float32", "cpu")
    assert not (folder / "generation_config.json").exists() and model.name_or_path == str(folder)


@pytest.mark.parametrize("content", ["{", "[1]", '"x"', ""])
def test_a_damaged_config_is_reported_as_the_config(folder, content):
    (folder / "config.json").write_text(content, encoding="utf-8")
    said = refused(folder, r"config\.json")
    assert "tokenizer" not in said and "weights" not in said


def test_an_activation_nobody_knows_is_more_than_its_name(folder):
    change(folder, hidden_act="nope")
    refused(folder, "the config.json of .*KeyError: 'nope'")


def test_a_single_file_beside_shards_is_a_warning(folder, capfd):
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {}}', encoding="utf-8")
    load_model(str(folder), "float32", "cpu")
    said = capfd.readouterr().err
    assert str(folder) in said and "model.safetensors.index.json" in said


def test_shards_alone_are_no_warning(tmp_path, capfd):
    model = tiny_model(llama_config(vocab_size=288))
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    tiny_tokenizer(265).save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors.index.json").exists()
    capfd.readouterr()
    loaded, _ = load_model(str(tmp_path), "float32", "cpu")
    assert torch.equal(loaded.lm_head.weight, model.lm_head.weight) and capfd.readouterr().err == ""


def test_a_model_that_asks_for_tuples_answers_all_the_same(folder):
    ids = random_ids(5)
    expected = ModelWrapper(*load_model(str(folder), "float32", "cpu")).forward(ids)[0]
    change(folder, return_dict=False)
    wrapper = ModelWrapper(*load_model(str(folder), "float32", "cpu"))
    assert torch.equal(wrapper.forward(ids)[0], expected)


# -- quantised checkpoints -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    """A folder whose weights were stored in 4 bits by bitsandbytes."""
    root = tmp_path_factory.mktemp("packed")
    wide = save_model(root / "wide", hidden_size=128, intermediate_size=256)
    model, tokenizer = load_model(str(wide), "int4", "cpu")
    model.save_pretrained(root / "int4")
    tokenizer.save_pretrained(root / "int4")
    return root / "int4"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_stored_int4_is_never_passed_off_as_floats(packed, dtype):
    refused(packed, rf"stored quantised \(bitsandbytes_4bit\) and cannot be had as {dtype}", dtype)


@pytest.mark.parametrize("dtype", ["auto", "int4"])
def test_stored_int4_is_loaded_as_it_is(packed, dtype):
    model, _ = load_model(str(packed), dtype, "cpu")
    assert model.model.layers[0].mlp.up_proj.weight.quant_state.quant_type == "nf4"
    logits, _ = ModelWrapper(model).forward(random_ids(3))
    assert logits.isfinite().all()


def test_weights_that_were_unpacked_for_this_device_are_said_to_be(tmp_path, capfd):
    """Stored as float8 with a scale for each block; a CPU gets floats of them.

    Up to Transformers 5.6 it gets them where there is Triton, which comes with torch for GPUs.
    """
    folder = save_model(tmp_path / "fp8", hidden_size=128, intermediate_size=256)
    tensors = load_file(folder / "model.safetensors")
    for name in [name for name in tensors if "proj" in name]:
        blocks = [-(-size // 128) for size in tensors[name].shape]
        tensors[name] = tensors[name].to(torch.float8_e4m3fn)
        tensors[name.replace(".weight", ".weight_scale_inv")] = torch.ones(blocks)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    change(folder, quantization_config={"quant_method": "fp8", "weight_block_size": [128, 128]})
    try:
        import_module("transformers.integrations.finegrained_fp8")
    except ModuleNotFoundError as missing:
        refused(folder, f"cannot load the weights of .*{missing}", "auto")
        return
    capfd.readouterr()
    model, _ = load_model(str(folder), "auto", "cpu")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    said = capfd.readouterr().err
    assert re.search(r"\(fp8\).* float32\b", said)


def test_experts_that_were_unpacked_for_this_device_are_said_to_be(tmp_path, capfd):
    """As gpt-oss stores them: two in a byte, with a scale for each 32; all are 1 here."""
    shape = {"hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 1, "num_local_experts": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "num_experts_per_tok": 1}
    config = GptOssConfig(vocab_size=288, pad_token_id=0, eos_token_id=0, **shape, **heads)
    folder = tmp_path / "mxfp4"
    tiny_model(config).bfloat16().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    tensors = load_file(folder / "model.safetensors")
    for name in [name for name in tensors if re.search(r"experts\.\w+_proj$", name)]:
        experts, columns, rows = tensors.pop(name).shape
        tensors[f"{name}_blocks"] = torch.full((experts, rows, columns // 32, 16), 0x22, dtype=torch.uint8)
        tensors[f"{name}_scales"] = torch.full((experts, rows, columns // 32), 127, dtype=torch.uint8)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    change(folder, quantization_config={"quant_method": "mxfp4"})
    capfd.readouterr()
    model, _ = load_model(str(folder), "auto", "cpu")
    assert (model.model.layers[0].mlp.experts.down_proj == 1).all()
    said = capfd.readouterr().err
    assert re.search(r"\(mxfp4\).* bfloat16\b", said)


@pytest.mark.parametrize("method", ["gptq", "awq", "fp8", "compressed-tensors"])
@pytest.mark.parametrize("dtype", ["int4", "float32"])
def test_other_quantisations_are_named_before_anything_is_loaded(folder, method, dtype):
    change(folder, quantization_config={"quant_method": method})
    refused(folder, rf"stored quantised \({method}\) and cannot be had as {dtype}", dtype)


@pytest.mark.parametrize("config", [{"quant_method": "frobnicate"}, {"bits": 3}])
@pytest.mark.parametrize("dtype", ["auto", "float32", "int4"])
def test_a_quantisation_nobody_knows_is_not_ignored(folder, config, dtype):
    change(folder, quantization_config=config)
    refused(folder, "quantised by .*, which Transformers does not know", dtype)


def test_a_quantisation_of_the_text_part_is_seen():
    assert quantisation_of({"text_config": {"quantization_config": {"quant_method": "fp8"}}}) == "fp8"
    assert quantisation_of({"quantization_config": {"load_in_8bit": True}}) == "bitsandbytes_8bit"
    assert quantisation_of({"quantization_config": None}) is None


def test_int4_that_leaves_a_mixtures_experts_says_so(tmp_path, capfd):
    config = MixtralConfig(
        vocab_size=288,
        hidden_size=64,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        num_local_experts=4,
    )
    tiny_model(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    load_model(str(tmp_path), "int4", "cpu")
    assert re.search(r"int4 .*\d+%", capfd.readouterr().err)


def test_int4_of_a_dense_model_says_nothing(tmp_path, capfd):
    folder = save_model(tmp_path / "dense", hidden_size=128, intermediate_size=512)
    capfd.readouterr()
    load_model(str(folder), "int4", "cpu")
    assert capfd.readouterr().err == ""


# -- code of the folder's own ----------------------------------------------------------------------

CODE = "from pathlib import Path\nPath(r'{flag}').write_text('ran')\nclass Own: pass\n"


def bring_code(folder: Path, flag: Path, file: str, auto_map: dict, **fields) -> None:
    """Code that only says that it ran."""
    (folder / "own.py").write_text(CODE.format(flag=flag), encoding="utf-8")
    change(folder, file, auto_map=auto_map, **fields)


LOAD_EACH = """
import sys
from specdec_lib.models.loader import main
for folder in sys.argv[1:]:
    code = main(["--model", folder, "--n-tokens", "1"])
    print(f"\\0{code}\\0")
    print("\\0", end="", file=sys.stderr, flush=True)
"""
"""One process for all of them, for starting one costs far more than a load."""


def test_code_in_a_folder_never_runs_and_nobody_is_asked(tmp_path):
    flag = tmp_path / "flag"
    model = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
    tokenizer = {"AutoTokenizer": ["own.Own", "own.Own"]}
    cases = [  # what brings code, what it says beside, and whether it can be loaded without
        ("config.json", model, {}, 0),
        ("config.json", model, {"model_type": "own"}, 2),
        ("tokenizer_config.json", tokenizer, {}, 0),
        ("tokenizer_config.json", tokenizer, {"tokenizer_class": "Own"}, 0),
    ]
    folders = [save_model(tmp_path / f"tiny-{number}") for number in range(len(cases))]
    for folder, (file, auto_map, fields, _) in zip(folders, cases, strict=True):
        bring_code(folder, flag, file, auto_map, **fields)
    done = subprocess.run(
        [sys.executable, "-c", LOAD_EACH, *map(str, folders)],
        input="y\n" * 9,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and not flag.exists()
    assert "[y/N]" not in done.stdout and "custom code" not in done.stdout
    assert done.stdout.split("\0")[1::2] == [str(code) for *_, code in cases]
    *said, rest = done.stderr.split("\0")
    assert rest == ""
    for (file, *_), line in zip(cases, said, strict=True):
        assert f"asks for Python code of its own ({file}), which is never run here" in line
        assert line.count("\n") == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"attn_implementation": "org/kernel"},
        {"_attn_implementation": "org/kernel"},
        {"attn_implementation": {"text_config": "org/kernel"}},
        {"experts_implementation": "org/kernel"},
        {"text_config": {"attn_implementation": "org/kernel@v1"}},
    ],
)
def test_kernels_of_somebody_elses_are_not_fetched(folder, fields):
    """Where the kernels package is installed, such a field has code of the hub run."""
    change(folder, **fields)
    refused(folder, r"asks for code from the hub \(\w+ 'org/kernel.*never run")


def test_an_implementation_of_transformers_own_may_be_named(folder):
    """Transformers takes it from 5.4 on, and passes over it before."""
    change(folder, attn_implementation="eager")
    taken = AutoConfig.from_pretrained(folder)._attn_implementation
    assert load_model(str(folder), "float32", "cpu")[0].config._attn_implementation == (taken or "sdpa")


def test_what_the_reader_calls_an_error_is_one_line_too(folder, capfd):
    change(folder, use_return_dict=False)
    capfd.readouterr()
    refused(folder, r"cannot load the config.json of")
    assert capfd.readouterr() == ("", "")


def test_a_tokenizer_that_is_code_alone_is_refused(folder, tmp_path):
    auto_map = {"AutoTokenizer": ["own.Own", None]}
    bring_code(folder, tmp_path / "flag", "tokenizer_config.json", auto_map, tokenizer_class="Own")
    (folder / "tokenizer.json").unlink()
    refused(folder, "tokenizer of .* needs Python code of its own, which is never run")
    assert not (tmp_path / "flag").exists()


def test_the_check_before_loading_runs_no_code_either(folder, tmp_path, monkeypatch):
    bring_code(folder, tmp_path / "flag", "config.json", {"AutoConfig": "own.Own"}, model_type="own")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    with pytest.raises(ModelUnavailable, match="Transformers does not know its model type 'own'"):
        check_folder(find_source(str(folder)))
    assert not (tmp_path / "flag").exists()


def test_a_sound_folder_says_nothing(folder, capfd):
    check_folder(find_source(str(folder)), "float32")
    assert capfd.readouterr() == ("", "")


def test_a_copy_of_a_qwen_under_its_own_name_loads(tmp_path):
    """The refusal of surplus tensors leaves complete models alone."""
    tiny_model(Qwen2Config(**{**tiny_model("qwen2").config.to_dict(), "vocab_size": 288})).save_pretrained(
        tmp_path
    )
    tiny_tokenizer().save_pretrained(tmp_path)
    copied = shutil.copytree(tmp_path, tmp_path.parent / "copied")
    assert load_model(str(copied), "float32", "cpu")[0].config.model_type == "qwen2"


def test_every_from_pretrained_of_the_library_refuses_code():
    """A call that does not say ``trust_remote_code=False`` leaves the question to standard input."""
    silent = []
    for path in Path(specdec_lib.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or getattr(call.func, "attr", "") != "from_pretrained":
                continue
            words = {word.arg: getattr(word.value, "value", None) for word in call.keywords}
            if words.get("trust_remote_code") is not False and None not in words:
                silent.append(f"{path.name}:{call.lineno}")
    assert silent == []
    assert find_source("pocket-draft").options["trust_remote_code"] is False
