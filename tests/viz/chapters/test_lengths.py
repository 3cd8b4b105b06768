"""The figures of draft lengths show what they are given, one value of their slider at a time."""

from __future__ import annotations

from specdec_lib.viz.chapters.lengths import plot_policies, plot_worth_drafting

TOKENS = [
    {"alpha": alpha, "place": i, "gain": alpha**i, "price": 0.3, "pays": alpha**i > 0.3}
    for alpha in (0.5, 0.8)
    for i in (1, 2, 3)
]
SHARES = [
    {"c": c, "policy": policy, "place": place, "share": share + c}
    for c in (0.1, 0.2)
    for place in ("code, T = 0", "chat, T = 0")
    for policy, share in (("K = 4", 0.6), ("cost-aware", 0.7))
]


def test_a_token_that_does_not_pay_is_hatched_beside_the_price():
    figure = plot_worth_drafting(TOKENS, shown=1)
    cheap, _, dear, price = figure.data
    assert list(cheap.y) == [0.5, 0.25, 0.125] and list(cheap.marker.pattern.shape) == ["", "/", "/"]
    assert list(dear.y) == [0.8, 0.64, 0.512] and list(price.y) == [0.3] * 3
    assert [trace.visible for trace in figure.data] == [False, False, True, True]
    [slider] = figure.layout.sliders
    assert slider.active == 1 and [step.label for step in slider.steps] == ["0.5", "0.8"]
    assert slider.steps[0].args[0]["visible"] == [True, True, False, False]


def test_every_place_has_a_mark_of_its_own_for_each_policy():
    figure = plot_policies(SHARES)
    code, chat, *later = figure.data
    assert list(code.y) == ["K = 4", "cost-aware"] and list(code.x) == [0.7, 0.7999999999999999]
    assert code.marker.symbol != chat.marker.symbol and code.name == "code, T = 0"
    assert not any(trace.visible for trace in later)
