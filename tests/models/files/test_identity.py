"""Who a model is, before it is loaded: its files, wherever they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from models.architectures import save_model

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files.identity import file_hash, model_hash


def test_a_copy_is_the_same_model_and_one_changed_byte_makes_another(tmp_path: Path) -> None:
    one = save_model(tmp_path / "one")
    other = Path(shutil.copytree(one, tmp_path / "other"))
    (other / "README.md").write_text("a card is no part of it")
    assert model_hash(str(one)) == model_hash(str(other))
    (weights,) = other.glob("*.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert model_hash(str(one)) != model_hash(str(other))


def test_a_file_of_a_store_that_names_it_by_its_hash_is_not_read(tmp_path: Path) -> None:
    name = "ab" * 32
    (tmp_path / "blobs").mkdir()
    blob = tmp_path / "blobs" / f"sha256-{name}"
    blob.write_bytes(b"anything")
    link = tmp_path / "model.safetensors"
    link.symlink_to(blob)
    assert file_hash(link) == file_hash(blob) == name
    (tmp_path / name).write_bytes(b"anything")
    assert file_hash(tmp_path / name) != name


def test_the_hubs_cache_is_taken_as_it_is(tmp_path: Path, monkeypatch) -> None:
    folder = save_model(tmp_path / "folder")
    snapshot = tmp_path / "models--org--name" / "snapshots" / "abc"
    shutil.copytree(folder, snapshot)
    (tmp_path / "models--org--name" / "refs").mkdir()
    (tmp_path / "models--org--name" / "refs" / "main").write_text("abc", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    assert model_hash("org/name") == model_hash(str(folder))


def test_what_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "one")
    next(folder.glob("*.safetensors")).unlink()
    with pytest.raises(ModelUnavailable, match="weights are not on this disk"):
        model_hash(str(folder))
    with pytest.raises(ModelUnavailable):
        model_hash(str(tmp_path / "nowhere"))
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        file_hash(tmp_path / "nowhere")
