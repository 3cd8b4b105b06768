"""Modes of ``generate`` on small models: those that keep the law, those that do not, those that break."""

from dataclasses import replace

import pytest

from specdec_lib import load_pair
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit import sentences
from specdec_lib.lossless.audit.hugging_face.auditing import audit_mode, target_law_of
from specdec_lib.lossless.audit.hugging_face.modes import (
    MODES,
    PLAIN,
    Mode,
    find_mode,
    pair_trials,
    small_trials,
)
from specdec_lib.lossless.audit.replay_report import ROUNDING

pytestmark = pytest.mark.unchecked


def _audited(name: str, **limits):
    mode = find_mode(name)
    trials = [replace(trial, num_tokens=2, k=1) for trial in small_trials(mode, seeds=(0,))]
    return audit_mode(mode, trials, **limits)


@pytest.mark.parametrize("name", ["draft", "hf:draft-defaults", "lookup", "early-exit"])
def test_modes_that_keep_the_law(name):
    found = _audited(name)
    assert found.verdict == "exact" and found.exit_code == 0
    assert found.distance < ROUNDING and found.num_replays > 4
    assert all(check.passed for check in found.checks) and "within" in found.says


def test_universal_decoding_leaves_it_unless_the_vocabulary_is_listed_in_order():
    found = _audited("universal")
    own = [check for check in found.checks if check.test == sentences.EXACT_LAW]
    assert [check.passed for check in own] == [True, False]
    assert found.verdict == "not exact" and found.exit_code == 1
    assert found.distance > 0.05 and not found.is_lossy
    assert found.to_dict()["checks"][2]["verdict"] == "rejected"


def test_an_ensemble_is_said_to_be_one():
    found = _audited("ensemble")
    assert found.verdict == "not exact" and found.is_lossy
    assert found.says.endswith(sentences.LOSSY.split("{}")[1])


def test_a_small_deviation_is_seen():
    def biased(trial, draft):
        return {"repetition_penalty": 1.001}

    mode = Mode("biased", "a penalty that nobody asked for", biased)
    found = audit_mode(mode, small_trials(mode, seeds=(0,))[:1])
    assert found.verdict == "not exact" and ROUNDING < found.distance < 0.01


def test_the_control_comes_first():
    class Moody:
        calls = 0

        def __init__(self, make):
            self.make = make

        def __call__(self):
            model = self.make()
            Moody.calls += 1
            if Moody.calls > 1:  # the law's own forwards are of the model as it was
                model.generation_config.repetition_penalty = 2.0
            return model

    trial = small_trials(PLAIN, seeds=(0,))[0]
    found = audit_mode(find_mode("lookup"), [replace(trial, make_target=Moody(trial.make_target))])
    assert found.verdict == "not askable" and found.exit_code == 2
    assert "plain decoding" in found.says


def test_a_mode_that_breaks_is_told_in_a_line():
    def broken(trial, draft):
        raise RuntimeError("no such\nkernel")

    mode = Mode("broken", "", broken)
    found = audit_mode(mode, small_trials(mode, seeds=(0,)))
    assert found.verdict == "not askable" and "RuntimeError: no such kernel" in found.says
    assert len(found.checks) == 2 and found.checks[0].passed is None


def test_a_deadline_leaves_a_bound():
    mode = find_mode("draft")
    trial = small_trials(mode, seeds=(0,))[0]
    few = audit_mode(mode, [trial], most_replays=30)
    assert few.verdict == "open" and few.exit_code == 2 and few.open_mass > 0.05
    more = audit_mode(mode, [trial], most_replays=100)
    assert more.verdict == "exact as far as seen" and more.exit_code == 0
    assert ROUNDING < more.open_mass < 0.05 and more.distance < ROUNDING


def test_a_pair_of_ones_own():
    pair = load_pair("pocket")
    ids = pair.target.encode("def fibonacci(n):\n")
    mode = find_mode("draft")
    (trial,) = pair_trials(mode, pair.target.model, pair.draft.model, [ids], 1, 0.8, 2)
    trial = replace(trial, num_tokens=2)
    assert sum(target_law_of(trial).values()) == pytest.approx(1)
    before = pair.draft.model.generation_config.num_assistant_tokens
    found = audit_mode(mode, [trial])
    assert found.verdict == "exact" and str(len(ids)) in found.checks[0].says
    assert pair.draft.model.generation_config.num_assistant_tokens == before


def test_what_cannot_be_tried_is_refused():
    with pytest.raises(InvalidArgument, match="lookup"):
        find_mode("hf:lokup")
    with pytest.raises(InvalidArgument, match="--draft"):
        pair_trials(find_mode("draft"), None, None, [[1]], 1, 1.0, 4)
    with pytest.raises(InvalidArgument, match="small models"):
        pair_trials(find_mode("universal"), None, None, [[1]], 1, 1.0, 4)
    assert len({mode.name for mode in MODES}) == len(MODES)
