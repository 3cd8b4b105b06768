"""``specdec doctor`` with a pair: whether it runs here, before anything of it is loaded."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    MambaConfig,
    XLMConfig,
)

from specdec_lib.cli import sentences
from specdec_lib.cli.checks import drafter, machine
from specdec_lib.cli.checks.machine import MachineReport
from specdec_lib.cli.checks.memory import Memory
from specdec_lib.models.files.sizes import parameters_of

ROOMY = Memory("cpu", total_gib=16.0, free_gib=8.0)


@pytest.fixture(autouse=True)
def nothing_is_loaded(monkeypatch) -> None:
    def refuse(*arguments, **options) -> None:
        pytest.fail("weights were loaded")

    def unreachable(*arguments, **options) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", refuse)
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: False)  # whatever runs the tests
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)


def checks_of(document: dict) -> dict[str, tuple[str, str]]:
    return {check["name"]: (check["status"], check["detail"]) for check in document["checks"]}


def test_a_pair_that_runs(specdec, own) -> None:
    shown = specdec("doctor", *own, "--device", "cpu", "--json")
    document = shown.document
    assert shown.code == 0 and set(document["models"]) == {"target", "draft"}
    facts = document["models"]["target"]
    weights = parameters_of(own[1])
    assert (facts["parameters"], facts["context_length"], facts["stored_dtype"]) == (weights, 64, "float32")
    assert facts["chat_template"] is False and facts["where"] == "on this disk" and facts["problem"] is None
    assert document["vocabulary"] == "same" and document["fits"]["as asked"] is True
    text = specdec("doctor", *own).out
    assert "✓" in text and "✗" not in text and "context 64" in text


def test_memory_follows_what_is_asked_for(specdec, own, monkeypatch) -> None:
    needs = {
        dtype: specdec("doctor", *own, "--dtype", dtype, "--json").document["needs_gib"]
        for dtype in ("float32", "int4")
    }
    pair = ["doctor", "--pair", "pocket", "--json"]
    listed = specdec(*pair).document["needs_gib"]["as asked"]
    mixed = specdec(*pair, "--draft-dtype", "int4").document["needs_gib"]["as asked"]
    assert needs["int4"].keys() == needs["float32"].keys() and mixed < listed
    monkeypatch.setattr(
        "specdec_lib.cli.checks.pair.free_memory", lambda device: replace(ROOMY, free_gib=0.001)
    )
    shown = specdec(*pair)
    assert shown.code == 1 and checks_of(shown.document)["memory"][0] == "bad"
    assert shown.document["fits"] == dict.fromkeys(listed_dtypes(), False)


def listed_dtypes() -> tuple[str, ...]:
    return ("as asked", "float32", "bfloat16", "int4")


def test_the_memory_line_says_what_the_other_formats_are_of(specdec, own, monkeypatch) -> None:
    """Of both models, of the one that serves as both, or of the target alone."""
    monkeypatch.setattr(drafter, "check_drafter", lambda selection: drafter.NOT_TRIED)
    told = {}
    for name, arguments in {
        "two": own,
        "one": [*own[:2], "--draft", own[1], "--draft-dtype", "bfloat16"],
        "alone": [*own[:2], "--autoregressive"],
        "drafter": [*own[:2], "--drafter", "json:JSONDecoder"],
    }.items():
        checks = checks_of(specdec("doctor", *arguments, "--device", "cpu", "--json").document)
        told[name] = checks["memory"][1].partition("; ")[2]
    assert told["two"].startswith("with both in float32 ")
    assert told["one"].startswith("where both have one format, one model serves as both: float32 ")
    assert told["alone"].startswith("in float32 ") and told["drafter"] == told["alone"]


def test_the_format_that_a_model_is_loaded_in_is_said_where_it_is_another(specdec, own) -> None:
    document = specdec("doctor", *own, "--draft-dtype", "int4", "--json").document
    checks = checks_of(document)
    assert "stored in float32 and loaded as int4, context" in checks["draft"][1]
    assert "stored in float32, context" in checks["target"][1]
    assert [facts["loaded_dtype"] for facts in document["models"].values()] == ["float32", "int4"]
    half = checks_of(specdec("doctor", *own[:2], "--autoregressive", "--dtype", "float16", "--json").document)
    assert "stored in float32 and loaded as float16, context" in half["target"][1]


def test_vocabularies_that_are_translated(specdec, own, stranger) -> None:
    shown = specdec("doctor", *own[:2], "--draft", stranger, "--json")
    status, detail = checks_of(shown.document)["vocabulary"]
    assert status == "ok" and detail.startswith("translatable: translated by bytes (")


def test_what_cannot_be_had_is_said_and_the_rest_is_unknown(specdec) -> None:
    shown = specdec("doctor", "--target", "nobody/never-made", "--draft", "pocket-draft", "--json")
    checks = checks_of(shown.document)
    assert (
        shown.code == 1
        and checks["target"][0] == "bad"
        and "the hub cannot be reached" in checks["target"][1]
    )
    assert checks["draft"][0] == "ok"
    assert checks["vocabulary"] == ("note", "unknown") and checks["memory"][0] == "note"
    assert "unknown need" in checks["memory"][1] and shown.document["needs_gib"] == {}


def test_a_chat_template_and_a_shorter_draft(specdec, chatty, tmp_path) -> None:
    shutil.copytree(chatty[3], tmp_path / "short")
    config = json.loads((tmp_path / "short" / "config.json").read_text())
    (tmp_path / "short" / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 32}))
    shown = specdec("doctor", *chatty[:2], "--draft", tmp_path / "short", "--json")
    checks = checks_of(shown.document)
    assert shown.code == 0 and "a chat template" in checks["target"][1]
    assert checks["context"] == ("note", sentences.draft_ends(32))


def test_one_model_twice_is_named(specdec, own) -> None:
    out = specdec("doctor", *own[:2], "--draft", own[1]).out
    assert sentences.TARGET_ITSELF in " ".join(out.split())
    quantised = specdec("doctor", "--pair", "pocket_self").out  # int4 drafts for float32
    assert sentences.TARGET_ITSELF not in " ".join(quantised.split())


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--target", "/no/such", "--draft", "pocket-draft"], "'/no/such' does not exist"),
        (["--target", "pocket-target"], "the draft is missing"),
        (["--pair", "pockte"], "Unknown pair"),
        (["--pair", "pocket", "--device", "warp"], "'warp' is not available"),
        (["--pair", "pocket", "--dtype", "int8"], "Unsupported dtype 'int8'"),
        (["--dtype", "int4"], "need a pair"),
    ],
)
def test_bad_input_is_one_line_and_code_2(specdec, arguments, said) -> None:
    shown = specdec("doctor", *arguments)
    assert shown.code == 2 and shown.out == "" and said in shown.err and shown.err.count("\n") == 1


def test_without_a_pair_it_is_the_report_of_the_machine(specdec, monkeypatch) -> None:
    monkeypatch.setattr(machine, "examine_machine", lambda: MachineReport([], ROOMY, []))
    assert "GiB free of 16.0 GiB on cpu" in specdec("doctor").out


@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
def test_an_end_of_text_that_is_none_is_said_by_its_file(specdec, own, tmp_path, file) -> None:
    own = [own[0], shutil.copytree(own[1], tmp_path / "odd"), *own[2:]]
    path = own[1] / file
    content = json.loads(path.read_text()) if path.exists() else {}
    for value, status, said in (
        ("</s>", "bad", "its eos_token_id is '</s>'"),
        (2.5, "bad", "its eos_token_id is 2.5"),
        ([[1]], "bad", "its eos_token_id is [[1]]"),
        ([0, -1], "note", "names eos_token_id -1 outside the vocabulary"),
        (99_999, "note", "names eos_token_id 99999 outside the vocabulary"),
    ):
        path.write_text(json.dumps({**content, "eos_token_id": value}))
        shown = specdec("doctor", *own, "--json")
        found = [
            c["detail"] for c in shown.document["checks"] if c["name"] == "target" and c["status"] == status
        ]
        assert shown.code == (status == "bad")
        assert len(found) == 1 and said in found[0] and file in found[0]


@pytest.mark.parametrize(
    ("odd", "cause"),
    [
        ({"layer_types": ["sliding_attention", "full_attention"]}, "AttributeError"),
        ({"num_key_value_heads": 0}, "ZeroDivisionError"),
    ],
)
def test_a_configuration_that_no_model_can_be_made_of_is_bad(specdec, own, tmp_path, odd, cause) -> None:
    own = [own[0], shutil.copytree(own[1], tmp_path / "odd"), *own[2:]]
    path = own[1] / "config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "num_hidden_layers": 2, **odd}))
    shown = specdec("doctor", *own, "--json")
    status, detail = checks_of(shown.document)["target"]
    assert (shown.code, status) == (1, "bad") and cause in detail and "config.json" in detail


def copied(own, tmp_path, **fields) -> list:
    """The pair, its target's config.json changed."""
    folder = shutil.copytree(own[1], tmp_path / "odd")
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return [own[0], folder, *own[2:]]


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"num_key_value_heads": 1}, "lack 2 tensors of the right shape, model.layers.0.self_attn.k_proj"),
        ({"intermediate_size": 33}, "lack 3 tensors of the right shape, model.layers.0.mlp.down_proj"),
        ({"num_hidden_layers": 40}, "lack most of the model that its config.json describes"),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
