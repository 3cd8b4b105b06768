"""What holds of every drafter that needs no draft model, of cascades, and of the target's own layers: their
texts are the target's own.

Exact laws are summed, joint laws counted; roll-backs, the end of a context, and texts that are open at once
are tried with each.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, cached_property, partial
from itertools import cycle

import pytest
import torch
from models.architectures import CONFIGS, tiny_model
from open_at_once import decoded_in_turns
from tiny_models import tiny_pair
from torch.nn.functional import one_hot

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.base import Drafter, DraftState, Proposal
from specdec_lib.decoding.drafters.cascade import Cascade
from specdec_lib.decoding.drafters.draft_model import DraftModel
from specdec_lib.decoding.drafters.heads.adapter import ExitAdapter
from specdec_lib.decoding.drafters.layer_skip import LayerSkip, all_but, first_layers_of
from specdec_lib.decoding.drafters.lookup import LookupState, PromptLookup
from specdec_lib.decoding.drafters.suffix import SuffixLookup
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.enumeration import ROUNDING, error_of, library_judge
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.laws.small_law import SmallLaw
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.lossless.mutants.trials import Case, ending, joint_law
from specdec_lib.lossless.replays.proposals import FixedDrafts
from specdec_lib.models.base import CausalModel
from specdec_lib.models.wrapper import ModelWrapper

Make = Callable[[CausalModel, CausalModel], Drafter]
"""Makes a drafter for a target; the other model is a draft model."""

WITHOUT_MODEL: dict[str, Make] = {
    "lookup": lambda target, draft: PromptLookup(target),
    "lookup of few": lambda target, draft: PromptLookup(target, most=2, least=2, tokens=2),
    "suffix": lambda target, draft: SuffixLookup(target, least=1),
    "suffix with a corpus": lambda target, draft: SuffixLookup(target, corpus=[[1, 2, 0, 1], [2, 2, 1]]),
    "suffix > lookup": lambda target, draft: Cascade(SuffixLookup(target, least=3), PromptLookup(target)),
}
WITH_MODEL: dict[str, Make] = {
    "lookup > model": lambda target, draft: Cascade(PromptLookup(target, least=2), draft),
    "suffix > lookup > model": lambda target, draft: Cascade(
        SuffixLookup(target, least=4), Cascade(PromptLookup(target, most=2, least=2), draft)
    ),
}
OWN_LAYERS: dict[str, Make] = {
    "layers": lambda target, draft: first_layers_of(target, 1),
    "skip": lambda target, draft: all_but(target, [0]),
    "head": lambda target, draft: LayerSkip(target, [0], behind=drawn_adapter(target)),
    "lookup > layers": lambda target, draft: Cascade(
        PromptLookup(target, least=3), first_layers_of(target, 1)
    ),
}
EVERY = WITHOUT_MODEL | WITH_MODEL
VERIFIERS = ("token", "block")


class LayeredScenario(Scenario):
    """Its target has layers, which draft for it."""

    @cached_property
    def models(self):
        config = copy.deepcopy(CONFIGS["llama"])
        config.vocab_size, config.eos_token_id, config.initializer_range = self.vocab, 2, 0.4
        config.max_position_embeddings = self.context_length or 256
        target = ModelWrapper(tiny_model(config))
        return target, target


SCENARIO = Scenario(vocab=3, length=4, k=2, prompt=(1, 2, 1, 2, 0, 1), eos_token_ids=(2,))
LAYERED = LayeredScenario(vocab=3, length=3, k=2, prompt=(1, 2, 1, 2, 0, 1), eos_token_ids=(2,))
GREEDY = SamplingParams(0.0)
PROMPTS = ([5, 6, 7, 5, 6], [9, 8, 7, 6, 9, 8, 7, 6, 9], [40, 41])

each = pytest.mark.parametrize("make", [*EVERY.values(), *OWN_LAYERS.values()], ids=[*EVERY, *OWN_LAYERS])


def scenario_of(make: Make) -> Scenario:
    """One whose target has what the drafter is made of."""
    return LAYERED if make in OWN_LAYERS.values() else SCENARIO


def drawn_adapter(target: CausalModel) -> ExitAdapter:
    """As trained ones are: it changes what is drafted."""
    adapter = ExitAdapter(target.config.hidden_size, 4)
    torch.nn.init.normal_(adapter.outwards, std=0.5, generator=torch.Generator().manual_seed(0))
    return adapter


@pytest.mark.parametrize("verifier", ["token", "block"])
@pytest.mark.parametrize("make", WITHOUT_MODEL.values(), ids=WITHOUT_MODEL)
def test_the_exact_law_is_the_targets(make, verifier):
    """Summed over every draft and verdict; what is drafted behind each prefix is asked of the drafter."""
    target, draft = SCENARIO.models
    params, prompt = SamplingParams(0.8, top_k=2), list(SCENARIO.prompt)
    law = SmallLaw(target, FixedDrafts(make(target, draft), prompt, params), prompt, 4, params, k=3)
    assert law.drafts is not None
    difference, outcomes = error_of(law.target, law.drafts, 4, 3, library_judge(verifier))
    assert difference < ROUNDING and outcomes == 16


@pytest.mark.parametrize("verifier", ["token", "block"])
@pytest.mark.parametrize("make", OWN_LAYERS.values(), ids=OWN_LAYERS)
def test_the_exact_law_is_the_targets_whatever_its_layers_draft(make, verifier):
    """Summed as above, with the law of the layers as the draft's."""
    target, _ = LAYERED.models
    drafter = make(target, target)
    layers = drafter.drafters[-1] if isinstance(drafter, Cascade) else drafter
    law = SmallLaw(target, layers.model, list(LAYERED.prompt), 3, SamplingParams(0.8), k=2)
    difference, outcomes = error_of(law.target, law.drafts, 3, 2, library_judge(verifier))
    assert difference < ROUNDING and outcomes == 27


