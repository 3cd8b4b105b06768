"""A GGUF file wherever a model is named: alone, as target and draft, beside a folder, on the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import torch
from models.architectures import llama_config, random_ids, save_model, tiny_model, tiny_tokenizer
from models.gguf_files import write_gguf

from specdec_lib.cli import main
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.grammar import open_draft
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.gguf.folder import unpacked_folder
from specdec_lib.models.loader import load_model, load_pair
from specdec_lib.models.source import find_source
from specdec_lib.models.wrapper import ModelWrapper


def tiny_file(path, seed=0, **options):
    return str(
        write_gguf(
            path, tiny_model(llama_config(vocab_size=288), seed), tiny_tokenizer(), rows=288, **options
        )
    )


def test_a_file_is_opened_once_and_again_when_it_changes(tmp_path):
    path = tmp_path / "m.gguf"
    tiny_file(path)
    first = unpacked_folder(path, "m.gguf")
    assert unpacked_folder(path, "m.gguf") == first
    assert {part.name for part in first.iterdir()} == {
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    tiny_file(path, pre="qwen2")
    os.utime(path, ns=(1, 1))
    assert unpacked_folder(path, "m.gguf") != first


def test_what_is_unpacked_is_gone_with_the_process(tmp_path):
    path = tiny_file(tmp_path / "m.gguf")
    code = f"from specdec_lib.models.source import find_source; print(find_source({path!r}).location)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() and not os.path.exists(os.path.dirname(done.stdout.strip()))


def test_a_file_without_the_suffix_is_known_by_its_first_bytes(tmp_path):
    os.rename(tiny_file(tmp_path / "m.gguf"), tmp_path / "sha256-0123")
    assert find_source(str(tmp_path / "sha256-0123")).gguf == tmp_path / "sha256-0123"


def test_a_model_is_called_by_its_file(tmp_path):
    wrapped = ModelWrapper(*load_model(tiny_file(tmp_path / "small.gguf")))
    assert wrapped.name == "small.gguf" and wrapped.eos_token_ids == (0,)


def test_ends_of_the_file_end_a_text(tmp_path):
    path = tiny_file(tmp_path / "m.gguf", more=lambda writer: writer.add_eot_token_id(5))
    assert ModelWrapper(*load_model(path)).eos_token_ids == (0, 5)


def test_target_and_draft_may_each_be_a_file_or_a_folder(tmp_path):
    folder = str(save_model(tmp_path / "folder", seed=1))
    target, packed = (tiny_file(tmp_path / f"{kind}.gguf", quantisation=kind) for kind in ("F32", "Q8_0"))
    prompt = random_ids(6, vocab=265)[0].tolist()
    for one, other in ((target, packed), (target, folder), (folder, packed)):
        pair = load_pair(target=one, draft=other, dtype="float32", device="cpu")
        assert pair.vocabulary.kind == "same" and not pair.is_one_model
        ids = AutoregressiveDecoder(pair.target).generate(prompt, 24, 0.0).generated_ids
        drafted = SpeculativeDecoder(pair.target, pair.drafter, k=3).generate(prompt, 24, 0.0)
        assert drafted.generated_ids == ids
    own = load_pair(target=target, draft=target, dtype="float32")
    assert own.is_one_model


def test_a_file_has_the_logits_of_the_folder_that_it_was_made_from(tmp_path):
    folder = save_model(tmp_path / "folder")
    model, tokenizer = load_model(str(folder), "float32")
    loaded, _ = load_model(str(write_gguf(tmp_path / "m.gguf", model, tokenizer)))
    with torch.no_grad():
        ids = random_ids(30)
        torch.testing.assert_close(loaded(ids).logits, model(ids).logits, atol=1e-4, rtol=1e-4)


def test_drafts_are_named_by_files_and_by_the_target_itself(tmp_path, monkeypatch):
    file = tiny_file(tmp_path / "m.gguf")
    target = ModelWrapper(*load_model(file))
    prompt = random_ids(6, vocab=265)[0].tolist()
    ids = AutoregressiveDecoder(target).generate(prompt, 16, 0.0).generated_ids
    for draft in (f"{file}@bfloat16", "self@bfloat16", f"lookup > {file}"):
        drafter = open_draft(draft, target)
        assert SpeculativeDecoder(target, drafter, k=3).generate(prompt, 16, 0.0).generated_ids == ids
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "empty"))
    for draft in ("ollama:tiny", "ollama:me/tiny:1b@bfloat16"):
        with pytest.raises(ModelUnavailable, match="is not among the models that Ollama has downloaded"):
            open_draft(draft, target)


def test_what_was_loaded_is_saved_as_any_folder(tmp_path):
    model, tokenizer = load_model(tiny_file(tmp_path / "m.gguf", quantisation="Q8_0"))
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "folder")
    again, its_tokenizer = load_model(str(tmp_path / "folder"))
    assert its_tokenizer.get_vocab() == tokenizer.get_vocab()
    with torch.no_grad():
        assert torch.equal(again(random_ids(9)).logits, model(random_ids(9)).logits)


def test_a_header_of_a_larger_model_is_refused_before_any_memory_is_asked_for(tmp_path):
    def larger(writer):
        writer.kv_data[0]["llama.feed_forward_length"].value = 10**8

    path = tiny_file(tmp_path / "m.gguf", more=larger)
    with pytest.raises(ModelUnavailable, match=r"lack most of the model that its config\.json describes"):
        load_model(path)


def test_the_command_line_takes_files(tmp_path, capsys):
    target, draft = (tiny_file(tmp_path / f"{kind}.gguf", quantisation=kind) for kind in ("F32", "Q8_0"))
    pair = ["--target", target, "--draft", draft, "--json"]
    done = command(capsys, "generate", "the cat", *pair, "--max-new-tokens", "4", "--ignore-eos")
    assert done["result"]["num_tokens"] == 4
    assert re.fullmatch(r"Q8_0\.gguf-\w{6}\+F32\.gguf-\w{6}", done["pair"]), "others are called so too"
    looked = command(capsys, "doctor", *pair)
    said = json.dumps(looked)
    assert "Q8_0" in said and "not to be had" not in said


def command(capsys, *arguments):
    """The JSON document that a command prints."""
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)
