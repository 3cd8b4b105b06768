"""The proof of a pair on tiny models: what is exact passes, what is broken is named."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_models import prompts, tiny_pair

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.rejection import plan_block, plan_tokens
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless import checks, sentences
from specdec_lib.lossless.checks.sampled import pooled_test
from specdec_lib.lossless.doubles.remembering import RememberingModel
from specdec_lib.lossless.evidence.chi_square import deviation_caught
from specdec_lib.lossless.evidence.rounding import rounding_of
from specdec_lib.lossless.mutants.gallery import find_mutant
from specdec_lib.lossless.mutants.judges import judge_of
from specdec_lib.lossless.proof import PairProof, ProofPlan, fewest_rounds, library_decoder, verdict_on
from specdec_lib.lossless.replays.replay import ReplayedRound
from specdec_lib.lossless.verdict import Check
from specdec_lib.models.wrapper import ModelWrapper

pytestmark = pytest.mark.unchecked

PLAN = ProofPlan(k=3, num_samples=400, num_tokens=24)


@pytest.fixture(scope="module")
def pair():
    return tiny_pair("llama")


@pytest.fixture(scope="module")
def found(pair):
    return list(PairProof(*pair, prompts(6), PLAN).run())


def test_an_exact_pair_passes_every_check(found):
    assert not any(check.rejected for check in found)
    assert {check.test for check in found if check.passed is None} == {"independence"}  # six short texts
    assert {check.test for check in found} == {
        "exact, tables", "exact, pair", "one position", "caches",
        "greedy identity", "endings", "joint law", "distance", "uniformity", "independence", "efficiency",
    }  # fmt: skip
    assert {check.verifier for check in found} == {"token", "block", ""}
    assert all(check.num_samples > 0 and check.says for check in found)


def test_the_sentence_states_the_power(found):
    passed = [check for check in found if check.passed]
    laws = [check for check in passed if check.test in ("joint law", "distance")]
    power = sentences.joint_power(
        max(check.catches for check in laws if check.catches is not None),
        max(check.bound for check in laws if check.bound is not None),
        confidence=0.9998,
    )
    assert verdict_on("tiny", found) == sentences.EXACT.format("tiny", len(passed), power)


def found_of(pair, name: str, num_samples: int = 400, num_tokens: int = 16) -> list[Check]:
    """What the checks find of a mutant in the pair's place."""
    mutant = find_mutant(name)
    proof = PairProof(
        *pair,
        prompts(6),
        ProofPlan((mutant.verifier,), k=3, num_samples=num_samples, num_tokens=num_tokens),
        build=lambda target, draft, k, verifier: mutant.build(target, draft, k),
        judge_of=lambda decoder: judge_of(mutant, decoder),
        breaks=(Exception,),
    )
    return list(proof.run())


def rejected_by(pair, name: str, **options) -> list[Check]:
    """The checks that reject a mutant."""
    return [check for check in found_of(pair, name, **options) if check.rejected]


@pytest.mark.parametrize(
    ("name", "tests"),
    [
        ("residual_is_p", {"exact, tables", "exact, pair", "one position"}),
        ("block_with_token_residual", {"exact, tables"}),
        ("greedy_by_ratio", {"greedy identity"}),
        ("knows_one_eos", {"endings"}),
        ("target_unwarped", {"joint law"}),
    ],
)
def test_a_broken_decoder_is_rejected_by_name(pair, name, tests):
    rejected = rejected_by(pair, name, num_samples=200)
    assert tests <= {check.test for check in rejected}
    assert verdict_on("it", rejected) == sentences.NOT_EXACT.format(
        "it", ", ".join(check.title for check in rejected)
    )


def test_a_rule_that_cannot_be_read_is_not_judged(pair):
    """Dice of its own, or verdicts that no verifier is asked for: the exact rows pass nothing."""
    for name in ("residuals_of_all_rows", "target_unwarped"):
        mutant = find_mutant(name)
        decoder = mutant.build(*pair, 3)
        assert judge_of(mutant, decoder) is None
    check = checks.check_tables("block", None)
    assert check.passed is None and check.verdict == "not applicable" and not check.rejected
    passed = checks.check_tables("token", plan_tokens, num_tables=1)
    assert passed.passed
    assert verdict_on("it", [check, passed]) == sentences.EXACT.format("it", 1, "")