WITH_VERIFIERS = [
    *((make, verifier) for make in EVERY for verifier in VERIFIERS),
    *zip(OWN_LAYERS, cycle(VERIFIERS), strict=False),
]
"""Where layers draft, a text costs four times as much: there the verifiers take turns."""


@pytest.mark.unchecked
@pytest.mark.parametrize(("name", "verifier"), WITH_VERIFIERS)
def test_the_joint_law_is_the_targets(name, verifier):
    make = (EVERY | OWN_LAYERS)[name]
    scenario = scenario_of(make)
    decoder = SpeculativeDecoder(scenario.models[0], make(*scenario.models), scenario.k, verifier)
    (look,) = joint_law(Case(decoder, scenario, seed=4), [300])
    assert look.p_value > 1e-6


@pytest.mark.unchecked
@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_the_ending_is_the_targets(make):
    decoder = SpeculativeDecoder(SCENARIO.models[0], make(*SCENARIO.models), SCENARIO.k)
    (look,) = ending(Case(decoder, SCENARIO, seed=4), [300])
    assert look.p_value > 1e-6


class SoftState(LookupState):
    def propose(self, context_ids, k, params, generator):
        found = super().propose(context_ids, k, params, generator)
        return Proposal(found.ids, 0.5 * found.probs + 0.5 / found.probs.shape[-1])


class SoftLookup(PromptLookup):
    """A mistake: says that its tokens were drawn from a soft law."""

    def start(self, prompt_ids, end=0):
        return SoftState(self)


@pytest.mark.unchecked
@pytest.mark.parametrize("wrapped", [lambda drafter: drafter, Cascade])
def test_a_wrong_law_is_seen_also_within_a_cascade(wrapped):
    target = SCENARIO.models[0]
    decoder = SpeculativeDecoder(target, wrapped(SoftLookup(target)), SCENARIO.k)
    (look,) = joint_law(Case(decoder, SCENARIO, seed=4), [500])
    assert look.p_value < 1e-6


# -- roll-backs ------------------------------------------------------------------------------------


def answers(state: DraftState, ids: list[int], k: int = 4) -> list[int]:
    return state.propose(ids, k, GREEDY, torch.Generator()).ids.tolist()


TEXT = [1, 2, 0, 1, 2, 0, 1, 1, 2, 2, 0, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 2, 1]


@pytest.mark.unchecked
@each
def test_a_state_that_was_rolled_back_is_a_fresh_one(make):
    """After each possible count, whatever was seen beyond it, and at once or text after text.

    What is seen beyond it takes turns where layers draft, for they look at no text by its length.
    """
    drafter, seen = make(*scenario_of(make).models), ([1], [2, 0, 1], TEXT)
    for keep in range(1, len(TEXT) + 1):
        for behind in seen if make in EVERY.values() else [seen[keep % len(seen)]]:
            state = drafter.start(TEXT, 80)
            for end in range(1, len(TEXT) + 1, 3):
                answers(state, TEXT[:end])
                state.roll_back(end)
            state.roll_back(keep)
            ids = TEXT[:keep] + behind
            assert answers(state, ids) == answers(drafter.start([], 80), ids)


