from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from four_tokenizers import FOUR
from models.architectures import random_ids, save_model, tiny_tokenizer
from safetensors.torch import load_file, save_file
from tiny_tokenizers import word_piece
from transformers import AutoModelForCausalLM
from transformers.integrations import accelerate

from specdec_lib.bench.measure.subjects import describe_model
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument, ModelUnavailable, UnknownPair, VocabularyMismatch
from specdec_lib.models import loader, precision
from specdec_lib.models.loader import DTYPES, LoadedPair, choose_device, load_model, load_pair, main
from specdec_lib.models.registry import ModelPair, get_pair
from specdec_lib.models.source import find_source
from specdec_lib.models.wrapper import ModelWrapper


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def scratch(tmp_path) -> Path:
    """A model folder to damage."""
    return save_model(tmp_path / "tiny")


# -- dtypes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_float_dtype_is_what_the_weights_have(folder, dtype):
    model, tokenizer = load_model(str(folder), dtype, "cpu")
    assert {p.dtype for p in model.parameters()} == {getattr(torch, dtype)}
    assert not model.training and tokenizer.eos_token_id == 0


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float32])
def test_auto_is_the_dtype_that_the_weights_were_stored_in(folder, tmp_path, stored):
    model, tokenizer = load_model(str(folder))
    model.to(stored).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert load_model(str(tmp_path))[0].dtype == stored


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Path:
    """Of shapes that bitsandbytes can pack: multiples of 64."""
    return save_model(
        tmp_path_factory.mktemp("wide") / "tiny",
        hidden_size=128,
        intermediate_size=256,
        initializer_range=0.05,
    )


def test_int4_packs_the_weights_and_counts_them_as_the_weights_they_are(wide):
    """Two weights share a byte: the packed tensor has half the elements of the layer it stands for."""
    full = ModelWrapper(*load_model(str(wide), "float32", "cpu"))
    packed = ModelWrapper(*load_model(str(wide), "int4", "cpu"))
    layer = packed.model.model.layers[0].mlp.up_proj
    assert layer.weight.quant_state.quant_type == "nf4"
    assert packed.model.config.quantization_config.bnb_4bit_use_double_quant
    assert layer.weight.numel() == 128 * 256 // 2
    assert sum(p.numel() for p in packed.model.parameters()) < packed.param_count == full.param_count
    assert packed.memory_footprint_mb < 0.5 * full.memory_footprint_mb
    assert (packed.number_format, full.number_format) == ("int4", "float32")
    assert "int4 in torch.bfloat16" in repr(packed) and "int4" not in repr(full)
    assert describe_model(packed)["dtype"] == "int4"


def test_int4_computes_nearly_the_same_and_rolls_back(wide):
    full = ModelWrapper(*load_model(str(wide), "float32", "cpu"))
    packed = ModelWrapper(*load_model(str(wide), "int4", "cpu"))
    ids = random_ids(20)
    expected, _ = full.forward(ids)
    logits, cache = packed.forward(ids)
    alike = torch.nn.functional.cosine_similarity(logits.float(), expected, dim=-1)
    assert 0.9 < alike.min() < 0.99999  # close, and not secretly the same weights
    again, _ = packed.forward(ids[:, 8:], packed.truncate_cache(cache, 8))
    assert (again.float() - logits[:, 8:].float()).abs().max() < 0.02 * logits.abs().max()


@pytest.mark.parametrize("error", [AssertionError, RuntimeError])
def test_int4_names_the_layer_that_is_too_narrow_for_it(folder, monkeypatch, error):
    """Whatever shape the packing refuses on this processor: the layer, its shape, and what to do."""

    def refuse(self, _):
        raise error("N must be divisible by block_n")

    monkeypatch.setattr("bitsandbytes.nn.Linear4bit.forward", refuse)
    with pytest.raises(ModelUnavailable) as caught:
        load_model(str(folder), "int4", "cpu")
    said = str(caught.value)
    assert re.search(r"int4 cannot pack model\.layers\.0\.\S*q_proj \(\d+ × \d+ weights\) for this cpu", said)
    assert "too narrow (N must be divisible by block_n); choose float32" in said


