"""A draft whose logits are no numbers costs speed and nothing else: the output keeps its law."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from tiny_models import VOCAB, prompts, tiny_pair

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.draft_model import DraftModel
from specdec_lib.decoding.sampling import SamplingParams, draw
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.models.wrapper import ModelWrapper

NONE = {"NaN": math.nan, "one NaN": math.nan, "+inf": math.inf, "-inf": -math.inf}
CONTEXT = prompts(1, seed=4)[0]


def useless_draft(kind: str) -> ModelWrapper:
    """The draft of the pair, its head spoilt behind every other token."""
    draft = tiny_pair("llama", num_layers=2)[1]

    def spoil(module, inputs, logits):
        column = 5 if kind in ("one NaN", "+inf") else slice(None)
        bad = logits.argmin(-1) % 2 == 0
        spoilt = logits.clone()
        spoilt[..., column] = NONE[kind]
        return torch.where(bad[..., None], spoilt, logits)

    draft.model.lm_head.register_forward_hook(spoil)
    return draft


@pytest.mark.parametrize("kind", NONE)
@pytest.mark.parametrize("k", [1, 4])
def test_greedy_ids_are_the_target_s_own(kind, k):
    target, draft = tiny_pair("llama", num_layers=2)[0], useless_draft(kind)
    expected = AutoregressiveDecoder(target).generate(CONTEXT, 40, 0.0)
    ours = SpeculativeDecoder(target, draft, k).generate(CONTEXT, 40, 0.0)
    assert ours.generated_ids == expected.generated_ids


@pytest.mark.parametrize(
    "params", [SamplingParams(0.8), SamplingParams(1.3, top_k=9, repetition_penalty=1.2)]
)
@pytest.mark.parametrize("kind", NONE)
def test_each_id_was_drawn_from_its_row_and_each_row_is_a_law(kind, params):
    uniform = 0
    for seed in range(6):
        state = DraftModel(useless_draft(kind)).start(CONTEXT)
        proposal = state.propose(CONTEXT, 5, params, torch.Generator().manual_seed(seed))
        assert proposal.probs is not None and proposal.probs.isfinite().all()
        torch.testing.assert_close(proposal.probs.sum(-1), torch.ones(5))
        again = torch.Generator().manual_seed(seed)
        assert [int(draw(row, again)) for row in proposal.probs] == proposal.ids.tolist()
        uniform += int(((proposal.probs > 0).sum(-1) == VOCAB).sum()) if params.top_k is None else 0
    assert params.top_k is not None or uniform > 0


@pytest.mark.unchecked
@pytest.mark.parametrize("verifier", ["token", "block"])
def test_the_joint_law_of_three_tokens_is_the_target_s(verifier):
    """Behind half of the prefixes the draft's logits are NaN."""
    target = TableModel.random(3, seed=1)
    draft = target.near(seed=2, weight=0.5)
    for first in range(3):
        draft._row_of[first][first] = torch.full((3,), math.nan)
    decoder = SpeculativeDecoder(target, draft, 2, verifier=verifier)
    counts = np.zeros((3, 3, 3))
    for seed in range(3_000):
        counts[tuple(decoder.generate([1, 2], 3, 1.0, seed=seed).generated_ids)] += 1
    law = target.law([1, 2], 3)
    assert chisquare(counts.ravel(), law * counts.sum()).pvalue > 1e-4