def test_weights_of_other_shapes_than_described_are_bad(specdec, own, tmp_path, odd, said, alone) -> None:
    own = copied(own, tmp_path, **odd)
    own = [*own[:2], "--autoregressive"] if alone else own
    shown = specdec("doctor", *own, "--json")
    status, detail = checks_of(shown.document)["target"]
    assert (shown.code, status) == (1, "bad") and said in detail


def test_a_file_of_more_layers_than_described_is_bad(specdec, own, tmp_path) -> None:
    layers = json.loads((Path(own[1]) / "config.json").read_text())["num_hidden_layers"]
    folder = tmp_path / "more"
    shutil.copytree(own[1], folder)
    config = LlamaConfig.from_pretrained(folder, num_hidden_layers=layers + 1)
    config.layer_types = None
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    own = copied([own[0], folder, *own[2:]], tmp_path, num_hidden_layers=layers)
    shown = specdec("doctor", *own, "--json")
    status, detail = checks_of(shown.document)["target"]
    assert (shown.code, status) == (1, "bad")
    assert f"tensors that its config.json has no place for, model.layers.{layers}." in detail


_SMALL = {"vocab_size": 257, "hidden_size": 32, "num_hidden_layers": 1}
_BERT = {**_SMALL, "intermediate_size": 32, "num_attention_heads": 4}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (MambaConfig(**_SMALL, state_size=4), "cannot be rolled back"),
        (BertConfig(**_BERT), "is not causal"),
        (XLMConfig(vocab_size=257, emb_dim=32, n_layers=1, n_heads=4), "is not causal"),
        (BertConfig(**_BERT, is_decoder=True), None),
        (GPT2Config(vocab_size=257, n_embd=32, n_layer=1, n_head=4), None),
    ],
    ids=["mamba", "bert", "xlm", "bert as a decoder", "gpt2"],
)
def test_models_that_no_text_can_be_decoded_with_are_bad(specdec, own, tmp_path, config, said) -> None:
    folder = tmp_path / "odd"
    shutil.copytree(own[1], folder)
    (folder / "config.json").unlink()
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for options in (["--target", folder, "--autoregressive"], ["--target", folder, *own[2:]]):
        checks = specdec("doctor", *options, "--json").document["checks"]
        first = next(check for check in checks if check["name"] == "target")
        assert first["status"] == ("ok" if said is None else "bad") and (said or "") in first["detail"]


