"""The step-through says what happened in words, and carries hostile tokens as text."""

from __future__ import annotations

import json
import re

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.replays.annotated import (
    AnnotatedRound,
    AnnotatedTrace,
    DraftedToken,
    Following,
    Share,
)
from specdec_lib.viz.live.narration import narrate
from specdec_lib.viz.live.step_through import StepThrough, StepThroughWidget, steps_payload
from specdec_lib.viz.standalone import source
from specdec_lib.viz.tokens import visible

SHARES = [Share("</script><b>", 0.6, 0.5), Share("…", 0.4, 0.5)]


def place(outcome, threshold=0.5, uniform=0.25, token="</script><b>"):
    return DraftedToken(token, 0.6, 0.5, threshold, 0.4, uniform, outcome, SHARES)


def trace(places, following, **options):
    cache = [4, 4 + len(places) + 1, 6]
    one = AnnotatedRound(places, following, cache, [4, 6, 6], {"draft": 1.0, "verify": 2.5})
    return AnnotatedTrace("title", ["a\n", "b"], [one], **{"temperature": 0.8} | options)


CORRECTED = Following(" x", "corrected", 0.31, SHARES)


def sentences(told):
    return [step.text for step in narrate(told)]


def test_token_verification_stops_at_the_rejection():
    told = trace([place("accepted"), place("rejected", uniform=0.75), place("dropped")], CORRECTED)
    steps = narrate(told)
    assert [step.kind for step in steps] == ["draft", "score", "judge", "judge", "follow", "settle"]
    assert "The draw is 0.25 < that: accepted." in steps[2].text
    assert "The draw is 0.75 ≥ that: rejected." in steps[3].text
    assert "a mass of 0.31 scaled up to 1: “␣x”." in steps[4].text
    assert steps[1].text.startswith(
        "The target reads the text's last token and the 3 draft tokens, 4 in all,"
    )
    assert steps[5].text == (
        "The round has emitted 2 tokens. The target's cache gives 2 tokens back, and the draft's has nothing "
        "to give back: 6 and 6 tokens remain."
    )


def test_block_verification_judges_the_whole_draft():
    places = [place("accepted", uniform=0.75), place("accepted"), place("rejected", uniform=0.75)]
    steps = narrate(trace(places, CORRECTED, verifier="block"))
    assert [step.place for step in steps if step.kind == "judge"] == [0, 1, 2]
    assert "does not pass, but a longer prefix will" in steps[2].text
    assert "The longest prefix that passed has 2 tokens." in steps[5].text
    assert "p₂ · p has beyond q" in steps[5].text


def test_greedy_verification_names_the_targets_own_choice():
    other = DraftedToken(
        "y", 0.1, 0.9, 0.0, 0.0, None, "rejected", [Share(" z", 0.9, 0.1), Share("y", 0.1, 0.9)]
    )
    told = sentences(trace([other], Following(" z", "corrected", 1, SHARES), temperature=0.0))
    assert told[2].endswith("which is “␣z”: rejected.")
    assert told[3] == "In its place comes what the target finds likeliest: “␣z”."


def test_a_bonus_and_an_end_inside_the_draft():
    bonus = sentences(trace([place("accepted")], Following("b", "bonus", 1, SHARES)))
    assert "The one draft token stays, and the target's last row adds a bonus for nothing: “b”." in bonus
    ended = narrate(trace([place("accepted")], Following("", "ended", 0, [])))
    assert [step.kind for step in ended] == ["draft", "score", "judge", "settle"]


@pytest.mark.parametrize(
    ("token", "shown"),
    [(" a\n", "␣a⏎"), ("", "∅"), ("\x1b[0m", "\\x1b[0m"), ("\u202e", "\\x202e"), ("é", "é")],
)
def test_white_space_and_control_characters_are_made_visible(token, shown):
    assert visible(token) == shown


def test_hostile_tokens_leave_their_script_element_in_neither_form():
    html = StepThrough(trace([place("accepted")], CORRECTED)).to_html()
    assert "</script><b>" not in html
    data = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.S).group(1)
    first = json.loads(data)["traces"][0]
    assert first["rounds"][0]["places"][0]["token"] == "</script><b>"
    assert first["prompt"] == ["a⏎", "b"]


def test_the_figure_asks_nobody_and_is_the_same_each_time():
    told = trace([place("accepted")], CORRECTED)
    figure = StepThrough(told)
    assert figure.to_html() == StepThrough(told).to_html() == figure._repr_html_()
    assert not re.search(r"https?://|import |fetch\(|url\(", figure.to_html())
    assert repr(figure) == "StepThrough(traces: 1, steps: 5)"
    assert "<ol><li>Round 1 of 1." in figure.to_html()  # what is left without scripts


def test_nothing_to_show_is_refused():
    with pytest.raises(InvalidArgument, match="nothing to show"):
        steps_payload([])
    with pytest.raises(InvalidArgument, match="nothing to show"):
        StepThrough(AnnotatedTrace("t", [], []))


def test_the_widget_is_the_same_module_and_data():
    told = trace([place("accepted")], CORRECTED)
    widget = StepThroughWidget(told)
    assert widget.payload == steps_payload(told) and widget.step == 0
    assert str(widget._esm) == source("step_through.js")
    assert repr(widget) == "StepThroughWidget(traces: 1)"
    widget.close()
