"""A draft length from costs and counts: near the best fixed K where drafting pays, near nothing where not."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from tiny_models import tiny_pair

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.cost_aware import FIRST_REST, LONGEST_REST, BetaLaw, CostAware, CostAwareState
from specdec_lib.decoding.draft_length import Fixed, wanted
from specdec_lib.decoding.drafters.draft_model import DraftModel, DraftModelState
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.enumeration import (
    ROUNDING,
    Prefix,
    largest_difference,
    library_judge,
    round_law,
    target_law,
)
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.theory.speedup import optimal_k


def cyclic(vocab: int, shift: int) -> TableModel:
    """A model that is all but certain: after token b comes b + ``shift``."""
    rows = np.full((vocab, vocab, vocab), 1e-3 / (vocab - 1))
    for last in range(vocab):
        rows[:, last, (last + shift) % vocab] = 1 - 1e-3
    return TableModel(rows)


OVERHEAD = 0.02


# -- rounds of a simulated text -----------------------------------------------------------------------------


def simulated(policy, places: list[float], c: float, slope: float, seed: int = 1) -> float:
    """Tokens a unit of cost over ten texts of 200; a draft token stays with the probability of its place.

    Every token has its dice thrown beforehand, so that two policies are compared on the same texts.
    """
    rng, cost, limits = np.random.default_rng(seed), 0.0, np.array(places)
    for _ in range(10):
        dice, state, done = rng.random(200), policy.start(), 0
        while done < 200:
            k = wanted(state, 200 - done - 1)
            accepted = int((dice[done : done + k] < limits[:k]).cumprod().sum())
            cost += k * c + 1 + slope * k + OVERHEAD if k else 1.0
            done += accepted + 1
            state.observe(k, accepted)
    return 2000 / cost


def behind_the_best(places: list[float], c: float, slope: float) -> float:
    """What the policy reaches of the best fixed length in hindsight, or of plain decoding."""
    aware = CostAware(c, {k: 1 + slope * k for k in range(1, 9)}, OVERHEAD)
    fixed = [simulated(Fixed(k), places, c, slope) for k in range(1, 9)]
    return simulated(aware, places, c, slope) / max(1.0, *fixed)


@pytest.mark.unchecked
@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("c", [0.02, 0.1, 0.3, 0.6])
def test_no_fixed_length_or_plain_decoding_is_faster_by_more_than_3_percent(alpha, c):
    """The policy knows the costs, and of alpha what it has seen."""
    assert behind_the_best([alpha] * 8, c, slope=0.03) >= 0.97


@pytest.mark.unchecked
@pytest.mark.parametrize("first", [0.2, 0.45, 0.7])
@pytest.mark.parametrize("later", [0.5, 0.85])
def test_nor_by_more_than_5_where_a_token_that_stays_tells_of_the_next(first, later):
    """As in a lookup, which costs nothing; verifying it does."""
    assert behind_the_best([first, *[later] * 7], c=0.0, slope=0.06) >= 0.95


@pytest.mark.unchecked
def test_plain_decoding_is_not_faster_by_more_than_2_percent_when_the_draft_is_useless():
    for c in (0.02, 0.1, 0.3, 0.6, 1.0):
        state, cost = CostAware(c).start(), 0.0
        for _ in range(200):
            k = wanted(state, 8)
            cost += k * c + 1
            state.observe(k, 0)
        assert 200 / cost >= 0.98


def test_with_alpha_known_the_length_is_that_of_the_law():
    for alpha, c in ((0.5, 0.05), (0.5, 0.1), (0.7, 0.05), (0.7, 0.1), (0.8, 0.05), (0.8, 0.1), (0.2, 0.3)):
        policy = CostAware(c, dict.fromkeys(range(1, 11), 1.0))
        known = BetaLaw(1e7 * alpha, 1e7 * (1 - alpha))
        assert policy.best(known, known) == optimal_k(alpha, c)


# -- the schedule -------------------------------------------------------------------------------------------


def alpha(state: CostAwareState) -> float:
    """What it takes the acceptance of a draft's first token for."""
    return state.judged.laws()[0].mean


def until_it_rests(state: CostAwareState) -> int:
    """Rounds that it drafts in vain."""
    for count in range(1000):
        if not wanted(state, 8):
            return count
        state.observe(wanted(state, 8), 0)
    raise AssertionError("it never rests")


