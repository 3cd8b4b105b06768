"""A store as Ollama lays it out, made up in a temporary folder; no server, and none asked."""

from __future__ import annotations

import json
import os

import pytest
from models.architectures import random_ids, tiny_model, tiny_tokenizer
from models.gguf_files import write_gguf

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.loader import load_model
from specdec_lib.models.ollama import store
from specdec_lib.models.ollama.store import ollama_blob
from specdec_lib.models.wrapper import ModelWrapper

KIND = "application/vnd.ollama.image."
LIBRARY = "registry.ollama.ai/library"


def add(folder, name, layers, tag="latest"):
    """A manifest with these layers, by their kind and what they hold (None: a blob that is not there)."""
    listed = []
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    for number, (kind, content) in enumerate(layers):
        digest = f"sha256:{abs(hash((name, tag, number))):064x}"
        if content is not None:
            (folder / "blobs" / digest.replace(":", "-")).write_bytes(content)
        listed.append({"mediaType": KIND + kind, "digest": digest, "size": len(content or b"")})
    manifest = folder / "manifests" / name / tag
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": listed}), encoding="utf-8")


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"
    return write_gguf(path, tiny_model("llama"), tiny_tokenizer()).read_bytes()


def test_a_downloaded_model_loads_by_its_name(models, weights):
    template = [("template", b"{{ .Prompt }}"), ("params", b'{"stop": ["x"]}'), ("license", b"MIT")]
    add(models, f"{LIBRARY}/tiny", [("model", weights), *template], "1b")
    loaded = ModelWrapper(*load_model("ollama:tiny:1b"))
    assert loaded.name == "ollama:tiny:1b" and loaded.eos_token_ids == (0,)
    logits, _ = loaded.forward(random_ids(5))
    assert logits.shape == (1, 5, loaded.vocab_size)


@pytest.mark.parametrize(
    ("asked", "kept", "tag"),
    [
        ("tiny", f"{LIBRARY}/tiny", "latest"),
        ("tiny:q4_K_M", f"{LIBRARY}/tiny", "q4_K_M"),
        ("me/tiny", "registry.ollama.ai/me/tiny", "latest"),
        ("hf.co/org/Tiny-GGUF:Q8_0", "hf.co/org/Tiny-GGUF", "Q8_0"),
        ("host:5000/org/tiny", "host:5000/org/tiny", "latest"),
    ],
)
def test_every_way_to_write_a_name_finds_its_blob(models, asked, kept, tag):
    add(models, kept, [("model", b"GGUF here")], tag)
    assert ollama_blob(f"ollama:{asked}").read_bytes() == b"GGUF here"


def test_a_model_that_is_not_there_is_told_with_the_nearest(models):
    for name in ("smollm2", "llama3.2", "qwen3"):
        add(models, f"{LIBRARY}/{name}", [("model", b"GGUF")], "1b")
    with pytest.raises(
        ModelUnavailable, match=r"has downloaded \(it has smollm2:1b.*\); run: ollama pull smolm2"
    ):
        ollama_blob("ollama:smolm2")
    for odd in ("", "../../x", "a/../b", "a b", "a:b:c"):
        with pytest.raises(ModelUnavailable, match="is not among the models"):
            ollama_blob(f"ollama:{odd}")


def test_without_a_store_its_place_is_told(models, tmp_path, monkeypatch):
    with pytest.raises(
        ModelUnavailable, match=r"\(none in .*models\); run: ollama pull tiny, or set OLLAMA_MODELS"
    ):
        ollama_blob("ollama:tiny")
    monkeypatch.delenv("OLLAMA_MODELS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(store, "_SERVICE", tmp_path / "service")
    add(tmp_path / ".ollama" / "models", f"{LIBRARY}/tiny", [("model", b"mine")])
    add(tmp_path / "service", f"{LIBRARY}/tiny", [("model", b"the service's")])
    add(tmp_path / "service", f"{LIBRARY}/other", [("model", b"another")])
    assert ollama_blob("ollama:tiny").read_bytes() == b"mine"
    assert ollama_blob("ollama:other").read_bytes() == b"another"


def test_models_of_several_parts_and_damaged_stores_are_named(models):
    refused = {
        "an adapter on top": [("model", b"GGUF"), ("adapter", b"GGUF")],
        "a part that sees images": [("model", b"GGUF"), ("projector", b"GGUF")],
        "has 0 files of weights in GGUF form": [("tensor", b"x")],
        "has 2 files of weights": [("model", b"a"), ("model", b"b")],
        "are not in Ollama's store; run: ollama pull": [("model", None)],
        "is no GGUF file": [("model", b"weights of another form")],
    }
    for number, (said, layers) in enumerate(refused.items()):
        add(models, f"{LIBRARY}/m{number}", layers)
        with pytest.raises(ModelUnavailable, match=said) as told:
            load_model(f"ollama:m{number}")
        assert f"ollama:m{number}" in str(told.value) and "\n" not in str(told.value)
    manifest = models / "manifests" / LIBRARY / "m0" / "latest"
    for content in ("{", "[]", '{"layers": 3}', '{"layers": [{}]}'):
        manifest.write_text(content, encoding="utf-8")
        with pytest.raises(ModelUnavailable, match="the manifest of 'ollama:m0' is damaged"):
            ollama_blob("ollama:m0")
    assert os.path.isdir(models)
