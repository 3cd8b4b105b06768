"""Which tier sees which mistake: what is claimed of a verifier's rule is what the verifier does."""

from __future__ import annotations

import json
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from specdec_lib.lossless.checks.exact import emitted_at_one_position
from specdec_lib.lossless.evidence.chi_square import chi_square_test
from specdec_lib.lossless.laws import reference
from specdec_lib.lossless.mutants import ladder, verifiers
from specdec_lib.lossless.mutants.gallery import MUTANTS, find_mutant
from specdec_lib.lossless.mutants.judges import JUDGES, judge_of, judging
from specdec_lib.lossless.verdict import bounded_check, not_applicable
from specdec_lib.utils.paths import data_path

pytestmark = pytest.mark.unchecked

P = [[0.30, 0.10, 0.35, 0.25], [0.40, 0.30, 0.10, 0.20], [0.10, 0.20, 0.30, 0.40]]
Q = [[0.55, 0.20, 0.15, 0.10], [0.10, 0.25, 0.35, 0.30]]
IDS = (0, 2)


@pytest.mark.parametrize("name", JUDGES)
def test_a_judge_has_the_verdicts_of_its_verifier(name):
    judgement = JUDGES[name](P, Q, IDS)
    law = np.array([weight * share for weight, following in judgement for share in following])
    assert law.sum() == pytest.approx(1)
    generator, counts = torch.Generator().manual_seed(1), np.zeros(len(law))
    round_ = torch.tensor(P), torch.tensor(Q), torch.tensor(IDS)
    for _ in range(1500):
        verdict = getattr(verifiers, name)(*round_, generator=generator)
        counts[verdict.num_accepted * 4 + verdict.next_id] += 1
    assert not counts[law == 0].any()
    assert chi_square_test(counts[law > 0], law[law > 0]).p_value > 1e-4


def test_with_nothing_replaced_the_judge_is_the_references():
    laws = [[Fraction(str(share)) for share in row] for row in (*P, *Q)]
    assert judging()(laws[:3], laws[3:], IDS) == reference.judge_tokens(laws[:3], laws[3:], IDS)


def test_a_rule_is_known_unless_dice_or_laws_are_its_own():
    known = {
        mutant.name: judge_of(mutant, mutant.build(*mutant.scenario.models, mutant.scenario.k))
        for mutant in MUTANTS
    }
    assert {name for name, judge in known.items() if judge is None} == {
        "residual_is_not_clamped", "correction_reuses_the_uniform", "residuals_of_all_rows",
        "accepts_by_the_drafts_uniform", "corrects_by_the_drafts_noise", "block_by_products_of_uniforms",
        "target_unwarped", "nucleus_before_temperature", "penalty_without_draft", "greedy_by_ratio",
    }  # fmt: skip
    assert set(JUDGES) - {"correct", "block"} <= set(known)


def test_one_position_by_a_right_rule_is_the_target():
    p, q = ([Fraction(str(share)) for share in rows[0]] for rows in (P, Q))
    assert emitted_at_one_position(reference.judge_tokens, p, q) == p
    wrong = emitted_at_one_position(JUDGES["residual_is_p"], p, q)
    assert wrong != p and sum(wrong) == 1


def rejecting(name: str, num_samples: int) -> list[str]:
    return [rung.tier for rung in ladder.climb(find_mutant(name), 0, num_samples) if rung.passed is False]


@pytest.mark.parametrize(
    ("name", "tiers"),
    [
        ("library_token", []),
        ("block_with_token_residual", ["enumeration"]),
        ("draft_keeps_rejected_tokens", ["efficiency"]),
        ("keeps_rejected_tokens", ["caches", "greedy identity", "joint law"]),
    ],
)
def test_each_mistake_is_seen_by_the_tiers_that_can_see_it(name, tiers):
    assert rejecting(name, 300) == tiers


def test_where_a_rule_cannot_be_listed_its_tiers_are_not_asked():
    rungs = ladder.climb(find_mutant("residual_is_not_clamped"), 0, 50)
    assert [rung.tier for rung in rungs if rung.passed is None] == ["enumeration", "one position"]


def test_a_tier_that_could_not_be_asked_has_not_passed(monkeypatch):
    asked = [bounded_check(tier, "", 0.0, 0.0, 1, "cuts", "") for tier in ladder.TIERS[2:-1]]
    found = [*asked, not_applicable("efficiency", "token", "too few rounds")]
    monkeypatch.setattr(ladder, "_proof", lambda *arguments: SimpleNamespace(run=lambda: found))
    *others, last = ladder.climb(find_mutant("library_token"))
    assert (last.tier, last.passed, last.told) == ("efficiency", None, "too few rounds")
    assert {rung.passed for rung in others} == {True}


def test_the_recording_holds_every_tier_of_what_the_book_shows():
    recorded = json.loads(data_path("results", "ladder.json").read_text(encoding="utf8"))
    cells = [(rung["name"], rung["tier"]) for rung in recorded]
    assert cells == [(name, tier) for name in ladder.SHOWN for tier in ladder.TIERS]
    seen = {
        name: [r["tier"] for r in recorded if r["name"] == name and not r["passed"]] for name in ladder.SHOWN
    }
    assert seen["library_token"] == []
    assert all(any(tier in tiers for tiers in seen.values()) for tier in ladder.TIERS)


def test_the_command_writes_the_recording(tmp_path, monkeypatch, capsys):
    rung = lambda mutant, tier: ladder.Rung(mutant.name, False, tier, tier != "efficiency", "")  # noqa: E731
    monkeypatch.setattr(ladder, "SHOWN", ("draft_keeps_rejected_tokens",))
    monkeypatch.setattr(ladder, "climb", lambda mutant: [rung(mutant, tier) for tier in ladder.TIERS])
    path = tmp_path / "ladder.json"
    assert ladder.main([str(path)]) == 0
    assert [rung["tier"] for rung in json.loads(path.read_text(encoding="utf8"))] == list(ladder.TIERS)
    assert capsys.readouterr().out == "[ladder] draft_keeps_rejected_tokens: efficiency rejected\n"
    assert ladder.main([str(tmp_path / "no" / "folder.json")]) == 2
