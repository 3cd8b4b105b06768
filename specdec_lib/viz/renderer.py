"""How figures are shown: as HTML that any page with plotly.js can draw, beside plotly's own data type.

JupyterLab draws the data type with the extension that comes with plotly; the book draws the HTML, with the
plotly.js that its build copies from the installed plotly. Neither asks another host for anything, and the
same figure gives the same bytes, so that a notebook's outputs can be compared. This module knows no figure.
"""

from __future__ import annotations

import hashlib
from typing import Any

import plotly.io as pio
from plotly.io.base_renderers import PlotlyRenderer

NAME = "specdec"
# "Share chart" would upload the figure; the selections select nothing here.
_CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
}


class OfflineRenderer(PlotlyRenderer):
    """Plotly's data type, and an HTML fragment without plotly.js in it."""

    def __init__(self) -> None:
        super().__init__(config=dict(_CONFIG))

    def to_mimebundle(self, fig_dict: dict[str, Any]) -> dict[str, Any]:
        """Both forms of one figure; ``fig_dict`` is left as it was."""
        return {**super().to_mimebundle(dict(fig_dict)), "text/html": figure_html(fig_dict)}


def figure_html(figure: Any) -> str:
    """An HTML fragment that draws ``figure`` where plotly.js is loaded; its id is a hash of it."""
    digest = hashlib.sha256((pio.to_json(figure, validate=False) or "").encode()).hexdigest()[:16]
    return pio.to_html(
        figure,
        config=dict(_CONFIG),  # to_html takes entries out of it
        include_plotlyjs=False,
        include_mathjax=False,
        full_html=False,
        default_width="100%",
        div_id=f"figure-{digest}",
        validate=False,
    )


def register() -> None:
    """Show every figure of this process with :class:`OfflineRenderer`; a notebook calls it at its top."""
    pio.renderers[NAME] = OfflineRenderer()
    pio.renderers.default = NAME
