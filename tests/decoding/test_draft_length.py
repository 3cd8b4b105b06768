"""Draft length as a policy: the target's law whatever is asked, and never a token dropped for what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from tiny_models import tiny_pair
from torch.nn.functional import one_hot

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.cost_aware import CostAware
from specdec_lib.decoding.draft_length import Confidence, DraftLength, Entropy, Fixed, LengthState, wanted
from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.drafters.draft_model import DraftModel
from specdec_lib.decoding.sampling import probs_from_logits
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.enumeration import ROUNDING, Law, Model, Prefix, error_of, library_judge
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.lossless.mutants.drafters import DropsImprobable
from specdec_lib.lossless.mutants.trials import Case, ending, joint_law
from specdec_lib.models.wrapper import ModelWrapper

PROMPTS = ([5, 6, 7], [9, 8, 7, 6, 5, 4, 3, 2], [40, 41])
POLICIES: list[DraftLength] = [
    Fixed(3),
    Confidence(0.5, most=3),
    Entropy(0.6, most=3),
    CostAware(0.3, {1: 1.0, 2: 1.05, 3: 1.1}),
]
NAMES = [policy.name for policy in POLICIES]
VERIFIERS = ["token", "block"]
SCENARIO = Scenario(vocab=4, length=4, k=3, eos_token_ids=(3,))


# -- the law, summed over every draft -----------------------------------------------------------------------


def random_model(seed: int, vocab: int = 3) -> Model:
    """A law for each prefix, some sharp and some broad."""
    laws: dict[Prefix, list[float]] = {}

    def law(prefix: Prefix) -> list[float]:
        if prefix not in laws:
            rng = np.random.default_rng([seed, *(token + 1 for token in prefix)])
            laws[prefix] = rng.dirichlet(np.full(vocab, 0.6)).tolist()
        return laws[prefix]

    return law


def never(law: Law, token: int) -> bool:
    return False


def is_improbable(law: Law, token: int) -> bool:
    return law[token] < 0.3


class UnderPolicy:
    """Every draft of a model whose length a policy decides, or a rule that looks at the token drawn."""

    def __init__(self, draft: Model, policy: DraftLength, drops=never, ends_behind=never) -> None:
        self.draft, self.policy = draft, policy
        self.drops: Callable[[Law, int], bool] = drops
        self.ends_behind: Callable[[Law, int], bool] = ends_behind
        self.lengths: set[int] = set()

    def listed(self, prefix: Prefix, k: int) -> Iterator[tuple[Prefix, list[Law], float]]:
        state = self.policy.start()
        for draft in self._behind(prefix, state, wanted(state, k), (), [], 1.0):
            self.lengths.add(len(draft[0]))
            yield draft

    def _behind(
        self, prefix: Prefix, state: LengthState, most: int, ids: Prefix, laws: list[Law], chance: float
    ) -> Iterator[tuple[Prefix, list[Law], float]]:
        goes_on = not ids or (
            state.wants(len(ids), torch.tensor(laws[-1])) and not self.ends_behind(laws[-1], ids[-1])
        )
        if len(ids) == most or not goes_on:
            yield ids, laws, chance
            return
        law = self.draft((*prefix, *ids))
        for token, drawn in enumerate(law):
            if self.drops(law, token):
                yield ids, laws, chance * drawn
            else:
                later = (*ids, token), [*laws, law], chance * drawn
                yield from self._behind(prefix, state, most, *later)


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize(
    "policy", [Confidence(0.6, most=3), Entropy(0.6, most=3)], ids=["confidence", "entropy"]
)
def test_the_output_law_is_the_targets_whatever_the_laws_of_the_draft_are_asked_for(policy, verifier):
    lengths = set()
    for seed in range(4):
        target, draft = random_model(seed), UnderPolicy(random_model(seed + 50), policy)
        assert error_of(target, draft, 4, 3, library_judge(verifier))[0] < ROUNDING
        lengths |= draft.lengths
    assert lengths >= {1, 2, 3}


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_draft_that_ends_behind_an_improbable_token_is_exact_and_one_that_drops_it_is_not(verifier):
    """Trap 6: the same rule, before and behind the token that it looks at."""
    errors = {"keeps": 0.0, "drops": 0.0}
    for seed in range(4):
        target, draft = random_model(seed), random_model(seed + 50)
        for name, lister in (
            ("keeps", UnderPolicy(draft, Fixed(3), ends_behind=is_improbable)),
            ("drops", UnderPolicy(draft, Fixed(3), drops=is_improbable)),
        ):
            errors[name] = max(errors[name], error_of(target, lister, 4, 3, library_judge(verifier))[0])
            assert len(lister.lengths) > 1
    assert errors["keeps"] < ROUNDING and errors["drops"] > 0.01


# -- the law, counted ---------------------------------------------------------------------------------------


def smallest_p(trial, drafter, k, verifier: str, generations: int) -> float:
    target, draft = SCENARIO.models
    decoder = SpeculativeDecoder(target, drafter(draft), k, verifier)
    return min(look.p_value for look in trial(Case(decoder, SCENARIO, seed=3), [generations]))


@pytest.mark.unchecked
@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("policy", POLICIES[1:], ids=NAMES[1:])
def test_the_loop_samples_the_targets_joint_law(policy, verifier):
    assert smallest_p(joint_law, DraftModel, policy, verifier, 1_000) > 1e-4
    assert smallest_p(ending, DraftModel, policy, verifier, 100) == 1


@pytest.mark.unchecked
def test_a_token_dropped_for_its_own_probability_is_caught():
    assert smallest_p(joint_law, DropsImprobable, 3, "token", 1_000) < 1e-6


# -- the loop -----------------------------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["eager", "compiled"])
def pair(request, monkeypatch) -> tuple[ModelWrapper, ModelWrapper]:
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    target, draft = tiny_pair("llama", num_layers=2)
    if not request.param:
        return target, draft
    return ModelWrapper(target.model, compile=True), ModelWrapper(draft.model, compile=True)


@pytest.mark.parametrize("policy", POLICIES, ids=NAMES)
def test_greedy_ids_are_those_of_plain_decoding_and_texts_never_meet(pair, policy):
    """Two texts of one decoder in turn; the last rounds have room for fewer tokens, or for none."""
    decoder, plain = SpeculativeDecoder(*pair, k=policy), AutoregressiveDecoder(pair[0])
    open_ones = [decoder.start(prompt, 24 + n, 0.0) for n, prompt in enumerate(PROMPTS)]
    for _ in range(30):
        for generation in open_ones:
            next(generation, None)
    for n, (prompt, generation) in enumerate(zip(PROMPTS, open_ones, strict=True)):
        result = generation.result()
        assert result.generated_ids == plain.generate(prompt, 24 + n, 0.0).generated_ids
        assert max(result.drafted_per_round) <= 3 and result.num_tokens == 24 + n


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_whole_number_is_the_fixed_policy(pair, temperature):
    options = {"temperature": temperature, "seed": 3}
    results = []
    for k in (4, Fixed(4)):
        decoder = SpeculativeDecoder(*pair, k=k)
        assert (decoder.label, decoder.k, decoder.length) == ("SD-K4", 4, Fixed(4))
        results.append(decoder.generate(PROMPTS[0], 40, **options))
    assert results[0].generated_ids == results[1].generated_ids
    assert results[0].accepted_per_round == results[1].accepted_per_round
    assert set(results[0].drafted_per_round[:-4]) == {4}


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_threshold_of_0_never_stops_a_draft_and_one_that_no_law_reaches_always_does(pair, temperature):
    for kind in (Confidence, Entropy):
        whole, least = (
            SpeculativeDecoder(*pair, k=kind(threshold, most=4)).generate(PROMPTS[0], 40, temperature, seed=3)
            for threshold in (0.0, 1.0)
        )
        assert set(least.drafted_per_round) == {1}
        if kind is Confidence:  # the other's bound may be negative
            fixed = SpeculativeDecoder(*pair, k=4).generate(PROMPTS[0], 40, temperature, seed=3)
            assert whole.drafted_per_round == fixed.drafted_per_round
            assert whole.generated_ids == fixed.generated_ids


class Listens:
    """Wants two tokens, and keeps the laws that it is asked with."""

    name, lengths, reads_laws = "listens", (2,), True

    def __init__(self) -> None:
        self.laws: list[torch.Tensor] = []
        self.rounds: list[tuple[int, int]] = []

    def start(self) -> Listens:
        return self

    def wants(self, drafted: int, law=None) -> bool:
        if law is not None:
            self.laws.append(law)
        return drafted < 2

    def observe(self, drafted: int, accepted: int) -> None:
        self.rounds.append((drafted, accepted))


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_policy_is_asked_with_the_law_of_the_token_before_and_told_what_became_of_each_round(temperature):
    target, draft = SCENARIO.models
    policy = Listens()
    options = {"temperature": temperature, "seed": 1, "ignore_eos": True, "trace": True}
    result = SpeculativeDecoder(target, DraftModel(draft), k=policy).generate([1, 2], 16, **options)
    text, laws = [1, 2], iter(policy.laws)
    for round_ in result.trace.rounds:
        if len(round_.draft_ids) == 2:
            logits = draft.forward(torch.tensor([text]), logits_to_keep=1)[0][0, -1]
            expected = logits.softmax(-1)
            if temperature:
                expected = probs_from_logits(
                    logits, SpeculativeDecoder(target, draft).start([1], 1, 0.9).request.params
                )
            torch.testing.assert_close(next(laws), expected)
        text += round_.token_ids
    assert next(laws, None) is None and len(policy.laws) > 3
    assert policy.rounds == [(len(r.draft_ids), r.num_accepted) for r in result.trace.rounds]


class Repeats:
    """Proposes as many ones as it is asked for, all at once."""

    name, context_length, vocab_size = "repeats", None, 4

    def __init__(self) -> None:
        self.asked: list[int] = []

    def start(self, prompt_ids, end: int = 0) -> Repeats:
        return self

    def roll_back(self, keep_length: int) -> None: ...

    def propose(self, context_ids, k, params, generator) -> Proposal:
        self.asked.append(k)
        ids = torch.ones(k, dtype=torch.long)
        return Proposal(ids, None if params.is_greedy else one_hot(ids, 4).float())


@pytest.mark.parametrize("policy", POLICIES[:3], ids=NAMES[:3])
def test_a_drafter_that_proposes_at_once_is_asked_for_the_most(policy):
    drafter = Repeats()
    SpeculativeDecoder(SCENARIO.models[0], drafter, k=policy).generate(
        [1, 2], 20, 0.9, seed=0, ignore_eos=True
    )
    assert set(drafter.asked[:5]) == {3} and not hasattr(drafter, "more")


def test_each_draft_token_costs_one_draft_forward_and_no_more():
    target = TableModel.random(6, seed=1, concentration=0.4)
    draft = target.near(seed=2, weight=0.3)
    result = SpeculativeDecoder(target, DraftModel(draft), k=Confidence(0.6)).generate(
        [1, 2], 80, 1.0, seed=0
    )
    assert len(draft.forwards) == result.num_draft_tokens == sum(result.drafted_per_round)
    assert len(target.forwards) == len(result.drafted_per_round) + result.num_plain_rounds
    assert len(set(result.drafted_per_round)) > 2


def test_each_length_of_a_policy_has_a_graph_of_its_own_and_the_same_draws(monkeypatch, by_graphs):
    """What a shorter draft costs is part of the decision, so it must not be that of the longest."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    target, draft = (ModelWrapper(model.model, compile=True) for model in tiny_pair("llama", num_layers=2))
    drafter = DraftModel(draft)
    SpeculativeDecoder(target, drafter, k=CostAware(0.1, {1: 1.0, 2: 1.0, 4: 1.0}))
    params = SpeculativeDecoder(target, draft).start([1], 1, 0.9).request.params
    for k, steps in ((1, 1), (2, 2), (3, 4), (4, 4), (5, 5)):
        assert drafter._unrolled.steps(8, k, params, None) == steps
        proposals = [
            model.start([1, 2, 3]).propose([1, 2, 3], k, params, torch.Generator().manual_seed(1))
            for model in (drafter, DraftModel(draft))
        ]
        assert proposals[0].ids.tolist() == proposals[1].ids.tolist()


