"""The cache check of a proof: each way in which a cache can go wrong is rejected, rounding is not."""

from __future__ import annotations

import copy

import pytest
import torch
from tiny_models import ARCHITECTURES, prompts, tiny_pair

from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.checks import check_caches
from specdec_lib.lossless.doubles.base import StandIn
from specdec_lib.lossless.doubles.checked import CheckedModel
from specdec_lib.models.base import CausalModel
from specdec_lib.models.caches.preallocated import PreallocatedLayer

pytestmark = pytest.mark.unchecked


class FaultyCut(StandIn):
    """A model whose roll-back does ``fault`` to each layer of the cut: (layer, index, keys, whole keys)."""

    def __init__(self, model: CausalModel, fault) -> None:
        super().__init__(model)
        self._fault = fault

    def truncate_cache(self, cache, keep_length):
        """A cut with a buffer of its own, so that the fault harms nothing else."""
        cut = copy.copy(super().truncate_cache(cache, keep_length))
        layers = zip(cut.layers, cache.layers, strict=True)
        cut.layers = [self._faulty(index, *pair) for index, pair in enumerate(layers)]
        return cut

    def _faulty(self, index: int, cut, whole):
        states = [
            self._fault(index, ours.clone(), theirs)
            for ours, theirs in ((cut.keys, whole.keys), (cut.values, whole.values))
        ]
        layer = PreallocatedLayer()
        layer.update(*states)
        return layer


def keeps_one_position_too_many_in_place_of_the_last(index, kept, whole):
    """Off by one: a rejected token stands where the last kept one should, if more than one was rejected."""
    if whole.shape[-2] > kept.shape[-2] + 1:
        kept[..., -1, :] = whole[..., kept.shape[-2], :]
    return kept


def forgets_the_first_position(index, kept, whole):
    """Off by one at the other end: every position is the one behind it."""
    return whole[..., 1 : kept.shape[-2] + 1, :] if whole.shape[-2] > kept.shape[-2] else kept


def last_layer_is_wrong(index, kept, whole):
    """One layer alone, at its last position."""
    if index == 1:
        kept[..., -1, :] = kept[..., 0, :]
    return kept


def in_bfloat16(index, kept, whole):
    """Keys and values that were kept in half precision."""
    return kept.bfloat16().to(kept.dtype)


FAULTS = (
    keeps_one_position_too_many_in_place_of_the_last,
    forgets_the_first_position,
    last_layer_is_wrong,
    in_bfloat16,
)


def found_of(target: CausalModel, draft: CausalModel):
    models = [CheckedModel(target), CheckedModel(draft)]
    return check_caches(SpeculativeDecoder(*models, k=4), prompts(1)[0], 40, models)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rounding_is_let_pass(architecture):
    target, draft = tiny_pair(architecture, num_layers=2)
    untouched = [FaultyCut(model, lambda index, kept, whole: kept) for model in (target, draft)]
    for models in ((target, draft), untouched):
        found = found_of(*models)
        assert found.passed and found.num_samples > 10, found


IN_TURN = [
    (architecture, fault, ("target", "draft")[(row + column) % 2])
    for row, architecture in enumerate(ARCHITECTURES)
    for column, fault in enumerate(FAULTS)
]
"""Every fault in every architecture; target and draft take turns, so that each has every fault somewhere."""


@pytest.mark.parametrize(
    ("architecture", "fault", "whose"), IN_TURN, ids=[f"{a}-{fault.__name__}-{w}" for a, fault, w in IN_TURN]
)
def test_a_wrong_cache_is_rejected(architecture, fault, whose):
    target, draft = tiny_pair(architecture, num_layers=2)
    if whose == "target":
        target = FaultyCut(target, fault)
    else:
        draft = FaultyCut(draft, fault)
    assert found_of(target, draft).rejected


class KeepsInBfloat16(StandIn):
    """A model that keeps what it cached in half precision from the first forward on, cut or not."""

    @torch.inference_mode()
    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        """As the model's own, with its cache rounded behind it."""
        logits, cache = super().forward(input_ids, past_key_values, use_cache, logits_to_keep)
        for layer in [] if cache is None else cache.layers:
            for states in (layer.keys, layer.values):
                states.copy_(states.bfloat16().to(states.dtype))
        return logits, cache


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_cache_that_rounds_excuses_itself_no_further_than_rounding_goes(architecture):
    """The noise is measured on the model's own caches, wrong ones too: what it may allow is bounded."""
    target, draft = tiny_pair(architecture, num_layers=2)
    assert found_of(KeepsInBfloat16(target), draft).rejected


def test_the_probe_leaves_the_cut_and_the_text_as_they_were():
    target, draft = tiny_pair("llama")
    checked = [CheckedModel(target), CheckedModel(draft)]
    ours, theirs = (
        SpeculativeDecoder(*models, k=4).generate(prompts(1)[0], 40, 0.8, seed=0).generated_ids
        for models in (checked, (target, draft))
    )
    assert ours == theirs and checked[0].num_checks > 10


def test_a_cache_without_room_for_another_token_is_not_probed():
    """The last positions of a context: a probe behind them would be outside of it."""
    target, _ = tiny_pair("gpt2")
    end = target.context_length
    model = CheckedModel(target)
    _, cache = model.forward(torch.tensor([[1, 2] * (end // 2)]))
    assert model.get_cache_length(model.truncate_cache(cache, end)) == end and model.num_checks == 0
    model.truncate_cache(cache, end - 1)
    assert model.num_checks == 1 and model.largest_difference <= model.allowed
