"""The target's own layers as a draft: what they share, when they are silent, and what is refused."""

from __future__ import annotations

import pytest
import torch
from models.architectures import CONFIGS, tiny_model
from tiny_models import tiny_pair

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.cascade import Cascade
from specdec_lib.decoding.drafters.layer_skip import LayerSkip, all_but, first_layers_of
from specdec_lib.decoding.drafters.lookup import PromptLookup
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.doubles.remembering import RememberingModel
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.models.caches.preallocated import PreallocatedLayer
from specdec_lib.models.wrapper import ModelWrapper

TEXT = [5, 6, 7, 5, 6, 9, 11]
GREEDY, SAMPLED = SamplingParams(0.0), SamplingParams(0.8, top_k=20)


@pytest.fixture
def target() -> ModelWrapper:
    return tiny_pair("llama", num_layers=2)[0]


class Watched(LayerSkip):
    """Keeps how many tokens its layers were fed at a time."""

    def __init__(self, *given):
        super().__init__(*given)
        self.fed: list[int] = []
        forward = self.model.forward

        def counted(input_ids, *more, **options):
            self.fed.append(input_ids.shape[1])
            return forward(input_ids, *more, **options)

        self.model.forward = counted


@pytest.mark.parametrize("params", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_it_drafts_the_same_behind_the_targets_cache_as_behind_its_own(target, params):
    drafter = first_layers_of(target, 1)
    lent, own = drafter.start(TEXT), drafter.start(TEXT)
    _, cache = target.forward(torch.tensor([TEXT[:-1]]), target.new_cache(40))
    lent.borrow(target, cache)
    made, expected = (
        state.propose(TEXT, 4, params, torch.Generator().manual_seed(1)) for state in (lent, own)
    )
    assert torch.equal(made.ids, expected.ids)
    if params is SAMPLED:
        assert torch.allclose(made.probs, expected.probs, atol=1e-5)
        logits, _ = drafter.model.forward(torch.tensor([[*TEXT, *made.ids[:-1].tolist()]]))
        assert torch.allclose(made.probs, probs_from_logits(logits[0, -4:], params), atol=1e-5)
    assert (lent.cache_length, own.cache_length) == (0, len(TEXT) + 3)
    assert target.get_cache_length(cache) == len(TEXT) - 1


def test_its_layers_read_one_token_at_a_time_and_never_the_prompt(target):
    drafter = Watched(target, [0])
    result = SpeculativeDecoder(target, drafter, k=3).generate(TEXT, 20, 0.0, trace=True)
    assert set(drafter.fed) == {1} and len(drafter.fed) == result.num_draft_tokens
    first, *others = result.trace.rounds
    assert not first.draft_ids and all(round_.draft_ids for round_ in others[:-1])


def test_no_buffer_of_the_target_is_ever_copied(target, monkeypatch):
    """A draft that held on to what it was lent would make the target move to buffers of its own."""
    moved = []
    move = PreallocatedLayer._move
    monkeypatch.setattr(
        PreallocatedLayer, "_move", lambda self, *given: moved.append(1) or move(self, *given)
    )
    drafter = Cascade(PromptLookup(target, least=2), first_layers_of(target, 1))
    decoder = SpeculativeDecoder(target, drafter, k=4)
    decoder.generate([*TEXT, *TEXT], 40, 0.0)
    assert len(moved) == 2  # each of the two layers once, when it was allocated


def test_neither_form_holds_a_weight(target):
    own = {id(parameter) for parameter in target.model.parameters()}
    for drafter in (first_layers_of(target, 1), all_but(target, [0])):
        assert {id(parameter) for parameter in drafter.model.model.parameters()} < own


def test_all_but_the_last_layers_are_the_first_ones(target):
    assert all_but(target, [1]).shares_cache and not all_but(target, [0]).shares_cache
    assert all_but(target, [0, 0]).name == "1 layers of LlamaForCausalLM"
    assert first_layers_of(target, 1, "layers:1").name == "layers:1"


@pytest.mark.parametrize("name", CONFIGS)
def test_in_every_family_greedy_ids_are_the_baselines(name):
    target = ModelWrapper(tiny_model(name))
    plain = AutoregressiveDecoder(target).generate(TEXT, 16, 0.0, ignore_eos=True).generated_ids
    for drafter in (first_layers_of(target, 1), all_but(target, [0])):
        decoder = SpeculativeDecoder(target, drafter, k=3)
        assert decoder.generate(TEXT, 16, 0.0, ignore_eos=True).generated_ids == plain


def test_a_compiled_target_lends_its_fixed_buffers(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    model = tiny_pair("llama", num_layers=2)[0].model
    target = ModelWrapper(model, compile=True)
    drafter = Watched(target, [0])
    plain = AutoregressiveDecoder(ModelWrapper(model)).generate(TEXT, 24, 0.0)
    result = SpeculativeDecoder(target, drafter, k=3).generate(TEXT, 24, 0.0)
    assert result.generated_ids == plain.generated_ids
    assert target.compiled.active and drafter.model.compiled.active and set(drafter.fed) == {1}


def test_a_loop_around_a_double_of_the_target_lends_nothing_that_is_used(target):
    """Its cache is of another type, so the draft keeps one of its own."""
    drafter = Watched(target, [0])
    plain = AutoregressiveDecoder(target).generate(TEXT, 16, 0.0)
    result = SpeculativeDecoder(RememberingModel(target), drafter, k=3).generate(TEXT, 16, 0.0)
    assert result.generated_ids == plain.generated_ids and drafter.fed[0] == len(TEXT)


def test_columns_are_the_targets():
    inner = tiny_pair("llama", num_layers=2)[0].model
    target = ModelWrapper(inner, vocab_size=250, masked_ids=[3])
    drafter = first_layers_of(target, 1)
    assert drafter.vocab_size == 250 and drafter.model.masked_ids == (3,)


def test_what_has_no_such_layers_is_refused(target):
    for count in (0, -1, True):
        with pytest.raises(InvalidArgument, match=r"layers is .*; pass a whole number"):
            first_layers_of(target, count)
    for count in (2, 3):
        with pytest.raises(InvalidArgument, match=r"(all|3) of its 2 layers are kept; leave some out"):
            first_layers_of(target, count)
    with pytest.raises(InvalidArgument, match="layer 7 is to be left out; it has layers 0 to 1"):
        all_but(target, [0, 7])
    with pytest.raises(InvalidArgument, match="all of its 2 layers are left out; keep some"):
        all_but(target, [0, 1])
    with pytest.raises(InvalidArgument, match="TableModel has no layers that could draft"):
        first_layers_of(TableModel.random(3, seed=0), 1)


def test_too_many_layers_and_none_are_refused_by_their_number(target):
    with pytest.raises(InvalidArgument, match="99 of its 2 layers"):
        first_layers_of(target, 99)
    with pytest.raises(InvalidArgument, match="all of its 2 layers are left out; keep some"):
        all_but(target, [0, 1])
