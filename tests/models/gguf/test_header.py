"""Files made in place; whatever is wrong with one is a line that names it."""

from __future__ import annotations

import sys

import gguf
import numpy as np
import pytest
from models.architectures import tiny_model, tiny_tokenizer
from models.gguf_files import write_gguf

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.gguf.header import open_gguf


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_gguf(tmp_path_factory.mktemp("gguf") / "whole.gguf", tiny_model("llama"), tiny_tokenizer())


def test_a_header_says_what_was_written(tmp_path, whole):
    model = tiny_model("llama")
    file = open_gguf(whole, "whole.gguf")
    assert file.architecture == "llama" and file.packed_as is None
    assert file.metadata["llama.block_count"] == 2 and file.metadata["tokenizer.ggml.pre"] == "gpt-2"
    assert file.metadata["tokenizer.ggml.tokens"][0] == "<|end|>"
    assert file.tensors["blk.1.ffn_down.weight"].shape == (32, 48)
    written = model.state_dict()["model.layers.1.mlp.down_proj.weight"].numpy()
    np.testing.assert_array_equal(file.read("blk.1.ffn_down.weight"), written)


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q4_0"])
def test_packed_tensors_come_back_within_their_rounding(tmp_path, kind):
    model = tiny_model("llama")
    path = write_gguf(tmp_path / "m.gguf", model, tiny_tokenizer(), quantisation=kind)
    file = open_gguf(path, "m.gguf")
    assert file.packed_as == (None if kind.endswith("F16") else kind)
    held, written = file.read("token_embd.weight"), model.state_dict()["model.embed_tokens.weight"].numpy()
    error = np.abs(held - written).max() / np.abs(written).max()
    assert 0 < error < {"F16": 1e-3, "BF16": 1e-2, "Q8_0": 1e-2, "Q4_0": 0.15}[kind]


def test_a_type_that_is_not_unpacked_is_named(tmp_path):
    def more(writer):
        kind = gguf.GGMLQuantizationType.Q8_K
        held = np.zeros((2, gguf.GGML_QUANT_SIZES[kind][1]), np.uint8)
        writer.add_tensor("blk.0.odd.weight", held, raw_dtype=kind)

    path = write_gguf(tmp_path / "m.gguf", tiny_model("llama"), tiny_tokenizer(), more=more)
    file = open_gguf(path, "m.gguf")
    assert file.tensors["blk.0.odd.weight"].shape == (2, 256)
    with pytest.raises(ModelUnavailable, match=r"does not unpack its tensors of type Q8_K \(blk\.0\.odd"):
        file.read("blk.0.odd.weight")


def test_the_stated_quantisation_is_the_one_that_is_told(tmp_path):
    path = tmp_path / "m.gguf"
    write_gguf(path, tiny_model("llama"), quantisation="Q8_0", more=lambda writer: writer.add_file_type(15))
    assert open_gguf(path, "m.gguf").packed_as == "Q4_K_M"


def test_each_cut_of_a_file_is_a_line(tmp_path, whole):
    content = whole.read_bytes()
    for kept in (*range(0, 4000, 97), len(content) // 2, len(content) - 1):
        path = tmp_path / f"{kept}.gguf"
        path.write_bytes(content[:kept])
        with pytest.raises(ModelUnavailable, match=r"is damaged|is truncated|is no GGUF file") as told:
            open_gguf(path, path.name)
        assert "\n" not in str(told.value) and path.name in str(told.value)


def test_flipped_bytes_are_a_line_or_another_number(tmp_path, whole):
    """Whatever a header holds instead: no other error, and no endless loop."""
    content = bytearray(whole.read_bytes()[:6000])
    random = np.random.default_rng(0)
    for at in random.integers(4, 6000, 60):
        damaged = content.copy()
        damaged[at : at + 8] = bytes(random.integers(0, 256, 8, np.uint8))
        path = tmp_path / f"{at}.gguf"
        path.write_bytes(damaged)
        with pytest.raises(ModelUnavailable):
            open_gguf(path, path.name)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"{}", "is no GGUF file"),
        (b"GGUF" + (1).to_bytes(4, "little"), "of GGUF version 1"),
        (b"GGUF" + (3).to_bytes(4, "big"), "for a machine of the other byte order"),
    ],
)
def test_other_files_are_named(tmp_path, head, said):
    path = tmp_path / "m.gguf"
    path.write_bytes(head + bytes(40))
    with pytest.raises(ModelUnavailable, match=said):
        open_gguf(path, "m.gguf")


def test_parts_of_a_model_are_named(tmp_path):
    def adapter(writer):
        writer.add_type("adapter")

    split, named = tmp_path / "part.gguf", tmp_path / "big-00001-of-00003.gguf"
    write_gguf(split, tiny_model("llama"), more=lambda writer: writer.add_uint16("split.count", 3))
    write_gguf(named, tiny_model("llama"))
    for path in (split, named):
        with pytest.raises(ModelUnavailable, match="one part of a split model; join the parts"):
            open_gguf(path, path.name)
    with pytest.raises(ModelUnavailable, match="a vocabulary alone"):
        open_gguf(write_gguf(tmp_path / "v.gguf", None, tiny_tokenizer()), "v.gguf")
    with pytest.raises(ModelUnavailable, match=r"no language model but a part of one \(adapter\)"):
        open_gguf(write_gguf(tmp_path / "a.gguf", tiny_model("llama"), more=adapter), "a.gguf")


def test_without_the_package_its_name_is_told(tmp_path, monkeypatch):
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ModelUnavailable, match="needs the gguf package: pip install gguf"):
        open_gguf(path, "m.gguf")
