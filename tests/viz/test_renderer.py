"""The figures' renderer: stable bytes, no other host, and text that stays text."""

from __future__ import annotations

import plotly.graph_objects as go
import plotly.io as pio
import pytest

from specdec_lib.viz import renderer

DATA_TYPE = "application/vnd.plotly.v1+json"


@pytest.fixture
def default_renderer():
    """Registers the renderer, and puts plotly's own default back."""
    before = pio.renderers.default
    renderer.register()
    yield
    pio.renderers.default = before


def bundle(figure: go.Figure) -> dict:
    return figure._repr_mimebundle_()


def test_a_figure_is_shown_as_html_and_as_plotly_data(default_renderer):
    shown = bundle(go.Figure(go.Scatter(y=[1, 4, 2])))
    assert set(shown) == {DATA_TYPE, "text/html"}
    assert shown[DATA_TYPE]["data"][0]["y"] == [1, 4, 2]
    assert "Plotly.newPlot(" in shown["text/html"]


def test_the_html_loads_nothing(default_renderer):
    html = bundle(go.Figure(go.Scatter(y=[1, 4, 2])))["text/html"]
    assert "src=" not in html and "http" not in html and "<html" not in html
    assert len(html) < 20_000  # plotly.js itself is not inside


def test_equal_figures_give_equal_bytes_and_different_ones_different_ids(default_renderer):
    def shown(values: list[int]) -> str:
        return bundle(go.Figure(go.Scatter(y=values)))["text/html"]

    assert shown([1, 4, 2]) == shown([1, 4, 2])
    ids = {shown(values).split('id="')[1].split('"')[0] for values in ([1, 4, 2], [1, 4, 3])}
    assert len(ids) == 2 and all(name.startswith("figure-") for name in ids)


def test_a_script_in_a_token_stays_text(default_renderer):
    html = bundle(go.Figure(go.Bar(x=["</script><script>alert(1)</script>"], y=[1])))["text/html"]
    assert "alert(1)" in html
    assert "<script>alert" not in html and "</script><script>" not in html


def test_no_button_uploads_the_figure(default_renderer):
    shown = bundle(go.Figure(go.Scatter(y=[1, 4, 2])))
    assert "sendChartToCloud" in shown[DATA_TYPE]["config"]["modeBarButtonsToRemove"]
    assert "sendChartToCloud" in shown["text/html"]
