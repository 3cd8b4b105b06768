"""The proof of a pair on tiny models: what is exact passes, what is broken is named."""

from __future__ import annotations

import copy
import weakref
from dataclasses import replace

import pytest
import torch
from tiny_models import prompts, tiny_pair

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless import sentences
from specdec_lib.lossless.doubles.remembering import RememberingModel
from specdec_lib.lossless.laws.small_law import SmallLaw
from specdec_lib.lossless.mutants.gallery import find_mutant
from specdec_lib.lossless.mutants.judges import judge_of
from specdec_lib.lossless.proof import PairProof, ProofPlan, fewest_rounds, library_decoder, verdict_on
from specdec_lib.lossless.verdict import Check

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


def test_the_exact_rows_name_the_verifier_on_trial(found):
    for test in ("exact, tables", "exact, pair", "one position"):
        assert [check.verifier for check in found if check.test == test] == ["token", "block"]


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

        def again(ids, draft, request, k):
            request.generator.manual_seed(request.generator.initial_seed())
            return propose(ids, draft, request, k)

        decoder._propose = again
        return decoder

    plan = replace(PLAN, verifiers=(verifier,), num_tokens=40)
    wrong, right = (
        list(PairProof(*pair, prompts(12), plan, build=build)._long_texts(verifier))
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


def test_what_is_remembered_goes_with_who_remembers_it(pair):
    """No cycle keeps rows and models alive until a collection; and a copy remembers on its own."""
    remembering = RememberingModel(pair[0])
    law = SmallLaw(*pair, [1, 2], 2, SamplingParams(temperature=0.8, top_k=3), k=2)
    AutoregressiveDecoder(remembering).generate(prompts(1)[0], 4, 0.0)
    copied = copy.copy(remembering)
    gone = [weakref.ref(remembering), weakref.ref(law)]
    del remembering, law
    assert [ref() for ref in gone] == [None, None]
    assert copied.forward(torch.tensor([[1, 2]]))[0].shape[1] == 2


@pytest.mark.parametrize(
    "bad", [{"verifiers": ()}, {"verifiers": ("tree",)}, {"temperature": 0.0}, {"num_samples": 0}, {"k": 0}]
)
def test_a_plan_without_sense_is_refused(bad):
    with pytest.raises(InvalidArgument, match="verify"):
        ProofPlan(**bad)


def test_a_proof_needs_prompts(pair):
    with pytest.raises(InvalidArgument, match="prompts"):
        PairProof(*pair, [])