def test_int4_does_not_blame_its_packing_for_what_fails_elsewhere(wide, monkeypatch):
    def fail(self, *_, **__):
        raise RuntimeError("a rotation failed")

    monkeypatch.setattr("transformers.models.llama.modeling_llama.LlamaRotaryEmbedding.forward", fail)
    with pytest.raises(ModelUnavailable, match=r"cannot load the weights of .*a rotation failed") as caught:
        load_model(str(wide), "int4", "cpu")
    assert "int4" not in str(caught.value)


def test_int4_without_bitsandbytes_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ModelUnavailable, match="dtype 'int4' needs bitsandbytes: pip install"):
        load_model(str(folder), "int4", "cpu")


def test_any_other_dtype_is_a_value_error_that_lists_the_choices(folder):
    with pytest.raises(ValueError) as caught:
        load_model(str(folder), "int8")
    assert str(caught.value) == f"Unsupported dtype 'int8'. Choose from: {list(DTYPES)}"


# -- devices ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_best_device_is_chosen_in_order(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device().type == expected


def test_a_model_that_is_spread_is_the_model(folder):
    """Where there is one device, it is all there: so are its weights, its logits and its draft."""
    spread, whole = (
        load_pair(target=str(folder), draft=str(folder), device=name) for name in ("auto", "cpu")
    )
    assert spread.target.device == spread.draft.device == choose_device()
    ids = random_ids(5)
    for model in (spread.target, load_pair("pocket", device="auto").target):
        assert {weight.device.type for weight in model.model.parameters()} == {choose_device().type}
    there = spread.target.forward(ids.to(spread.target.device))[0].cpu()
    torch.testing.assert_close(there, whole.target.forward(ids)[0])


def test_to_be_spread_a_model_needs_accelerate(folder, monkeypatch):
    monkeypatch.setattr(accelerate, "is_accelerate_available", lambda *_: False)
    with pytest.raises(ModelUnavailable, match="accelerate"):
        load_model(str(folder), device="auto")


@pytest.mark.parametrize("device", ["toaster", "cuda:97"])
def test_a_device_that_is_not_there_is_refused(folder, device):
    with pytest.raises(InvalidArgument, match=f"device '{device}' is not available"):
        load_model(str(folder), device=device)


def test_a_device_without_numbers_is_refused(folder):
    with pytest.raises(InvalidArgument, match="device 'meta' holds shapes and no numbers"):
        load_model(str(folder), device="meta")


def test_int4_weights_do_not_travel_and_say_so(wide):
    model, tokenizer = load_model(str(wide), "int4", "cpu")
    assert ModelWrapper(model, tokenizer, device="cpu").device.type == "cpu"
    with pytest.raises(InvalidArgument, match="int4 weights are packed for cpu and cannot be moved to meta"):
        ModelWrapper(model, tokenizer, device="meta")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["bfloat16", "int4"])
def test_a_gpu_holds_the_weights_and_rolls_back(folder, dtype):
    wrapper = ModelWrapper(*load_model(str(folder), dtype, "cuda"))
    logits, cache = wrapper.forward(random_ids(20))
    assert wrapper.device.type == "cuda" and logits.device.type == "cuda"
    again, _ = wrapper.forward(random_ids(20)[:, 8:], wrapper.truncate_cache(cache, 8))
    torch.testing.assert_close(again.float(), logits[:, 8:].float(), atol=0.1, rtol=0.1)


# -- what stands between a name and a model --------------------------------------------------


def truncate_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def garble_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 4096)


def drop_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("model.layers.0.mlp.up_proj.weight")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def reshape_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"] = torch.ones(5)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def change_config(folder: Path, **fields) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **fields}), encoding="utf-8")


