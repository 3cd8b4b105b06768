"""A chapter's opening: the pair of its parameters, and prompts that leave room for what is written."""

from __future__ import annotations

import pytest
from models.architectures import save_model

from specdec_lib.bench.notebook.chapter import ROOM, open_pair
from specdec_lib.data.prompts import PromptDataset
from specdec_lib.errors import UnknownPair


def test_no_parameters_open_the_embedded_pair():
    opened = open_pair()
    assert opened.is_pocket and opened.target.param_count > opened.draft.param_count
    assert opened.encode("A short text.") == opened.target.encode("A short text.")
    prompts = PromptDataset.build(opened.target, n_per_domain=3, source="builtin")
    assert opened.prompt("code", 1) == opened.target.encode(prompts.get_by_domain("code")[1].raw_text)


def test_a_prompt_that_does_not_fit_keeps_its_end(tmp_path):
    where = str(save_model(tmp_path / "model", max_position_embeddings=96))
    opened = open_pair(target=where, draft=where)
    ids = opened.target.encode("one two three four five six seven eight nine ten")
    assert not opened.is_pocket and opened.longest_prompt == 96 - ROOM < len(ids)
    assert opened.encode("one two three four five six seven eight nine ten") == ids[-16:]


def test_an_unknown_pair_is_refused():
    with pytest.raises(UnknownPair):
        open_pair("nobody")
