"""Mistakes that engines shipped: each is what its thread says, and its number is in the gallery."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from specdec_lib.decoding.rejection import verify_tokens
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.lossless.checks.exact import emitted_at_one_position
from specdec_lib.lossless.evidence.chi_square import chi_square_test
from specdec_lib.lossless.laws.enumeration import mean_accepted, output_law, total_variation
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.mutants import shipped, verifiers
from specdec_lib.lossless.mutants.gallery import CONTROLS, GALLERY, MUTANTS, find_mutant
from specdec_lib.lossless.mutants.judges import JUDGES, judging

pytestmark = pytest.mark.unchecked

P = [[0.30, 0.10, 0.35, 0.25], [0.40, 0.30, 0.10, 0.20], [0.10, 0.20, 0.30, 0.40]]
Q = [[0.55, 0.20, 0.15, 0.10], [0.10, 0.25, 0.35, 0.30]]
IDS = (0, 2)


def test_the_threads_of_2025_and_2026_are_in_the_gallery():
    reported = {mutant.issue for mutant in MUTANTS} - {""}
    assert reported >= {
        "huggingface/transformers#47932", "vllm-project/vllm-ascend#7807", "deepseek-ai/DeepSpec#31",
        "ml-explore/mlx-swift-lm#459", "vllm-project/vllm#54282", "vllm-project/vllm-ascend#13730",
    }  # fmt: skip
    assert all(re.fullmatch(r"(|[\w.-]+/[\w.-]+#\d+)", mutant.issue) for mutant in GALLERY)


def test_two_reports_are_of_something_that_is_right():
    """What replaces a token that the target did not draw is what it drew: the law is the target's own."""
    right = {control.issue for control in CONTROLS} - {""}
    assert right == {"ml-explore/mlx-swift-lm#459", "z-lab/dflash#74"}
    p, q = P[0], Q[0]
    exact = emitted_at_one_position(JUDGES["equal_to_the_targets_draw"], p, q)
    assert exact == pytest.approx(p)
    wrong = emitted_at_one_position(JUDGES["draws_again_where_unequal"], p, q)
    assert max(abs(a - b) for a, b in zip(wrong, p, strict=True)) > 0.05


def test_equal_draws_are_rarer_than_need_be():
    target, draft = (lambda prefix: P[0]), (lambda prefix: Q[0])
    equal = mean_accepted(target, draft, 1, JUDGES["equal_to_the_targets_draw"])
    assert equal == pytest.approx(sum(a * b for a, b in zip(P[0], Q[0], strict=True)))
    assert mean_accepted(target, draft, 1, judging()) == pytest.approx(
        sum(map(min, zip(P[0], Q[0], strict=True)))
    )


def test_a_correction_from_the_draft_never_gives_what_only_the_residual_can():
    target, draft = (lambda prefix: (0.5, 0.3, 0.2)), (lambda prefix: (0.9, 0.1, 0.0))
    law = output_law(target, draft, 2, 1, JUDGES["correction_from_the_draft"])
    assert not any(outcome[0] == 2 for outcome in law)
    assert total_variation(law, output_law(target, draft, 2, 1, judging())) > 0.19


def drawn(drafter, seeds=400):
    """Ids, reported laws and noise of drafts of two tokens."""
    scenario = Scenario(seed=3, params=SamplingParams())
    made = drafter(scenario.models[1])
    found = []
    for seed in range(seeds):
        state = made.start([1, 2], 16)
        proposal = state.propose([1, 2], 2, scenario.params, torch.Generator().manual_seed(seed))
        found.append((proposal.ids.tolist(), proposal.probs, getattr(state, "noise", None)))
    return scenario, found


@pytest.mark.parametrize("drafter", [shipped._DrawsByUniform, shipped._DrawsByGumbel])
def test_drafters_that_note_their_noise_draw_by_the_law_they_report(drafter):
    scenario, found = drawn(drafter)
    law = np.array(scenario.warped(scenario.models[1]))
    counts = np.bincount([ids[0] for ids, _, _ in found], minlength=scenario.vocab)
    assert found[0][1][0].tolist() == pytest.approx(law.tolist(), abs=1e-6)
    assert chi_square_test(counts, law).p_value > 1e-4
    assert all(len(noise) == 2 for _, _, noise in found)