@each
def test_rounds_of_every_verdict_leave_a_fresh_state(make):
    """As in the loop: a proposal, its roll-back after each possible number of accepted tokens."""
    drafter = make(*scenario_of(make).models)
    state, ids = drafter.start(TEXT, 200), list(TEXT)
    for turn in range(40):
        proposed = answers(state, ids)
        kept = turn % (len(proposed) + 1)
        state.roll_back(len(ids) + kept)
        ids += [*proposed[:kept], turn % 3]
        assert answers(drafter.start([], 200), ids) == answers(state, ids), turn
        state.roll_back(len(ids) - 1)  # of the last token nothing is known yet, as in the loop


@each
def test_a_text_that_shrank_without_a_word_is_refused(make):
    state = make(*scenario_of(make).models).start(TEXT, 80)
    answers(state, TEXT)
    with pytest.raises(InvalidArgument, match="roll the drafter back"):
        answers(state, TEXT[:4])


# -- whole texts -----------------------------------------------------------------------------------


@cache
def plain_ids(architecture: str) -> list[list[int]]:
    """What the target of two layers writes by itself behind each of the prompts, greedily."""
    decoder = AutoregressiveDecoder(tiny_pair(architecture, num_layers=2)[0])
    return [decoder.generate(prompt, 24, 0.0).generated_ids for prompt in PROMPTS]


@pytest.mark.unchecked
@each
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_greedy_ids_are_the_baselines(make, architecture):
    target, draft = tiny_pair(architecture, num_layers=2)
    for k in (1, 5):
        decoder = SpeculativeDecoder(target, make(target, draft), k=k)
        for prompt, plain in zip(PROMPTS, plain_ids(architecture), strict=True):
            assert decoder.generate(prompt, 24, 0.0).generated_ids == plain


@pytest.mark.unchecked
@each
@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_texts_that_are_open_at_once_never_meet(make, temperature):
    target, draft = tiny_pair("llama", num_layers=2)
    decoder = SpeculativeDecoder(target, make(target, draft), k=4)
    generate = partial(decoder.generate, temperature=temperature, seed=3)
    alone = [generate(prompt, 24) for prompt in PROMPTS]
    in_turns = decoded_in_turns(decoder, PROMPTS, 24, temperature=temperature, seed=3)
    for result, lone in zip(in_turns, alone, strict=True):
        assert result.generated_ids == lone.generated_ids
        assert result.accepted_per_round == lone.accepted_per_round


@each
def test_a_text_is_decoded_to_the_end_of_the_context(make):
    """The draft model sees less than its target, so cascades go on without it."""
    target = draft = LayeredScenario(vocab=3, context_length=40).models[0]
    if make not in OWN_LAYERS.values():
        target = TableModel.random(3, seed=3, context_length=40)
        draft = target.near(seed=2, weight=0.3, context_length=20)
    decoder = SpeculativeDecoder(target, make(target, draft), k=4)
    result = decoder.generate([1, 2, 1], 100, 0.0, ignore_eos=True)
    plain = AutoregressiveDecoder(target).generate([1, 2, 1], 100, 0.0, ignore_eos=True)
    assert result.generated_ids == plain.generated_ids and len(result.generated_ids) == 37


@pytest.mark.parametrize("make", WITHOUT_MODEL.values(), ids=WITHOUT_MODEL)
def test_rows_are_one_hot_on_the_targets_device(make):
    target, draft = SCENARIO.models
    state = make(target, draft).start(TEXT, 80)
    drawn = state.propose(TEXT, 3, SamplingParams(0.7), torch.Generator().manual_seed(0))
    assert drawn.probs.shape == (len(drawn.ids), 3) and drawn.probs.device == target.device
    assert torch.equal(drawn.probs, one_hot(drawn.ids, 3).float())


def test_a_model_is_a_drafter_among_others():
    target, draft = SCENARIO.models
    assert [type(part) for part in Cascade(PromptLookup(target), draft).drafters] == [
        PromptLookup,
        DraftModel,
    ]