@pytest.mark.parametrize(("hidden", "packs"), [(32, False), (96, False), (128, True)])
def test_a_layer_that_int4_cannot_pack_on_this_cpu_is_bad(
    specdec, own, tmp_path, monkeypatch, hidden, packs
) -> None:
    folder = tmp_path / "narrow"
    shutil.copytree(own[1], folder)
    fields = {"hidden_size": hidden, "intermediate_size": 128, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=257, num_hidden_layers=1, **fields)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    asked = ("doctor", "--target", folder, "--autoregressive", "--dtype", "int4", "--device", "cpu", "--json")
    for tiles in (True, False):  # a processor without bfloat16 arithmetic packs nothing
        monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda tiles=tiles: tiles)
        status, detail = checks_of(specdec(*asked).document)["target"]
        assert (status == "bad") == (tiles and not packs)
        assert status == "ok" or f"q_proj ({hidden} × {hidden} weights) for this cpu" in detail


def test_damaged_weights_are_bad(specdec, own, tmp_path) -> None:
    own = copied(own, tmp_path)
    (own[1] / "model.safetensors").write_bytes(b"\xff" * 4096)
    shown = specdec("doctor", *own, "--json")
    status, detail = checks_of(shown.document)["target"]
    assert (shown.code, status) == (1, "bad") and "damaged" in detail


def test_ids_without_a_row_are_a_note_of_the_target(specdec, own, tmp_path) -> None:
    for role, alone in (("target", True), ("target", False), ("draft", False)):
        folder = tmp_path / f"{role}-{alone}"
        shutil.copytree(own[1], folder)
        AutoModelForCausalLM.from_config(LlamaConfig.from_pretrained(folder, vocab_size=200)).save_pretrained(
            folder
        )
        pair = [*own[:2], "--draft", folder] if role == "draft" else ["--target", folder, *own[2:]]
        shown = specdec("doctor", *(["--target", folder, "--autoregressive"] if alone else pair), "--json")
        notes = [c["detail"] for c in shown.document["checks"] if c["status"] == "note"]
        found = any("257 ids and its embedding 200 rows" in line for line in notes)
        assert shown.code == 0 and found == (role == "target")