def test_a_law_in_another_order_is_drawn_right_and_reported_wrong():
    scenario, found = drawn(shipped.LawInAnotherOrder)
    law = np.array(scenario.warped(scenario.models[1]))
    counts = np.bincount([ids[0] for ids, _, _ in found], minlength=scenario.vocab)
    reported = found[0][1][0].tolist()
    assert chi_square_test(counts, law).p_value > 1e-4
    assert sorted(reported) == pytest.approx(sorted(law), abs=1e-6) and reported != pytest.approx(law)


def test_raw_logits_of_an_argmax_have_no_temperature():
    scenario = find_mutant("draft_argmax_with_raw_logits").scenario
    state = shipped.ArgmaxWithRawLogits(scenario.models[1]).start([1, 2], 16)
    proposal = state.propose([1, 2], 1, scenario.params, torch.Generator())
    raw = scenario.models[1].rows[1, 2]
    assert proposal.probs[0].tolist() == pytest.approx(raw.tolist(), abs=1e-6)
    assert int(proposal.ids[0]) == raw.argmax()


def test_one_uniform_draws_a_token_and_keeps_it():
    p, q, ids = torch.tensor(P), torch.tensor(Q), torch.tensor(IDS)
    kept = shipped.accepts_by_the_drafts_uniform(p, q, ids, [torch.tensor(0.5)] * 2, None)
    assert kept.num_accepted == 1  # 0.5 < 0.30 / 0.55, and not < 0.10 / 0.35
    assert shipped.accepts_by_the_drafts_uniform(p, q, ids, [torch.tensor(0.6)] * 2, None).num_accepted == 0


def test_the_noise_of_the_rejected_token_draws_its_replacement():
    p, q, ids = torch.tensor(P), torch.tensor(Q), torch.tensor(IDS)
    noise = [torch.tensor([0.01, 9.0, 9.0, 0.5]), torch.tensor([0.5, 9.0, 0.01, 9.0])]
    seen = set()
    for seed in range(40):
        verdict = shipped.corrects_by_the_drafts_noise(p, q, ids, noise, torch.Generator().manual_seed(seed))
        same = verify_tokens(p, q, ids, generator=torch.Generator().manual_seed(seed))
        assert verdict.num_accepted == same.num_accepted
        seen.add((verdict.num_accepted, verdict.next_id if verdict.kind == "corrected" else None))
    assert seen >= {(0, 3), (1, 0)} and {n for n, token in seen if token is not None} == {0, 1}


def test_products_of_uniforms_cut_a_block_at_the_last_place_where_the_ratios_reach_them():
    p, q, ids = torch.tensor(P), torch.tensor(Q), torch.tensor(IDS)
    ratios = np.cumprod([0.30 / 0.55, 0.10 / 0.35])
    kept = []
    for seed in range(60):
        thrown = torch.rand(2, generator=torch.Generator().manual_seed(seed)).numpy().cumprod()
        generator = torch.Generator().manual_seed(seed)
        verdict = shipped.block_by_products_of_uniforms(p, q, ids, generator=generator)
        passed = np.flatnonzero(ratios >= thrown)
        assert verdict.num_accepted == (passed.max() + 1 if len(passed) else 0)
        kept.append((verdict.num_accepted, bool(ratios[0] >= thrown[0])))
    assert (2, False) in kept  # the first place failed, and the block stayed


def test_a_pattern_is_every_rows_up_to_its_order():
    scenario = find_mutant("corrects_by_the_drafts_noise").scenario
    target, draft = (model.rows.reshape(-1, 3) for model in scenario.models)
    assert scenario.pattern is not None
    law, other = scenario.pattern
    pairs = {tuple(zip(a.round(6), b.round(6), strict=True)) for a, b in zip(target, draft, strict=True)}
    assert {frozenset(pair) for pair in pairs} == {frozenset(zip(law, other, strict=True))} and len(pairs) > 1


def test_a_verifier_that_asks_the_target_is_the_one_of_an_argmax_draft():
    """Of a draft that was drawn from nothing, p(x) is min(1, p / q), and p without x the residual."""
    p, x = torch.tensor(P[0]), 2
    one_hot = torch.nn.functional.one_hot(torch.tensor(x), 4).float()
    share = verifiers.equal_to_the_targets_draw.share(p, None, one_hot)
    assert torch.equal(share, (p - one_hot).clamp_min(0))