def change_generation(folder: Path, **fields) -> None:
    (folder / "generation_config.json").write_text(json.dumps(fields), encoding="utf-8")


DAMAGE = {
    "several texts asked for": (
        lambda folder: change_generation(folder, num_return_sequences=2),
        r"cannot load the generation_config\.json of .*num_return_sequences",
    ),
    "a number of tokens that is none": (
        lambda folder: change_generation(folder, max_new_tokens="x"),
        r"cannot load the generation_config\.json of ",
    ),
    "weights cut short": (truncate_weights, "weights of .*damaged"),
    "weights garbled": (garble_weights, "weights of .*damaged"),
    "a tensor missing": (drop_a_tensor, r"lack 1 tensors .*, model\.layers\.0\.mlp\.up_proj\.weight"),
    "a tensor of another shape": (
        reshape_a_tensor,
        r"lack 1 tensors of the right shape, model\.norm\.weight",
    ),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "weights of .*no file named"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer of"),
    "tokenizer garbled": (
        lambda folder: (folder / "tokenizer.json").write_text("{", encoding="utf-8"),
        "tokenizer of",
    ),
    "config garbled": (lambda folder: (folder / "config.json").write_text("{", encoding="utf-8"), "of"),
    "no config": (lambda folder: (folder / "config.json").unlink(), r"there is no config\.json"),
    "an architecture nobody knows": (lambda folder: change_config(folder, model_type="frobnicator"), "of"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_is_one_line_and_never_random_weights(scratch, damage):
    spoil, message = DAMAGE[damage]
    spoil(scratch)
    with pytest.raises(ModelUnavailable, match=message) as caught:
        load_model(str(scratch), "float32", "cpu")
    said = str(caught.value)
    assert "tiny" in said and "\n" not in said and "the hub" not in said


@pytest.mark.parametrize("missing", ["no/such/folder", "./nowhere", "/nowhere/at/all", "~/nowhere/at-all"])
def test_a_folder_that_is_not_there_is_named(missing):
    with pytest.raises(ModelUnavailable, match=f"model folder '{re.escape(missing)}' does not exist"):
        load_model(missing)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate …"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_running_out_of_memory_is_one_line(folder, monkeypatch, error):
    def exhausted(*_, **__):
        raise error

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", exhausted)
    with pytest.raises(ModelUnavailable, match="not enough memory; choose a smaller dtype"):
        load_model(str(folder))


def test_loading_is_quiet(folder, capfd):
    load_model(str(folder), "float32", "cpu")
    assert capfd.readouterr() == ("", "")


# -- pairs -----------------------------------------------------------------------------------


def test_the_embedded_pair_is_ready_to_run():
    loaded = load_pair("pocket", "cpu")
    assert loaded.pair.pair_name == "pocket" and loaded.drafter is loaded.draft
    assert loaded.target.param_count > 2 * loaded.draft.param_count
    assert loaded.target.vocab_size == loaded.draft.vocab_size == loaded.vocab_size
    assert (loaded.target.name, loaded.draft.name) == ("pocket-target", "pocket-draft")
    assert loaded.target.dtype == loaded.draft.dtype == torch.float32


def test_the_embedded_target_drafts_for_itself_in_int4():
    loaded = load_pair("pocket_self", "cpu")
    assert loaded.draft.param_count == loaded.target.param_count
    assert loaded.draft.memory_footprint_mb < 0.5 * loaded.target.memory_footprint_mb


def test_one_model_in_one_dtype_is_loaded_once(folder):
    loaded = load_pair(ModelPair("mine", str(folder), str(folder), "float32", "float32"))
    assert loaded.draft is loaded.target


def test_tokenizers_that_cannot_be_translated_are_refused_before_any_weights_are_read(folder, tmp_path):
    other = save_model(tmp_path / "other", word_piece())
    (other / "model.safetensors").unlink()
    with pytest.raises(VocabularyMismatch, match=r"pair 'mine'.*\(14 and 265 tokens, they differ in 265 ids"):
        load_pair(ModelPair("mine", str(other), str(folder)))


def test_a_draft_of_another_vocabulary_is_loaded_with_its_translation(folder, tmp_path, capfd):
    """It stays the model that it is, of its own width; what a decoder takes is the drafter."""
    other = save_model(tmp_path / "other", tiny_tokenizer(290, "zebra zebra quilt quilt quiz"), 300)
    capfd.readouterr()
    loaded = load_pair(target=str(folder), draft=str(other), dtype="float32")
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "two vocabularies, translated by bytes (25" in said
    assert loaded.vocabulary.kind == "translatable" and not loaded.is_one_model
    assert (loaded.draft.vocab_size, loaded.draft.masked_ids, loaded.vocab_size) == (300, (), 288)
    assert loaded.drafter.model is loaded.draft and loaded.drafter.vocab_size == 288
    prompt = loaded.target.encode("the cat sat")
    for temperature in (0.0, 0.8):
        decoder = SpeculativeDecoder(loaded.target, loaded.drafter, k=3)
        result = decoder.generate(prompt, 24, temperature, seed=1, ignore_eos=True)
        assert result.num_tokens == 24 and sum(result.drafted_per_round)
        if not temperature:
            plain = AutoregressiveDecoder(loaded.target).generate(prompt, 24, 0.0, ignore_eos=True)
            assert result.generated_ids == plain.generated_ids
    with pytest.raises(VocabularyMismatch, match=f"growth: {other} has other tokens than {folder}"):
        loaded.require_one_vocabulary("growth")
    shared = load_pair(target=str(folder), draft=str(folder))
    assert shared.require_one_vocabulary("growth") is shared


@pytest.mark.parametrize("width", [270, 300])
def test_one_tokenizer_under_other_paddings_gives_logits_of_the_targets_width(folder, tmp_path, width):
    draft = save_model(tmp_path / "draft", vocab_size=width)
    loaded = load_pair(ModelPair("mine", str(draft), str(folder)))
    widths = [model.forward(random_ids(3))[0].shape[-1] for model in (loaded.target, loaded.draft)]
    assert widths == [288, 288] == [loaded.target.vocab_size, loaded.draft.vocab_size]


def greedy_ids(loaded: LoadedPair, prompt: list[int]) -> list[list[int]]:
    """Of the baseline, and of the speculative decoder."""
    decoders = AutoregressiveDecoder(loaded.target), SpeculativeDecoder(loaded.target, loaded.draft, k=3)
    return [d.generate(prompt, 24, 0.0, ignore_eos=True).generated_ids for d in decoders]


@pytest.mark.parametrize("side", ["draft", "target"])
def test_a_pair_whose_vocabularies_differ_in_names_runs_and_says_which(folder, tmp_path, capfd, side):
    more = tiny_tokenizer()
    more.add_tokens(["<|think|>", "[PAD]"], special_tokens=True)
    other = save_model(tmp_path / "other", more, seed=3)
    models = {"draft": str(folder), "target": str(folder), side: str(other)}
    capfd.readouterr()
    loaded = load_pair(target=models["target"], draft=models["draft"], dtype="float32")
    assert loaded.vocabulary.kind == "same but for named ids"
    assert loaded.vocabulary.masked_ids == (265, 266) == loaded.draft.masked_ids
    said = capfd.readouterr().err
    assert "the same but for 2 ids: 265 (" in said and "<|think|>" in said and said.count("\n") == 1
    logits = loaded.draft.forward(random_ids(7))[0]
    assert torch.isneginf(logits[..., 265:267]).all() and logits[..., :265].isfinite().all()
    assert loaded.target.forward(random_ids(7))[0].isfinite().all()
    for prompt in ([1, 2, 3], [1, 265, 2]):  # also one that holds an id which only one of the two knows
        baseline, speculative = greedy_ids(loaded, prompt)
        assert speculative == baseline


def test_a_masked_pair_keeps_a_target_that_speaks_the_masked_id(folder, tmp_path):
    """The target's law is its own: an id that the draft never proposes comes from the target alone."""
    more = tiny_tokenizer()
    more.add_tokens(["<|think|>"])
    model, _ = load_model(str(save_model(tmp_path / "one", more)), "float32")
    with torch.no_grad():
        model.lm_head.weight[265] = 5 * model.lm_head.weight[:265].abs().sum(0)
    model.save_pretrained(tmp_path / "speaks")
    more.save_pretrained(tmp_path / "speaks")
    loaded = load_pair(target=str(tmp_path / "speaks"), draft=str(folder), dtype="float32")
    baseline, speculative = greedy_ids(loaded, [1, 2, 3])
    assert 265 in baseline and speculative == baseline


@pytest.mark.parametrize(("name", "rules"), [("tinyllama_llama3", "llama2"), ("phi3_llama3", "phi3")])
def test_pairs_of_two_vocabularies_decode_exactly(name, rules, tmp_path, monkeypatch):
    """With models that stand in for theirs, and tokenizers by their rules."""
    pair = get_pair(name)
    places = {
        model_id: save_model(tmp_path / kind, FOUR[kind](), len(FOUR[kind]()), seed)
        for model_id, kind, seed in ((pair.draft_model_id, rules, 3), (pair.target_model_id, "llama3", 4))
    }
    monkeypatch.setattr(loader, "find_source", lambda model_id: find_source(str(places[model_id])))
    loaded = load_pair(name, "cpu", dtype="float32")
    assert loaded.pair.pair_name == name and loaded.vocabulary.kind == "translatable"
    decoder = SpeculativeDecoder(loaded.target, loaded.drafter, k=4)
    for text in ("the cat sat", "In 2024 there were"):
        prompt = loaded.target.encode(text)
        plain = AutoregressiveDecoder(loaded.target).generate(prompt, 24, 0.0, ignore_eos=True)
        assert decoder.generate(prompt, 24, 0.0, ignore_eos=True).generated_ids == plain.generated_ids


def test_models_of_one_s_own_are_a_pair_in_one_line(folder, tmp_path):
    draft = save_model(tmp_path / "draft", seed=1)
    loaded = load_pair(target=str(folder), draft=str(draft), dtype="float32", draft_dtype="bfloat16")
    assert (loaded.target.dtype, loaded.draft.dtype) == (torch.float32, torch.bfloat16)
    assert loaded.vocabulary.kind == "same" and not loaded.is_one_model
    assert loaded.draft.tokenizer is loaded.target.tokenizer  # equal files are read once


@pytest.mark.parametrize("models", [{"target": "x"}, {"draft": "x"}])
def test_half_a_pair_is_refused_by_what_is_missing(models):
    with pytest.raises(InvalidArgument, match=r"needs both its models; the (draft|target) is missing"):
        load_pair(**models)


def test_a_name_and_models_are_refused():
    with pytest.raises(InvalidArgument, match="give one of the two"):
        load_pair("pocket", target="x", draft="y")


# -- a pair that is one model twice ----------------------------------------------------------------


@pytest.mark.parametrize("twin", ["the folder itself", "a copy", "its weights alone"])
def test_one_model_twice_is_named(folder, tmp_path, capfd, twin):
    draft = folder
    if twin == "a copy":
        draft = shutil.copytree(folder, tmp_path / "copy")
    if twin == "its weights alone":
        model, tokenizer = load_model(str(folder))
        model.save_pretrained(tmp_path / "again", max_shard_size="20KB")
        tokenizer.save_pretrained(draft := tmp_path / "again")
    capfd.readouterr()
    loaded = load_pair(target=str(folder), draft=str(draft))
    assert loaded.is_one_model
    said = capfd.readouterr().err
    assert "draft and target are the same model, so drafting cannot make it faster" in said


@pytest.mark.parametrize("change", ["another seed", "one weight", "another dtype", "another rope"])
def test_two_models_are_not_called_one(folder, tmp_path, capfd, change):
    draft = save_model(tmp_path / "draft", seed=1 if change == "another seed" else 0)
    if change == "one weight":
        tensors = load_file(draft / "model.safetensors")
        tensors["model.norm.weight"][3] += 1
        save_file(tensors, draft / "model.safetensors", {"format": "pt"})
    if change == "another rope":
        change_config(draft, rope_parameters={"rope_type": "default", "rope_theta": 77.0})
    capfd.readouterr()
    dtype = "bfloat16" if change == "another dtype" else None
    loaded = load_pair(target=str(folder), draft=str(draft), draft_dtype=dtype)
    assert not loaded.is_one_model and capfd.readouterr().err == ""


# -- what the registry lists on a device that cannot compute in it ---------------------------------


@pytest.mark.parametrize(
    ("processor", "expected", "says"),
    [
        ({"fp16", "bf16"}, torch.float16, False),
        ({"bf16"}, torch.bfloat16, True),
        (set(), torch.float32, True),
    ],
)
def test_a_listed_float16_gives_way_on_a_processor_without(
    folder, monkeypatch, capfd, processor, expected, says
):
    monkeypatch.setattr(precision, "_has_arithmetic", lambda kind: kind in processor)
    listed = ModelPair("mine", str(folder), str(folder), "float16", "float16", dtypes="listed")
    assert load_pair(listed, "cpu").target.dtype == expected
    said = f"this processor has no float16 arithmetic, so it runs in {str(expected).removeprefix('torch.')}"
    assert (said in capfd.readouterr().err) == says


@pytest.mark.parametrize("asked", [{"dtype": "float16"}, {"draft_dtype": "float16"}])
def test_a_float16_that_was_asked_for_is_kept(folder, monkeypatch, asked):
    monkeypatch.setattr(precision, "_has_arithmetic", lambda kind: False)
    listed = ModelPair("mine", str(folder), str(folder), "float16", "float16", dtypes="listed")
    assert load_pair(listed, "cpu", **asked).draft.dtype == torch.float16
    assert load_model(str(folder), "float16", "cpu")[0].dtype == torch.float16


def test_what_this_processor_computes_in_is_torchs_word():
    for kind in ("fp16", "bf16"):
        assert precision._has_arithmetic(kind) == getattr(torch.ops.mkldnn, f"_is_mkldnn_{kind}_supported")()
    assert not precision._has_arithmetic("fp7")


def test_an_unknown_pair_is_named():
    with pytest.raises(UnknownPair, match="Unknown pair 'x'"):
        load_pair("x")


def test_a_pair_with_an_unknown_dtype_is_refused(folder):
    with pytest.raises(InvalidArgument, match="Unsupported dtype 'int8'"):
        load_pair(ModelPair("mine", str(folder), str(folder), "int8", "float32"))


# -- python -m specdec_lib.models.loader -----------------------------------------------------


def test_the_entry_point_prints_what_it_always_printed(folder, capfd):
    assert main(["--model", str(folder), "--dtype", "float16", "--n-tokens", "10"]) == 0
    out, err = capfd.readouterr()
    model = re.escape(str(folder))
    pattern = (
        rf"\[loader\] tokenizer  ← {model}\n"
        rf"\[loader\] model      ← {model}  \(dtype=float16\)\n"
        rf"  model      : {model}\n"
        r"  parameters : \d+\.\d M\n"
        r"  memory     : \d+\.\d\d GB\n"
        r"\n"
        r"\[loader\] generating 10 tokens …\n"
        r"\[loader\] output: '(\\.|[^'\n])*'\n"
        r"\[loader\] OK\n"
    )
    assert re.fullmatch(pattern, out.replace('"', "'"))
    assert err == ""


def test_the_entry_point_generates_as_hugging_face_does(folder, capfd):
    assert (
        main(["--model", str(folder), "--dtype", "float32", "--n-tokens", "12", "--prompt", "the cat"]) == 0
    )
    model, tokenizer = load_model(str(folder), "float32")
    model.generation_config.eos_token_id = None
    ids = torch.tensor([tokenizer("the cat")["input_ids"]])
    expected = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, pad_token_id=0
    )
    assert (
        f"output: {ModelWrapper(model, tokenizer).decode(expected[0].tolist())!r}" in capfd.readouterr().out
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "no/such/folder"], "'no/such/folder' does not exist"),
        (["--model", "{folder}", "--dtype", "int8"], "Unsupported dtype 'int8'"),
        (["--model", "{folder}", "--n-tokens", "-1"], "--n-tokens is -1"),
        (["--model", "{folder}", "--prompt", ""], "--prompt holds no token"),
        (["--model", "{folder}", "--prompt", "the " * 500], "shorten it"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(folder, capfd, arguments, message):
    assert main([argument.format(folder=folder) for argument in arguments]) == 2
    err = capfd.readouterr().err
    assert err.startswith("[loader] error: ") and message in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [[], ["--model", "x", "--n-tokens", "ten"], ["--model", "x", "--n-tokens", "1_0"], ["--frobnicate"]],
)
def test_a_misspelt_command_is_one_line_and_exit_code_2(capfd, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    err = capfd.readouterr().err
    assert caught.value.code == 2 and err.startswith("[loader] error: ") and err.count("\n") == 1


# -- a tokenizer and an embedding of two sizes -------------------------------------------------------


def test_a_tokenizer_with_more_ids_than_the_embedding_has_rows_is_said_once(tmp_path, capfd):
    folder = str(save_model(tmp_path / "narrow", vocab_size=200))
    model, _ = load_model(folder, "float32", "cpu")
    said = capfd.readouterr().err
    assert "265 ids and its embedding 200 rows" in said and "65 ids cannot be fed" in said
    assert model.config.vocab_size == 200
    load_pair(target=folder, draft=folder, device="cpu")
    assert capfd.readouterr().err.count("265 ids and its embedding 200 rows") == 1


def test_more_rows_than_ids_are_padding_and_no_news(tmp_path, capfd):
    load_model(str(save_model(tmp_path / "wide", vocab_size=300)), "float32", "cpu")
    assert "rows" not in capfd.readouterr().err


def test_the_loader_names_a_prompts_id_that_has_no_row(tmp_path, capfd):
    folder = str(save_model(tmp_path / "narrow", vocab_size=200))
    assert main(["--model", folder, "--prompt", "the cat"]) == 2
    assert "and its embedding has 200 rows" in capfd.readouterr().err


def test_a_working_folder_that_was_removed_is_one_line(folder, tmp_path, monkeypatch, capfd):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["--model", str(folder), "--n-tokens", "1"]) == 2
    told = capfd.readouterr()
    assert told.out == "" and "the working folder does not exist any more" in told.err
    assert told.err.startswith("[loader] error: ") and told.err.count("\n") == 1


@pytest.mark.parametrize("module", ["models.loader", "data.prompts"])
def test_a_module_that_is_run_where_the_folder_was_removed_says_so_before_torch(tmp_path, module):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = "import os, runpy, sys; os.rmdir(os.getcwd()); sys.argv = ['-m']; " + (
        f"runpy.run_module('specdec_lib.{module}', run_name='__main__')"
    )
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[0] = {str(root)!r}; {code}"],
        cwd=gone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr == "error: the working folder does not exist any more; change to another one (cd)\n"
