"""*Predict*: what is measured sets the sliders, and the best K is that of the v(K) that was measured."""

from __future__ import annotations

import pytest

from specdec_lib.decoding.lengths.specs import LengthCosts
from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.speedup import speedup
from specdec_lib.viz.live.panels.predict import MeasuredLaw, Predict, law_html

COSTS = LengthCosts(0.1, {1: 1.05, 2: 1.1, 4: 1.2, 8: 1.4})


def test_the_slope_is_that_of_the_line_and_never_falls():
    assert MeasuredLaw(0.8, 0.1, COSTS.v, 0.0).slope == pytest.approx(0.05)
    assert MeasuredLaw(0.8, 0.1, {1: 0.9, 2: 0.8}, 0.0).slope == 0.0
    assert MeasuredLaw(0.8, 0.1, {}, 0.0).slope == 0.0


def test_the_best_k_is_by_the_measured_v_and_a_loss_is_called_one():
    law = MeasuredLaw(0.8, 0.1, COSTS.v, 0.1)
    expected = {k: speedup(0.8, k, 0.1, v, 0.1) for k, v in COSTS.v.items()}
    best = max(expected, key=expected.get)
    assert law.speedups() == expected
    assert f"the best K is {best}: {expected[best]:.2f}×" in law_html(law, 0.8) and f"{best} ★" in law_html(
        law, 0.8
    )
    assert "no K pays" in law_html(law, 0.05)


def test_measuring_sets_the_sliders_and_the_table_follows_them(shelf):
    asked = []
    panel = Predict(measure=lambda *given: asked.append(given) or COSTS, shelf=shelf)
    assert panel.widget.children and panel.run() and panel.wait(60)
    target, _, ids = asked[0]
    assert target.name == "pocket-target" and ids
    law, sliders = panel.law, panel.playground
    assert (sliders.c, sliders.slope) == (pytest.approx(0.1), pytest.approx(law.slope))
    assert 0 < law.alpha == sliders.alpha <= 1 and sliders.overhead == law.overhead >= 0
    assert sliders.k == max(law.speedups(), key=law.speedups().get)
    before = panel._table.value
    sliders.alpha = 0.05
    assert panel._table.value != before


def test_what_goes_wrong_while_measuring_is_a_line(shelf):
    def refuses(target, draft, ids):
        raise InvalidArgument("this machine keeps no time")

    panel = Predict(measure=refuses, shelf=shelf)
    assert panel.widget.children and panel.run() and panel.wait(60)
    assert "this machine keeps no time" in panel._status.value and panel.law is None
    assert Predict(shelf=shelf).run() is False
