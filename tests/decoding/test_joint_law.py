"""The joint law of three sampled tokens is the target's, over all 64 outcomes.

A table model gives the exact law of every outcome, and the loop is followed along everything that its dice
can show: its own law is known within rounding, where 200 000 samples would see a deviation of 0.01. Of the
dice themselves 20 000 samples are counted, by chi-square at 1e-4. That each can fail is shown here and by the
mutants in ``tests/lossless``.
"""

from __future__ import annotations

import joint_law
import numpy as np
import pytest
from chosen_dice import ChosenDice, law_of

from specdec_lib.decoding import rejection
from specdec_lib.lossless.evidence.chi_square import chi_square_test, deviation_caught

pytestmark = pytest.mark.unchecked

LEVEL = 1e-4
ROUNDING = 1e-6


def largest_deviation(monkeypatch, verifier: str, length: int = joint_law.LENGTH) -> float:
    """Of the loop's law from the target's, summed over the outcomes as total variation is."""
    decoder, dice = joint_law.decoder(2, verifier), ChosenDice(monkeypatch)

    def generate() -> tuple[int, ...]:
        rounds = decoder.stream(joint_law.PROMPT, length, joint_law.TEMPERATURE, seed=0)
        return tuple(token for ids in rounds for token in ids)

    found, law = law_of(generate, dice), np.zeros((joint_law.VOCAB,) * length)
    for ids, chance in found.items():
        law[ids] = chance
    assert law.sum() == pytest.approx(1)
    return float(abs(law.ravel() - joint_law.exact_law(length)).sum() / 2)


@pytest.mark.parametrize("verifier", ["token", "block"])
def test_along_everything_that_the_dice_can_show_the_loop_has_the_targets_joint_law(monkeypatch, verifier):
    assert largest_deviation(monkeypatch, verifier) < ROUNDING
    assert deviation_caught(200_000, 64, LEVEL) > 1000 * ROUNDING


def test_a_residual_that_is_the_target_is_seen_in_the_law_of_the_loop(monkeypatch):
    monkeypatch.setattr(rejection, "residual", lambda target_probs, draft_probs: target_probs)
    assert largest_deviation(monkeypatch, "token", length=2) > 0.01


@pytest.fixture(scope="module")
def counts():
    return joint_law.sample({(2, "token"): 20_000, (2, "block"): 20_000})


@pytest.mark.parametrize("verifier", ["token", "block"])
def test_speculative_decoding_has_the_targets_joint_law(counts, verifier):
    test = chi_square_test(counts[2, verifier], joint_law.exact_law())
    assert test.num_samples == 20_000 and test.degrees == 63
    assert test.p_value > LEVEL
    assert deviation_caught(20_000, 64, LEVEL) < 0.04  # what 20 000 samples would have seen
