"""A pair is written under its roles, with the call that runs it."""

from __future__ import annotations

import pytest
from models.architectures import save_model

from specdec_lib.errors import InvalidArgument, ModelUnavailable
from specdec_lib.models.export import pair
from specdec_lib.models.export.pair import export_models, how_to_run, require_form
from specdec_lib.models.loader import load_pair


def test_the_files_of_a_pair_load_as_a_pair(tmp_path):
    models = {"target": "pocket-target", "draft": "pocket-draft"}
    written = export_models(models, "gguf", tmp_path / "out")
    assert [(each.role, each.path.name) for each in written] == [
        ("target", "target.gguf"),
        ("draft", "draft.gguf"),
    ]
    assert all(each.num_bytes == each.path.stat().st_size for each in written)
    assert all(4 * each.num_weights < each.num_bytes for each in written)
    loaded = load_pair(target=str(written[0].path), draft=str(written[1].path))
    assert loaded.vocabulary.translation is None
    told = how_to_run("gguf", written)
    assert told.startswith("llama-server -m ") and told.endswith("--spec-type draft-simple")
    assert "-md" not in how_to_run("gguf", written[:1])
    assert how_to_run("openvino", written).count("draft_model") == 2


def test_what_cannot_be_is_refused_before_a_model_is_read(tmp_path, monkeypatch):
    with pytest.raises(InvalidArgument, match="'onnx'; choose from: gguf, openvino"):
        export_models({"target": "no-such"}, "onnx", tmp_path)
    monkeypatch.setattr(pair, "find_spec", lambda name: None if name == "openvino_tokenizers" else name)
    with pytest.raises(ModelUnavailable, match=r"pip install openvino==.*lacks openvino_tokenizers"):
        export_models({"target": "no-such"}, "openvino", tmp_path)
    require_form("gguf")
    monkeypatch.setattr(pair, "find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match="pip install gguf"):
        require_form("gguf")
    assert not list(tmp_path.iterdir())


def test_packed_weights_are_refused(tmp_path):
    folder = save_model(tmp_path / "m")
    text = (folder / "config.json").read_text()
    packed = '{"quantization_config": {"quant_method": "gptq", "bits": 4},'
    (folder / "config.json").write_text(packed + text[1:])
    with pytest.raises(ModelUnavailable, match="packed as gptq"):
        export_models({"target": str(folder)}, "gguf", tmp_path / "out")
