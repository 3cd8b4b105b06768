"""The figures of decoding show what was decoded, and treat a token's text as text."""

from __future__ import annotations

import pytest

from specdec_lib.decoding.trace import Round
from specdec_lib.viz.chapters.decoding import (
    plot_next_token,
    plot_overlap,
    plot_rounds,
    plot_speedup_by_k,
    plot_token_times,
)
from specdec_lib.viz.tokens import shown_token

TEXTS = ["<script>", " a", "b", "c", "d"]


def test_markup_in_a_token_is_shown_and_white_space_is_visible():
    assert shown_token("<b> \n") == "&lt;b&gt;␣⏎"
    assert shown_token("") == "∅"


def test_next_token_draws_a_line_a_temperature():
    rows = [{"temperature": t, "token": TEXTS[0], "probability": t / 10} for t in (0.5, 1.0)]
    figure = plot_next_token(rows)
    assert [(trace.name, trace.y[0]) for trace in figure.data] == [("T = 0.5", 0.05), ("T = 1", 0.1)]
    assert figure.data[0].x[0] == "&lt;script&gt;"


def test_token_times_accumulate():
    trace = plot_token_times({"AR": [0.5, 0.25, 0.25]}).data[0]
    assert list(trace.x) == [500.0, 750.0, 1000.0]
    assert list(trace.y) == [1, 2, 3]


def test_overlap_splits_both_distributions():
    stays, only_p, only_q = plot_overlap(["x", "y"], [0.7, 0.3], [0.2, 0.8]).data
    assert list(stays.y) == [0.2, 0.3]
    assert list(only_p.y) == [0.5, 0.0]
    assert list(only_q.y) == [0.0, 0.5]
    assert len({stays.marker.pattern.shape, only_p.marker.pattern.shape, only_q.marker.pattern.shape}) == 3


@pytest.mark.parametrize(
    ("round_", "codes"),
    [
        (Round([2, 3, 4], "bonus", [2, 3], 2), [1, 1, 3]),
        (Round([2, 4], "corrected", [2, 3, 1], 1), [1, 2, 4]),
        (Round([4], "corrected", [2, 3, 1], 0), [2, 4, 4]),
        (Round([2, 3], "bonus", [2, 3], 2), [1, 1, None]),  # cut at the text's end, inside its draft
    ],
)
def test_a_round_shows_what_stayed_what_followed_and_what_was_thrown_away(round_, codes):
    widest = Round([2, 3, 4], "bonus", [2, 3], 2)
    cells = plot_rounds([widest, round_], TEXTS.__getitem__).data[0]
    assert list(cells.z[1]) == codes


def test_the_rounds_legend_names_every_letter_and_tokens_are_escaped():
    figure = plot_rounds([Round([0, 4], "bonus", [0], 1)], TEXTS.__getitem__)
    assert [trace.name[0] for trace in figure.data[1:]] == ["a", "c", "b", "×"]
    assert figure.data[0].text[0][0].startswith("&lt;script&gt;")


def test_speedup_by_k_keeps_prediction_and_measurement_apart():
    rows = [{"k": k, "predicted": 1.0 + k, "measured": 0.5 + k} for k in (1, 4)]
    predicted, measured = plot_speedup_by_k(rows).data[:2]
    assert (list(predicted.y), list(measured.y)) == ([2.0, 5.0], [1.5, 4.5])
    assert predicted.line.dash != measured.line.dash