# -- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "lengths"), [(1, (1,)), (2, (1, 2)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))])
def test_lengths_that_are_worth_a_graph_are_few_and_reach_the_longest(k, lengths):
    assert Confidence(0.5, most=k).lengths == lengths and Fixed(k).lengths == (k,)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Confidence(1.1), "confidence: threshold is 1.1"),
        (lambda: Confidence(float("nan")), "confidence: threshold"),
        (lambda: Entropy(0.5, most=0), "entropy: most is 0"),
        (lambda: Entropy(0.5, gamma=0), "entropy: gamma is 0"),
        (lambda: Fixed(0), "draft length: k is 0"),
        (lambda: SpeculativeDecoder(*SCENARIO.models, k=0), "speculative decoder: k is 0"),
        (lambda: SpeculativeDecoder(*SCENARIO.models, k=CostAware), "speculative decoder: k is"),
    ],
)
def test_what_is_no_length_is_refused(make, said):
    with pytest.raises(InvalidArgument, match=said):
        make()


def test_adaedls_bound_is_one_minus_the_root_of_gamma_times_the_entropy_in_nats():
    law = torch.tensor([0.5, 0.5, 0.0, 0.0])
    assert float(Entropy(0.5).bound(law)) == pytest.approx(1 - (0.2 * np.log(2)) ** 0.5)
    assert float(Entropy(0.5, gamma=1.0).bound(torch.full((4,), 0.25))) == pytest.approx(1 - np.log(4) ** 0.5)
    assert float(Entropy(0.5).bound(one_hot(torch.tensor(2), 4).float())) == 1
