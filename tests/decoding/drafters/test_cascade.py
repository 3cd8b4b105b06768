"""A cascade asks one drafter after the other, and a model in it catches up with what it was not asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from tiny_models import tiny_pair
from torch.nn.functional import one_hot

from specdec_lib.decoding.draft_length import Confidence
from specdec_lib.decoding.drafters.base import Drafter, Proposal
from specdec_lib.decoding.drafters.cascade import Cascade
from specdec_lib.decoding.drafters.draft_model import DraftModel, DraftModelState
from specdec_lib.decoding.drafters.lookup import PromptLookup
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument, VocabularyMismatch
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.models.wrapper import ModelWrapper

GREEDY = SamplingParams(0.0)


@dataclass
class Says:
    """Proposes one token of its own where the length of the text is a multiple of ``every``."""

    token: int
    every: int = 1
    vocab_size: int = 5
    context_length: int | None = None
    asked: list[int] = field(default_factory=list)
    rolled: list[int] = field(default_factory=list)
    soft: bool = False

    @property
    def name(self):
        return f"says {self.token}"

    def start(self, prompt_ids, end=0):
        return self

    def roll_back(self, keep_length):
        self.rolled.append(keep_length)

    def propose(self, context_ids, k, params, generator):
        self.asked.append(k)
        ids = torch.tensor([self.token] * (len(context_ids) % self.every == 0), dtype=torch.long)
        rows = one_hot(ids, self.vocab_size).float()
        return Proposal(ids, None if params.is_greedy else rows / (2 if self.soft else 1))


def first(cascade: Cascade, ids: list[int], k: int = 3, params: SamplingParams = GREEDY) -> list[int]:
    return cascade.start(ids).propose(ids, k, params, torch.Generator()).ids.tolist()


def test_it_is_a_drafter_under_the_names_of_its_parts():
    cascade = Cascade(Says(1), Cascade(Says(2), Says(3)))
    assert isinstance(cascade, Drafter) and cascade.name == "says 1 > says 2 > says 3"
    assert Cascade(Says(1), name="mine").name == "mine"


def test_the_first_that_has_something_to_say_drafts_and_no_other_is_asked():
    parts = [Says(1, every=4), Says(2, every=2), Says(3)]
    cascade = Cascade(parts[0], Cascade(*parts[1:]))
    assert [first(cascade, [0] * length) for length in (4, 5, 6)] == [[1], [3], [2]]
    assert [len(part.asked) for part in parts] == [3, 2, 1]
    assert first(Cascade(Says(1, every=4)), [0]) == []


def test_its_device_is_that_of_the_first_part_that_has_one():
    target = TableModel.random(5, seed=0)
    assert Cascade(Says(1), PromptLookup(target)).device == Cascade(Says(1)).device == target.device
    target.device = torch.device("meta")
    assert Cascade(Says(1), DraftModel(target), PromptLookup(target)).device.type == "meta"


def test_all_of_them_are_rolled_back():
    parts = [Says(1), Says(2)]
    Cascade(*parts).start([]).roll_back(7)
    assert [part.rolled for part in parts] == [[7], [7]]


@pytest.mark.parametrize(("length", "drafted", "asked"), [(4, [1], [3]), (6, [1], [1]), (7, [2], [])])
def test_a_part_is_passed_over_where_its_context_ends(length, drafted, asked):
    near = Says(1, context_length=6)
    cascade = Cascade(near, Says(2))
    assert first(cascade, [0] * length) == drafted and near.asked == asked
    assert cascade.context_length is None and Cascade(near, Says(2, context_length=9)).context_length == 9


def test_laws_of_every_part_are_looked_at():
    target = TableModel.random(5, seed=0)
    for silent in (Says(1, every=100), Says(1)):
        decoder = SpeculativeDecoder(target, Cascade(silent, Says(2, every=3, soft=True)), k=2)
        if silent.every == 1:
            assert decoder.generate([1, 2], 9, 0.8, seed=0).num_tokens == 9  # the other is never asked
        else:
            with pytest.raises(InvalidArgument, match="says 2"):
                decoder.generate([1, 2], 9, 0.8, seed=0)


def test_a_proposal_that_nobody_can_judge_names_its_part():
    class Long(Says):
        def propose(self, context_ids, k, params, generator):
            return Proposal(torch.ones(9, dtype=torch.long), None)

    with pytest.raises(InvalidArgument, match=r"drafter says 3: .* at most 2"):
        first(Cascade(Says(1, every=9), Long(3)), [0], k=2)


def test_no_part_and_parts_of_two_widths_are_refused():
    with pytest.raises(InvalidArgument, match="no drafters"):
        Cascade()
    with pytest.raises(VocabularyMismatch, match="says 1 has 5 logits, says 2 has 6"):
        Cascade(Says(1), Says(2, vocab_size=6))


@pytest.mark.parametrize("compile", [False, True], ids=["eager", "compiled"])
def test_a_model_drafts_what_it_would_draft_alone_however_many_rounds_it_was_not_asked(compile, monkeypatch):
    """Each proposal is compared with that of a cache that was filled in one forward."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    target, draft = tiny_pair("llama")
    if compile:
        target, draft = (ModelWrapper(model.model, compile=True) for model in (target, draft))
    alone, made = DraftModel(draft), []

    class Watched(DraftModel):
        class state(DraftModelState):
            def propose(self, context_ids, k, params, generator):
                proposal = super().propose(context_ids, k, params, generator)
                fresh = alone.start([], 80).propose(context_ids, k, params, torch.Generator())
                made.append((proposal.ids.tolist(), fresh.ids.tolist()))
                return proposal

    prompt = [5, 6, 7, 8, 5, 6, 7, 8, 5, 6]
    decoder = SpeculativeDecoder(target, Cascade(PromptLookup(target, least=1), Watched(draft)), k=3)
    result = decoder.generate(prompt, 48, 0.0, trace=True)
    assert [ours for ours, _ in made] == [theirs for _, theirs in made]
    assert 0 < len(made) < len(result.trace.rounds)  # both had their rounds
    assert any(round_.draft_cache_length for round_ in result.trace.rounds)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_policy_that_reads_laws_reads_those_of_the_part_that_drafts(temperature):
    target, draft = TableModel.random(5, seed=1), TableModel.random(5, seed=2)

    def lengths(drafter, threshold):
        decoder = SpeculativeDecoder(target, drafter, k=Confidence(threshold, most=6))
        return decoder.generate([1, 2], 60, temperature, seed=3, ignore_eos=True).drafted_per_round

    silent = Says(1, every=1000)
    for threshold in (0.0, 0.4, 1.0):
        assert lengths(Cascade(silent, draft), threshold) == lengths(draft, threshold)
    assert len({*lengths(Cascade(silent, draft), 0.4)[:-1]}) > 1


def test_parts_are_told_which_lengths_come_often():
    told = []
    part = Says(1)
    part.expect_lengths = lambda *lengths: told.append(lengths)
    Cascade(part, Says(2)).expect_lengths(1, 2, 4)
    assert told == [(1, 2, 4)]
