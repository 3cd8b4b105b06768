"""Engines that the audit knows nothing of: what is wrong is found, and nothing that is right is convicted."""

from __future__ import annotations

import pytest
from audited_mutants import SEED, ScenarioLaw, audit_all, somebodys

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.sampled.callables import LocalEngine
from specdec_lib.lossless.audit.sampled.counting import audit_by_counting
from specdec_lib.lossless.audit.sampled.weights import WeightsLaw
from specdec_lib.lossless.laws.enumeration import library_judge, output_law, target_law, total_variation
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.mutants.gallery import CONTROLS, find_mutant
from specdec_lib.lossless.mutants.judges import JUDGES

pytestmark = pytest.mark.unchecked

WRONG = (
    "target_unwarped", "draft_argmax_with_soft_law", "residual_is_p", "residual_is_p_without_x",
    "one_uniform_a_round", "reseeds_every_round", "draft_drops_improbable", "bonus_from_the_draft",
    "clamped_ratio", "nucleus_before_temperature", "keeps_rejected_tokens", "cuts_by_minus_zero",
    "accepts_typical_tokens", "rows_are_off_by_one", "block_breaks_early",
)  # fmt: skip
RIGHT = (
    "library_token", "library_token_nucleus", "library_block", "tempered_draft", "one_hot_argmax_draft",
    "pauses_after_improbable",
)  # fmt: skip
UNTOLD = {"accepts_typical_tokens": 1, "library_block": 0}


@pytest.fixture(scope="module")
def reports():
    most = {name: 2_000 for name in WRONG} | {name: 1_000 for name in RIGHT} | {"one_uniform_a_round": 4_000}
    asked = [(name, number, True) for name, number in most.items()]
    asked += [(name, 1_000, False) for name in UNTOLD]
    return {(name, told): report for (name, _, told), report in audit_all(asked).items()}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_engines_are_found(reports, name):
    report = reports[name, True]
    assert report.verdict == "not exact", report.says
    assert report.variation.high > 0.03 and name in report.says


@pytest.mark.parametrize("name", RIGHT)
def test_right_engines_are_not_convicted(reports, name):
    report = reports[name, True]
    assert name in {control.name for control in CONTROLS}
    assert report.verdict == "exact as far as seen" and report.num_samples == 1_000, report.says


@pytest.mark.parametrize("name", UNTOLD)
def test_without_a_law_the_control_alone_tells(reports, name):
    assert reports[name, False].exit_code == UNTOLD[name]


def test_one_uniform_a_round_passes_by_the_first_token_and_fails_jointly(reports):
    """What two released engines seem to do: the first token is right, and all together are not."""
    verdicts = {check.title: check.verdict for check in reports["one_uniform_a_round", True].checks}
    assert verdicts["token 1"] == "pass" and verdicts["joint law"] == "rejected"
    assert verdicts["joint law (control)"] == "pass"


@pytest.mark.parametrize("name", ["residual_is_p", "bonus_from_the_draft", "accepts_typical_tokens"])
def test_the_interval_holds_the_distance_that_an_enumeration_gives(reports, name):
    scenario = Scenario(seed=SEED)
    own, other = ((lambda prefix, m=model: scenario.warped(m, prefix)) for model in scenario.models)
    law, k = target_law(own, scenario.length), scenario.k
    exact = total_variation(output_law(own, other, scenario.length, k, JUDGES[name]), law)
    found = reports[name, True].variation
    assert exact > 0.03 and found.low <= exact <= found.high
    right = output_law(own, other, scenario.length, k, library_judge("token"))
    assert total_variation(right, law) < 1e-12


def test_an_engine_that_breaks_is_one_line():
    scenario = Scenario(seed=SEED, draft_error=0.0)
    target, draft = scenario.models
    decoder = find_mutant("residuals_of_all_rows").build(target, draft, 2)
    engine = somebodys(decoder, scenario.params, "breaks")
    with pytest.raises(InvalidArgument, match="breaks raised RuntimeError"):
        audit_by_counting(engine, engine, ScenarioLaw(scenario), EngineRequest(3, (1, 2)), 100)


def test_a_text_may_end_within_the_window():
    """The library's decoder with ends of text, by the law of weights; and one that goes on behind them."""
    scenario = Scenario(seed=SEED, vocab=4, eos_token_ids=(3,), length=3)
    target, draft = scenario.models
    request = EngineRequest(3, (1, 2), temperature=0.7)
    control, law = LocalEngine(AutoregressiveDecoder(target), "plain"), WeightsLaw(target)
    right = LocalEngine(find_mutant("library_token").build(target, draft, 2), "right")
    report = audit_by_counting(right, control, law, request, 400, mass=1.0)
    assert report.exit_code == 0 and report.num_drafted > 0 and report.mass == 1.0
    wrong = LocalEngine(find_mutant("misses_eos_in_a_block").build(target, draft, 2), "wrong")
    found = audit_by_counting(wrong, control, law, request, 400, mass=1.0)
    assert found.exit_code == 1 and found.looks == (100,)
