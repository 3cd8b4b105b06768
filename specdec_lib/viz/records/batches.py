"""Figures of batches: what a wide forward costs several texts, and the batch up to which speculation pays.

Rows are plain dicts, or those of :mod:`specdec_lib.bench.tables.batches`. What was measured is a line with
markers, the roofline a dashed one of the same colour. Nothing here fits or predicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import GREY, Rows, new_figure
from specdec_lib.viz.traces import curve, distinct, series, xy

_AXIS = "texts decoded together, B"


def plot_verify_cost(rows: Rows) -> go.Figure:
    """v over the batch, a line a K as it was timed, and a dashed one by the roofline.

    Args:
        rows: k, batch (ascending within a k), v, roofline.
    """
    figure = new_figure(360)
    for index, (k, chosen) in enumerate(series(rows, "k")):
        for name, told, dash in (("v", "timed", None), ("roofline", "roofline", "dash")):
            hover = f"<b>K = {k}</b>, {told}, B = %{{x}}: v = %{{y:.2f}}"
            line = curve(*xy(chosen, "batch", name), hover, index, 2, 7, name=f"K = {k}, {told}")
            if dash:
                line.update(mode="lines", line_dash=dash, opacity=0.6)
            figure.add_trace(line)
    _over_batches(figure, rows)
    return figure.update_yaxes(title_text="v, wide over narrow forward", rangemode="tozero")


def plot_paying_batches(rows: Rows, alphas: Sequence[float], first: int = 0) -> go.Figure:
    """Speedup over the batch, a line a K; a slider chooses the acceptance, without a kernel.

    Args:
        rows: alpha, k, batch (ascending within a k), speedup.
        alphas: what the slider offers, ascending. first: the place among them where it begins.
    """
    figure, shown = new_figure(420), []
    for alpha in alphas:
        for index, (k, chosen) in enumerate(series([row for row in rows if row["alpha"] == alpha], "k")):
            hover = f"<b>K = {k}</b>, α = {alpha:g}, B = %{{x}}: %{{y:.2f}}×"
            style: dict[str, Any] = {"name": f"K = {k}", "visible": alpha == alphas[first]}
            figure.add_trace(curve(*xy(chosen, "batch", "speedup"), hover, index, 2.5, 7, **style))
            shown.append(alpha)
    steps = [
        {"label": f"{alpha:g}", "method": "restyle", "args": ["visible", [one == alpha for one in shown]]}
        for alpha in alphas
    ]
    slider = {
        "active": first,
        "steps": steps,
        "currentvalue": {"prefix": "acceptance α = "},
        "pad": {"t": 48},
    }
    figure.add_hline(y=1, line={"color": GREY, "dash": "dash", "width": 1.5})
    _over_batches(figure, rows)
    figure.update_layout(sliders=[slider], margin_b=130)
    top = max(row["speedup"] for row in rows)
    return figure.update_yaxes(title_text="speedup", ticksuffix="×", range=[0, 1.05 * top])


def _over_batches(figure: go.Figure, rows: Rows) -> None:
    figure.update_xaxes(type="log", title_text=_AXIS, tickvals=sorted(distinct(rows, "batch")))