def test_the_exact_rows_name_the_verifier_on_trial(found):
    for test in ("exact, tables", "exact, pair", "one position"):
        assert [check.verifier for check in found if check.test == test] == ["token", "block"]


def test_one_position_is_judged_by_the_plan_it_is_given():
    """A plan whose residual is scaled wrongly differs, though its thresholds are right."""

    def scaled(p, q, ids):
        plan = plan_tokens(p, q, ids)
        return replace(plan, scales=plan.scales * 0.7)

    p, q = torch.tensor([0.5, 0.35, 0.15]), torch.tensor([0.2, 0.2, 0.6])
    assert checks.one_position_difference(p, q, plan_block) < 1e-7
    assert checks.one_position_difference(p, q, scaled) > 1e-2


def test_a_decoder_that_breaks_is_rejected_where_it_may(pair):
    def breaks(target, draft, k, verifier):
        decoder = library_decoder(target, draft, k, verifier)
        decoder.verify = lambda *rows, generator: 1 // 0
        return decoder

    proof = PairProof(
        *pair, prompts(6), PLAN, build=breaks, judge_of=lambda decoder: None, breaks=(Exception,)
    )
    joint = list(proof._tried("joint law", "token", lambda: proof._joint_law("token")))
    assert [(check.rejected, check.statistic) for check in joint] == [(True, "it broke")]
    assert "ZeroDivisionError" in joint[0].says
    strict = PairProof(*pair, prompts(6), PLAN, build=breaks)
    with pytest.raises(ZeroDivisionError):
        list(strict._tried("joint law", "token", lambda: strict._joint_law("token")))


def test_texts_too_few_to_count_are_refused_before_anything_runs(pair):
    with pytest.raises(InvalidArgument, match="--tokens or --prompts"):
        PairProof(*pair, prompts(1), ProofPlan(num_tokens=3))
    assert fewest_rounds(1, 3, 4) == 1 and fewest_rounds(30, 64, 4) == 390


def rounds_that_accept(num_rounds: int, accepted: int) -> list[ReplayedRound]:
    """Rounds of K = 2 whose target leaves half of each draft token, the first ``accepted`` stay."""
    p, q = torch.tensor([0.5, 0.5]).repeat(3, 1), torch.tensor([1.0, 0.0]).repeat(3, 1)
    ids = torch.zeros(2, dtype=torch.long)
    return [ReplayedRound(p, q, ids, ids, accepted) for _ in range(num_rounds)]


@pytest.mark.parametrize("verifier", ["token", "block"])
def test_counts_that_could_not_see_a_lack_of_all_pass_nothing(verifier):
    """0.75 tokens a round are expected: a dozen rounds would pass a draft of which nothing stays."""
    few = checks.check_efficiency(verifier, rounds_that_accept(12, 1), 1e-4)
    assert few.verdict == "not applicable" and few.num_samples == 12
    told = re.escape(sentences.why_blind(12, 9.999, 0.75)).replace(r"9\.999", r"(\S+)")
    assert float(re.search(told, few.says)[1]) >= 0.75
    assert checks.check_efficiency(verifier, rounds_that_accept(12, 0), 1e-4).verdict == "not applicable"
    many = checks.check_efficiency(verifier, rounds_that_accept(400, 1), 1e-4)
    assert many.num_samples == 400 and many.passed is not None and many.catches < 0.75
    assert checks.check_efficiency(verifier, rounds_that_accept(400, 0), 1e-4).rejected
    assert checks.check_efficiency(verifier, rounds_that_accept(12, 1), 1e-4, short=1).rejected


def test_waste_is_seen_though_it_is_lossless(pair):
    rejected = rejected_by(pair, "draft_keeps_rejected_tokens", num_samples=50, num_tokens=48)
    assert [check.test for check in rejected] == ["efficiency"]
    assert verdict_on("it", rejected) == sentences.WASTES.format("it", "efficiency (token)", 0)


