"""What a panel is: a figure, what to see in it, and a table of its numbers.

Names are untrusted. A figure is handed rows in which plotly finds no markup; tables and sentences are escaped
where they become HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import Rows

Tables = Mapping[str, Rows]


@dataclass(frozen=True)
class ReportPanel:
    """A figure with its words; ``rows`` and ``columns`` are those of its table."""

    key: str
    title: str
    figure: go.Figure | None
    told: Sequence[str]
    rows: Rows
    columns: Mapping[str, str] = field(default_factory=dict[str, str])


def plotly_safe(rows: Rows) -> list[dict[str, Any]]:
    """The rows with texts in which plotly reads no markup."""
    return [{name: _safe(value) for name, value in row.items()} for row in rows]


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value


def interval_cell(row: Mapping[str, Any], low: str = "low", high: str = "high", digits: int = 2) -> str:
    """The interval of a row for a table; a dash where one text gives none."""
    return f"{row[low]:.{digits}f}–{row[high]:.{digits}f}" if row["has_interval"] else "–"
