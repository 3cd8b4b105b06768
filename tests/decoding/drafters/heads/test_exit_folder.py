"""A trained exit on the disk: what was saved comes back, for its model in every dtype and for no other."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from models.architectures import tiny_model

from specdec_lib.decoding.drafters.heads.adapter import ExitAdapter
from specdec_lib.decoding.drafters.heads.exit_folder import (
    FACTS,
    WEIGHTS,
    ExitFacts,
    find_exit,
    fingerprint_of,
    load_exit,
    save_exit,
)
from specdec_lib.errors import InvalidArgument

FACTS_OF_ONE = ExitFacts(layers=1, depth=2, width=32, rank=4, target="tiny")


@pytest.fixture
def model():
    return tiny_model("llama")


@pytest.fixture
def folder(model, tmp_path: Path) -> Path:
    adapter = ExitAdapter(32, 4, seed=5)
    torch.nn.init.normal_(adapter.outwards)
    save_exit(tmp_path / "mine", FACTS_OF_ONE, adapter, model)
    return tmp_path / "mine"


def test_what_was_saved_comes_back(model, folder):
    found = load_exit(str(folder))
    assert find_exit(str(folder)) == found.facts == FACTS_OF_ONE
    assert torch.equal(found.adapter.inwards, ExitAdapter(32, 4, seed=5).inwards)
    assert not any(parameter.requires_grad for parameter in found.adapter.parameters())
    assert found.fingerprint.keys() == fingerprint_of(model).keys()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_target_is_known_in_every_dtype(model, folder, dtype):
    load_exit(str(folder)).require_target(model.to(dtype), "tiny", str(folder))


def test_another_model_is_refused_by_both_names(model, folder):
    found = load_exit(str(folder))
    tuned = copy.deepcopy(model)
    tuned.model.layers[1].mlp.up_proj.weight.data *= 1.05
    for other in (tuned, tiny_model("llama", seed=1), tiny_model("gpt2")):
        with pytest.raises(InvalidArgument, match="trained for tiny, and other has other weights; train one"):
            found.require_target(other, "other", str(folder))


def test_what_is_no_trained_exit_is_refused(folder, tmp_path):
    with pytest.raises(InvalidArgument, match="'head:nobody': there is no such folder"):
        find_exit("nobody")
    with pytest.raises(InvalidArgument, match="holds no trained exit"):
        find_exit(str(tmp_path))
    facts = json.loads((folder / FACTS).read_text())
    for damaged in ("[]", "{", json.dumps({**facts, "layers": 0}), json.dumps({**facts, "rank": "4"})):
        (folder / FACTS).write_text(damaged)
        with pytest.raises(InvalidArgument, match=r"holds no trained exit|is damaged"):
            load_exit(str(folder))


@pytest.mark.parametrize("damage", ["cut", "gone", "another shape"])
def test_damaged_weights_are_refused(folder, damage):
    if damage == "cut":
        (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:100])
    elif damage == "gone":
        (folder / WEIGHTS).unlink()
    else:
        facts = json.loads((folder / FACTS).read_text())
        (folder / FACTS).write_text(json.dumps({**facts, "rank": 5}))
    with pytest.raises(InvalidArgument, match=r"exit\.safetensors cannot be read .*; train the exit again"):
        load_exit(str(folder))
