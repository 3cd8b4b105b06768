"""A model that drafts: what it proposes was drawn from the rows it hands over, which are warped once."""

from __future__ import annotations

import pytest
import torch
from tiny_models import prompts, tiny_pair

from specdec_lib.decoding.drafters.draft_model import DraftModel
from specdec_lib.decoding.sampling import SamplingParams, draw, probs_from_logits
from specdec_lib.decoding.speculative import SpeculativeDecoder

WARPED = SamplingParams(0.5, top_k=20, top_p=0.9, repetition_penalty=1.3)
CONTEXT = prompts(1, seed=3)[0]


@pytest.fixture
def draft() -> DraftModel:
    return DraftModel(tiny_pair("llama")[1])


@pytest.mark.parametrize("params", [SamplingParams(0.5), WARPED], ids=["temperature", "all warpers"])
def test_each_row_is_the_models_own_warped_once(draft, params):
    """Traps 1 and 12: no warper twice, none left out, and the penalty counts what was drafted before."""
    proposal = draft.start(CONTEXT).propose(CONTEXT, 5, params, torch.Generator().manual_seed(0))
    text = list(CONTEXT)
    for token, row in zip(proposal.ids.tolist(), proposal.probs, strict=True):
        logits, _ = draft.model.forward(torch.tensor([text]), use_cache=False, logits_to_keep=1)
        torch.testing.assert_close(row, probs_from_logits(logits[0, -1], params, text), atol=1e-5, rtol=1e-4)
        text.append(token)


def test_each_id_was_drawn_from_its_row(draft):
    """Traps 2, 6 and 9: no argmax, nothing dropped for being improbable, no coarser copy of the row."""
    params = SamplingParams(2.0)
    for seed in range(10):
        proposal = draft.start(CONTEXT).propose(CONTEXT, 8, params, torch.Generator().manual_seed(seed))
        again = torch.Generator().manual_seed(seed)
        assert proposal.probs.dtype == torch.float32 and len(proposal.ids) == 8
        assert [int(draw(row, again)) for row in proposal.probs] == proposal.ids.tolist()


def test_a_draft_that_knows_how_long_its_text_becomes_allocates_once(draft):
    """Growing while it drafts would hold two buffers at once, at the peak."""
    capacities = set()
    for length in (0, 130):
        state = draft.start(CONTEXT, length)
        for n in range(len(CONTEXT), 129, 4):
            state.propose([5] * n, 1, SamplingParams(0.0), torch.Generator())
            capacities.add((length, state._cache.capacity))
    assert len([1 for length, _ in capacities if length == 130]) == 1
    assert len([1 for length, _ in capacities if length == 0]) > 1


@pytest.mark.parametrize("params", [{"temperature": 0.5}, {"temperature": 1.3, "top_k": 9, "top_p": 0.8}])
def test_a_target_accepts_whatever_it_drafts_for_itself(params):
    """Trap 1: warped on one side only, or twice on the other, q is not p and drafts are rejected."""
    target, _ = tiny_pair("llama")
    result = SpeculativeDecoder(target, target, k=4).generate(CONTEXT, 60, seed=1, **params)
    assert result.accepted_per_round == result.drafted_per_round
