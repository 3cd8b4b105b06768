"""A trained exit as a draft: of its target alone, in the target's dtype, behind the target's cache."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.architectures import tiny_model

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.grammar import open_draft
from specdec_lib.decoding.drafters.heads.adapter import ExitAdapter
from specdec_lib.decoding.drafters.heads.exit_folder import ExitFacts, save_exit
from specdec_lib.decoding.drafters.heads.trained_exit import open_exit
from specdec_lib.decoding.drafters.layer_skip import first_layers_of
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.models.wrapper import ModelWrapper

TEXT = [5, 6, 7, 5, 6, 9, 11]


@pytest.fixture
def target() -> ModelWrapper:
    return ModelWrapper(tiny_model("llama"))


@pytest.fixture
def folder(target, tmp_path: Path) -> str:
    adapter = ExitAdapter(32, 4)
    torch.nn.init.normal_(adapter.outwards, generator=torch.Generator().manual_seed(0))
    facts = ExitFacts(layers=1, depth=2, width=32, rank=4, target="tiny")
    save_exit(tmp_path / "mine", facts, adapter, target.model)
    return str(tmp_path / "mine")


def test_it_drafts_otherwise_and_the_text_stays_the_targets(target, folder):
    drafter = open_draft(f"head:{folder}", target)
    assert drafter.name == f"head:{folder}" and drafter.shares_cache
    ids = torch.tensor([TEXT])
    plain = first_layers_of(target, 1).model.forward(ids)[0]
    assert not torch.allclose(drafter.model.forward(ids)[0], plain, atol=0.1)
    expected = AutoregressiveDecoder(target).generate(TEXT, 20, 0.0, ignore_eos=True).generated_ids
    result = SpeculativeDecoder(target, drafter, k=3).generate(TEXT, 20, 0.0, ignore_eos=True)
    assert result.generated_ids == expected


def test_it_computes_in_the_targets_dtype(folder):
    target = ModelWrapper(tiny_model("llama").to(torch.bfloat16))
    drafter = open_exit(folder, target)
    assert drafter.model.forward(torch.tensor([TEXT]))[0].dtype == torch.bfloat16


def test_another_target_is_refused(folder):
    with pytest.raises(InvalidArgument, match="was trained for tiny, and LlamaForCausalLM has other weights"):
        open_exit(folder, ModelWrapper(tiny_model("llama", seed=1)))
    with pytest.raises(InvalidArgument, match="TableModel has no layers"):
        open_exit(folder, TableModel.random(3, seed=0))
