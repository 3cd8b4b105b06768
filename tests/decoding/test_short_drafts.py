"""A drafter may propose fewer tokens than it is asked for, or none: the law and the counts stay right."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import one_hot

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.base import Drafter, DraftState, Proposal
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.mutants.trials import Case, ending, joint_law

SCENARIO = Scenario(vocab=3, length=4, k=3, eos_token_ids=(2,))


class Irregular:
    """Proposes token 1 as often as the length of the text says: two, one, no times."""

    name, context_length, vocab_size = "irregular", None, SCENARIO.vocab

    def start(self, prompt_ids, end: int = 0) -> Irregular:
        return self

    def roll_back(self, keep_length: int) -> None: ...

    def propose(self, context_ids, k, params, generator) -> Proposal:
        ids = torch.ones(min(k, len(context_ids) // 2 % 3), dtype=torch.long)
        return Proposal(ids, None if params.is_greedy else one_hot(ids, self.vocab_size).float())


def decoder(verifier: str = "token") -> SpeculativeDecoder:
    return SpeculativeDecoder(SCENARIO.models[0], Irregular(), SCENARIO.k, verifier)


def test_it_is_a_drafter():
    assert isinstance(Irregular(), Drafter) and isinstance(Irregular(), DraftState)


@pytest.mark.parametrize("verifier", ["token", "block"])
@pytest.mark.parametrize("trial", [joint_law, ending])
def test_the_law_and_the_ending_are_the_targets(trial, verifier):
    (look,) = trial(Case(decoder(verifier), SCENARIO, seed=4), [300])
    assert look.p_value > 1e-6


def test_a_round_without_a_draft_is_an_ordinary_step():
    target = SCENARIO.models[0]
    result = decoder().generate([0, 1], 12, 0.0, ignore_eos=True, trace=True)
    plain = AutoregressiveDecoder(target).generate([0, 1], 12, 0.0, ignore_eos=True)
    assert result.generated_ids == plain.generated_ids
    lengths = [len(round_.draft_ids) for round_ in result.trace.rounds]
    kinds = [round_.kind for round_ in result.trace.rounds]
    assert set(lengths) == {0, 1, 2}
    assert [kind == "autoregressive" for kind in kinds] == [length == 0 for length in lengths]
    assert result.drafted_per_round == [length for length in lengths if length]
