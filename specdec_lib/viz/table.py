"""A table of rows as a page shows it: HTML in a notebook or a book, aligned text everywhere else.

Stands beside each figure, so that its numbers can be read without a pointer, by a screen reader,
and where no script runs. Every value is escaped. It computes nothing.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any


class TableView:
    """Headers and cells, all of them strings; notebooks show ``_repr_html_``, terminals ``__repr__``."""

    def __init__(self, headers: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
        self.headers, self.cells = list(headers), [list(line) for line in cells]

    def __repr__(self) -> str:
        lines = [self.headers, *self.cells]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.headers))]
        rows = [
            "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        rows.insert(1, "  ".join("-" * w for w in widths))
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in self.headers)
        lines = ("".join(f"<td>{html.escape(cell)}</td>" for cell in line) for line in self.cells)
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def show_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> TableView:
    """The rows of a table, a column for each header.

    Args:
        rows: those of :mod:`specdec_lib.bench.tables.rows`, or plain dicts.
        columns: header -> format string over the row's columns, such as
            ``{"K": "{k}", "speedup": "{speedup:.2f}×"}``. A value that is None shows as a dash.

    >>> show_table([{"k": 4, "speedup": 1.5}], {"K": "{k}", "speedup": "{speedup:.2f}×"})
    K  speedup
    -  -------
    4  1.50×
    """
    cells = [[pattern.format_map(_dashes(row)) for pattern in columns.values()] for row in rows]
    return TableView(list(columns), cells)


class _Dash:
    """Stands for None in a format string, whatever the format."""

    def __format__(self, spec: str) -> str:
        return "–"


def _dashes(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _Dash() if value is None else value for name, value in row.items()}