def test_a_draft_of_fewer_tokens_than_were_asked_for_is_waste(pair):
    """Each round's counts are right for the draft that it had: what is wrong is the draft's length."""
    rejected = rejected_by(pair, "draft_drafts_one_fewer", num_samples=50)
    assert [check.test for check in rejected] == ["efficiency"] and "short drafts" in rejected[0].statistic


@pytest.mark.parametrize("verifier", ["token", "block"])
def test_dice_that_come_back_are_seen_in_no_row_but_one(pair, verifier):
    """Rounds that throw the same dice: each number is uniform, and those of one text go together."""

    def reseeding(target, draft, k, verifier):
        decoder = library_decoder(target, draft, k, verifier)
        propose = decoder._propose

        def again(ids, draft, request):
            request.generator.manual_seed(request.generator.initial_seed())
            return propose(ids, draft, request)

        decoder._propose = again
        return decoder

    plan = replace(PLAN, verifiers=(verifier,), num_tokens=64)
    wrong, right = (
        list(PairProof(*pair, prompts(24), plan, build=build)._long_texts(verifier))
        for build in (reseeding, library_decoder)
    )
    assert "independence" in {check.test for check in wrong if check.rejected}
    assert all(check.passed for check in right)


def test_remembered_forwards_are_the_models(pair):
    target, _ = pair
    remembering = RememberingModel(target)
    prompt = prompts(1)[0]
    ours, theirs = (
        AutoregressiveDecoder(model).generate(prompt, 20, 0.8, seed=3) for model in (remembering, target)
    )
    assert ours.generated_ids == theirs.generated_ids
    with pytest.raises(InvalidArgument, match="outside"):
        remembering.truncate_cache((1, 2), 3)


def test_ties_of_half_precision_are_judged_by_their_gap(pair):
    assert rounding_of(torch.float32, 20.0) < 1e-4 < rounding_of(torch.bfloat16, 20.0)
    half = [ModelWrapper(model.model.bfloat16()) for model in tiny_pair("llama")]
    decoder = find_mutant("library_token").build(*half, 3)
    check = checks.check_greedy(decoder, prompts(4), 24, lambda line: None)
    assert check.passed and "ties within rounding" in check.says


def test_the_power_that_is_claimed_is_there_where_outcomes_are_thin():
    """A law with outcomes that never show, and another at the distance which is said to be caught."""
    rng = np.random.default_rng(0)
    law = np.append(rng.dirichlet(np.full(64, 0.15)), 0.0)
    num = 5_000
    _, cells = pooled_test(rng.multinomial(num, law).astype(float), law)
    deviation = deviation_caught(num, cells)
    other = law.copy()
    large = np.argsort(law)[-12:]
    shift = law[large] * np.resize([1, -1], 12)
    other[large] += (shift - shift.mean()) * deviation / (np.abs(shift - shift.mean()).sum() / 2)
    assert other.min() >= 0 and np.abs(other - law).sum() / 2 == pytest.approx(deviation)
    draws = [[rng.multinomial(num, p / p.sum()).astype(float) for _ in range(100)] for p in (law, other)]
    right, wrong = ([pooled_test(counts, law)[0].p_value < 1e-4 for counts in row] for row in draws)
    assert sum(right) <= 1 and sum(wrong) >= 95


def test_an_outcome_that_cannot_be_refutes():
    law = np.array([0.5, 0.5, 0.0])
    assert pooled_test(np.array([50.0, 49.0, 1.0]), law)[0].p_value == 0.0


def test_mass_that_does_not_add_up_is_seen():
    p = torch.tensor([0.5, 0.3, 0.2])
    q = torch.tensor([0.2, 0.3, 0.5])
    assert checks.one_position_difference(p, q) < 1e-7
    assert checks.one_position_difference(p * (1 + 3e-6), q) > 1e-6


@pytest.mark.parametrize(
    "bad", [{"verifiers": ()}, {"verifiers": ("tree",)}, {"temperature": 0.0}, {"num_samples": 0}, {"k": 0}]
)
def test_a_plan_without_sense_is_refused(bad):
    with pytest.raises(InvalidArgument, match="verify"):
        ProofPlan(**bad)


def test_a_proof_needs_prompts(pair):
    with pytest.raises(InvalidArgument, match="prompts"):
        PairProof(*pair, [])
