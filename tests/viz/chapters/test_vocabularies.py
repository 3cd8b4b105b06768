"""The figures of two vocabularies: shares that add up, ways that stay apart."""

from __future__ import annotations

from specdec_lib.viz.chapters.vocabularies import plot_coverage, plot_round_tokens

MAPS = [
    {"map": "code, by bytes", "right": 1.0, "wrong": 0.0, "missing": 0.0},
    {"map": "code, by strings", "right": 0.75, "wrong": 0.05, "missing": 0.2},
]
ROUNDS = [
    {"temperature": t, "domain": domain, "way": way, "tokens": 1 + tokens + t, "rate": 0.25}
    for t in (0.0, 0.8)
    for domain in ("code", "conversation")
    for way, tokens in (("by text", 1.0), ("by token", 0.5))
]


def test_the_parts_of_a_text_make_a_whole():
    figure = plot_coverage(MAPS)
    assert [trace.name for trace in figure.data] == ["right", "wrong", "missing"]
    assert [sum(parts) for parts in zip(*(trace.x for trace in figure.data), strict=True)] == [1.0, 1.0]
    assert list(figure.data[0].y) == ["code<br>by bytes", "code<br>by strings"]
    assert len({trace.marker.pattern.shape for trace in figure.data}) == 3


def test_tokens_of_a_round_have_a_panel_a_temperature_and_a_bar_a_way():
    figure = plot_round_tokens(ROUNDS)
    assert [note.text for note in figure.layout.annotations] == ["temperature 0 (greedy)", "temperature 0.8"]
    text, token, *warm = figure.data
    assert (list(text.y), list(token.y)) == ([2.0, 2.0], [1.5, 1.5])
    assert list(text.x) == ["code", "conversation"] and list(text.customdata) == [0.25, 0.25]
    assert text.marker.pattern.shape != token.marker.pattern.shape
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False] and len(warm) == 2