def test_a_probe_is_one_token_and_each_that_is_rejected_doubles_the_rest():
    state = CostAware(0.3).start()
    assert until_it_rests(state) < 10
    rests, plain = [], 0
    for _ in range(2000):
        k = wanted(state, 8)
        assert k in (0, 1)
        state.observe(k, 0)
        plain += not k
        if k:
            rests.append(plain)
            plain = 0
    assert rests[0] == FIRST_REST and set(rests[5:]) == {LONGEST_REST}
    assert rests[:5] == [FIRST_REST * 2**n for n in range(5)]


def test_a_draft_that_becomes_good_is_found_and_followed():
    state = CostAware(0.1).start()
    until_it_rests(state)
    lengths: list[int] = []
    for _ in range(FIRST_REST + 30):
        lengths.append(wanted(state, 8))
        state.observe(lengths[-1], lengths[-1])
    assert lengths[:FIRST_REST] == [0] * FIRST_REST and lengths[FIRST_REST] == 1
    assert lengths == sorted(lengths) and lengths[-1] == 8 and alpha(state) > 0.6


def test_a_drafter_that_has_nothing_to_say_teaches_nothing():
    """A round that was to draft, and in which nothing was proposed, is no rejection and no rest."""
    policy = CostAware(0.1)
    state = policy.start()
    first = wanted(state, 8)
    for _ in range(100):
        state.observe(0, 0)
    assert wanted(state, 8) == first > 0 and alpha(state) == 0.5 == alpha(policy.start())


def test_a_text_begins_with_what_earlier_ones_showed_and_soon_goes_its_own_way():
    policy, alone = CostAware(0.1), CostAware(0.1, shared=False)
    for each in (policy, alone):
        state = each.start()
        for _ in range(40):
            state.observe(4, 4)
    assert alpha(alone.start()) == 0.5 and alpha(policy.start()) > 0.95
    later = policy.start()
    for _ in range(60):
        later.observe(1, 0)
    assert alpha(later) < 0.4


# -- in the loop --------------------------------------------------------------------------------------------


class Counted(DraftModel):
    """A draft model that is known by how often it was asked, and for how many tokens."""

    asked: list[int]

    class state(DraftModelState):
        asked: list[int]

        def propose(self, context_ids, k, params, generator):
            self.asked.append(k)
            return super().propose(context_ids, k, params, generator)

    def start(self, prompt_ids, end=0):
        state = super().start(prompt_ids, end)
        state.asked = self.asked
        return state


def counted(draft: TableModel) -> Counted:
    drafter = Counted(draft)
    drafter.asked = []
    return drafter


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_useless_draft_is_hardly_asked(temperature):
    """Counts alone: one target forward a token as in plain decoding, and a few draft tokens in 200."""
    target, draft = cyclic(12, 1), cyclic(12, 5)
    drafter = counted(draft)
    decoder = SpeculativeDecoder(target, drafter, k=CostAware(0.3))
    first = decoder.generate([1, 2], 200, temperature, seed=0)
    assert len(target.forwards) == 200 and first.num_accepted_draft_tokens == 0
    assert len(drafter.asked) <= 9 and sum(drafter.asked) == len(draft.forwards) <= 12
    assert first.num_plain_rounds == 200 - len(drafter.asked)
    drafter.asked.clear()
    decoder.generate([3, 4], 200, temperature, seed=0)
    assert sum(drafter.asked) <= 4  # it knows by now, and only probes


