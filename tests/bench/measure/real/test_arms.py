"""The arms of a model without a trained draft: all emit the same greedy ids, and nothing is built ahead."""

from __future__ import annotations

import pytest
import tiny_models

from specdec_lib.bench.measure.real.arms import real_arms
from specdec_lib.decoding.cost_aware import CostAware
from specdec_lib.decoding.drafters.grammar import open_draft

DRAFTS = {"lookup": "lookup", "suffix": "suffix:least=1"}
PLAIN = ["hf-generate", "hf-lookup", "ours-AR", "ours-lookup", "ours-lookup-cost-aware", "ours-suffix"]


@pytest.fixture(scope="module")
def made():
    """The arms of a tiny model with compiled ones, and how often the policy was asked for."""
    target, asked = tiny_models.tiny_pair("llama")[0], []
    drafters = {name: open_draft(spec, target) for name, spec in DRAFTS.items()}

    def policy() -> CostAware:
        asked.append(1)
        return CostAware(0.0, {1: 1.0, 3: 1.1})

    return real_arms(target, drafters, {"lookup": 3, "suffix": 2}, "lookup", policy, ("lookup",)), asked


def test_the_arms_say_what_they_are_and_nothing_is_built_yet(made):
    arms, asked = made
    facts = {arm.name: arm.facts for arm in arms}
    assert sorted(name for name, fact in facts.items() if not fact.compiled) == PLAIN
    compiled = [name for name, fact in facts.items() if fact.compiled]
    assert compiled == ["hf-static-compiled", "ours-AR-compiled", "ours-lookup-compiled"]
    assert (facts["ours-lookup"].k, facts["ours-suffix"].k, facts["ours-AR"].k) == (3, 2, 0)
    assert facts["ours-lookup-cost-aware"].options == {"draft_length": "cost-aware"} and asked == []
    assert len({fact.hash for fact in facts.values()}) == len(arms)


def test_every_arm_emits_the_reference_s_ids(made):
    arms, asked = made
    prompt = [5, 6, 7, 5, 6, 7, 5, 6]
    engines = {arm.name: arm.make() for arm in arms if not arm.facts.compiled}
    results = {name: engine(prompt, 12, 0.0, 1) for name, engine in engines.items()}
    assert len({tuple(result.generated_ids) for result in results.values()}) == 1
    assert asked == [1] and 0 < max(results["ours-lookup"].drafted_per_round) <= 3


def test_what_texts_showed_stays_with_the_policy(made):
    engine = next(arm for arm in made[0] if arm.name == "ours-lookup-cost-aware").make()
    engine([5, 6, 7, 5, 6, 7, 5, 6], 8, 0.0, 1)
    assert engine.length.others.first.accepted + engine.length.others.first.rejected > 0
    assert engine.decoder() is not engine.decoder()
