"""Every mutant dies by its trial, and no control does."""

from __future__ import annotations

import re

import hunts
import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.mutants.gallery import CONTROLS, GALLERY, MUTANTS, find_mutant
from specdec_lib.lossless.mutants.trials import LEVEL, SCHEDULE, TRIALS

pytestmark = pytest.mark.unchecked

SEED = 5
SHORT = SCHEDULE[:4]
"""Controls are looked at up to 400 generations here; ``specdec verify --mutants`` goes on to 6 400."""


@pytest.fixture(scope="module")
def caught():
    schedules = {m.name: SCHEDULE for m in MUTANTS} | {c.name: SHORT for c in CONTROLS}
    return hunts.hunt_all(schedules, SEED)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_dies(caught, mutant):
    killed_at, p_values = caught[mutant.name]
    assert killed_at is not None and p_values[-1] < LEVEL, mutant.mistake


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_control_survives(caught, control):
    killed_at, p_values = caught[control.name]
    assert killed_at is None and min(p_values) >= LEVEL, control.mistake


def test_a_mutant_dies_of_its_mistake_and_not_of_the_harness(caught):
    """Dead at the first generation: only those that raise, or never do what they are asked for."""
    at_once = {mutant.name for mutant in MUTANTS if caught[mutant.name][0] == 1}
    assert at_once <= {"residuals_of_all_rows", "looks_beyond_the_context", "cuts_by_minus_zero"}


def test_the_gallery_is_what_it_claims():
    names = [mutant.name for mutant in GALLERY]
    assert len(set(names)) == len(names) and len(MUTANTS) >= 24 and len(CONTROLS) >= 5
    assert {trap for mutant in MUTANTS for trap in mutant.traps} == set(range(1, 20))
    assert all(mutant.mistake.endswith(".") and mutant.trial in TRIALS for mutant in GALLERY)


@pytest.mark.parametrize("mutant", GALLERY, ids=lambda mutant: mutant.name)
def test_nobody_stops_with_an_error_at_temperature_0(mutant):
    """A draft comes without its law then; a mistake has to show in the text, not as a traceback."""
    scenario = Scenario(seed=SEED, vocab=6, k=3, draft_error=0.3)
    decoder = mutant.build(*scenario.models, scenario.k)
    assert len(decoder.generate([1, 2], 12, 0.0, seed=0).generated_ids) >= 12


def test_an_unknown_mutant_is_refused_by_name():
    with pytest.raises(InvalidArgument, match="unknown mutant 'nobody'"):
        find_mutant("nobody")
    with pytest.raises(
        InvalidArgument, match=r"such as residual_is_p, .* and .*; `specdec verify --mutants`"
    ) as caught:
        find_mutant("residual_is_q")
    assert len(str(caught.value)) < 200
    for control in CONTROLS:  # one that is right is no answer to who asks for a mistake
        with pytest.raises(InvalidArgument) as caught:
            find_mutant(f"{control.name}s")
        assert not re.search(rf"(as|,|and) {control.name}\b", str(caught.value))