def test_what_was_not_asked_for_is_fed_when_it_is():
    """A drafter catches up by itself: its next forward sees all that was emitted without it."""
    target, draft = cyclic(12, 1), cyclic(12, 5)
    SpeculativeDecoder(target, counted(draft), k=CostAware(0.3)).generate([1, 2], 200, 0.0)
    assert max(fed for _, fed in list(draft.forwards)[1:]) == 1 + 4 * FIRST_REST
    assert draft.forwards[-1][0] + draft.forwards[-1][1] <= 202


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_perfect_and_cheap_draft_is_asked_for_all_it_can_give(temperature):
    target, draft = cyclic(12, 1), cyclic(12, 1)
    drafter = counted(draft)
    result = SpeculativeDecoder(target, drafter, k=CostAware(0.02)).generate([1, 2], 200, temperature, seed=0)
    assert set(drafter.asked[1:-1]) == {8} and drafter.asked[0] >= 4
    assert len(target.forwards) <= -(-200 // 9) + 1 and result.num_plain_rounds <= 1


def test_texts_of_one_policy_that_are_open_at_once_know_their_own_counts():
    target = TableModel.random(8, seed=1, concentration=0.3)
    decoder = SpeculativeDecoder(target, target.near(2, 0.3), k=CostAware(0.2, shared=False))
    texts = [([1, 2], 0), ([3, 4], 1), ([5], 2)]
    alone = [decoder.generate(prompt, 60, 1.0, seed=seed) for prompt, seed in texts]
    open_ones = [decoder.start(prompt, 60, 1.0, seed=seed) for prompt, seed in texts]
    for _ in range(60):
        for generation in open_ones:
            next(generation, None)
    for expected, generation in zip(alone, open_ones, strict=True):
        assert generation.result().generated_ids == expected.generated_ids
        assert generation.result().drafted_per_round == expected.drafted_per_round
    assert len({tuple(result.drafted_per_round) for result in alone}) == 3


@pytest.mark.parametrize("verifier", ["token", "block"])
@pytest.mark.parametrize("c", [0.2, 0.6])
def test_lengths_that_follow_what_was_accepted_keep_the_law(c, verifier):
    """The joint law of four tokens, summed over every draft and verdict of every chain of rounds."""

    def model(seed: int):
        def law(prefix: Prefix) -> list[float]:
            rng = np.random.default_rng([seed, *(token + 1 for token in prefix)])
            return rng.dirichlet(np.ones(3)).tolist()

        return law

    seen = set()

    def law_after(prefix: Prefix, state: CostAwareState) -> dict[Prefix, float]:
        if len(prefix) == 4:
            return {(): 1.0}
        law: dict[Prefix, float] = {}
        k = wanted(state, 3 - len(prefix))
        seen.add((len(prefix), k))
        for emitted, chance in round_law(target, draft, prefix, k, library_judge(verifier)).items():
            later = copy.deepcopy(state)
            later.observe(k, len(emitted) - 1)
            for rest, probability in law_after((*prefix, *emitted), later).items():
                outcome = (*emitted, *rest)
                law[outcome] = law.get(outcome, 0.0) + chance * probability
        return law

    target, draft = model(1), model(2)
    policy = CostAware(c, {1: 1.0, 2: 1.0, 3: 1.0})
    assert largest_difference(law_after((), policy.start()), target_law(target, 4)) < ROUNDING
    longest = max(k for _, k in seen)
    assert any(k < min(longest, 3 - place) for place, k in seen)  # counts shortened a draft, or left it out


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_greedy_ids_are_those_of_plain_decoding_up_to_the_end_of_the_context(architecture):
    target, draft = tiny_pair(architecture)
    expected = AutoregressiveDecoder(target).generate([5, 6, 7], 10_000, 0.0)
    for c in (0.05, 0.9):
        decoder = SpeculativeDecoder(target, draft, k=CostAware(c))
        assert decoder.label == "SD-cost-aware" and decoder.k == 8
        assert decoder.generate([5, 6, 7], 10_000, 0.0).generated_ids == expected.generated_ids


# -- arguments ----------------------------------------------------------------------------------------------


def test_the_lengths_are_those_that_were_measured():
    policy = CostAware(0.1, {4: 1.2, 1: 1.05}, 0.01)
    assert (
        policy.lengths == (1, 4)
        and repr(policy) == "CostAware(c=0.1, v={1: 1.05, 4: 1.2}, overhead=0.01, baseline=1)"
    )
    assert CostAware(0.1).lengths[-1] == 8
    again = pickle.loads(pickle.dumps(policy))
    assert again.lengths == policy.lengths and wanted(again.start(), 9) == wanted(policy.start(), 9)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"c": -0.1}, "c is a quantity"),
        ({"c": float("nan")}, "c is a quantity"),
        ({"c": 0.1, "v": {}}, "v is empty"),
        ({"c": 0.1, "v": {0: 1.0}}, "a length of v"),
        ({"c": 0.1, "v": {2: 0.0}}, r"v\(2\) is a divisor"),
        ({"c": 0.1, "overhead": -1}, "overhead is a quantity"),
        ({"c": 0.1, "baseline": 0}, "baseline is a divisor"),
    ],
)
def test_costs_that_are_none_are_refused(arguments, said):
    with pytest.raises(InvalidArgument, match=said):
        CostAware(**arguments)
