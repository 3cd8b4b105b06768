"""The page of a report: one file of HTML that asks nobody for anything.

plotly.js stands in it once, as the installed plotly brings it; a figure is drawn when it comes near the
window. Without a script the sentences and the tables are there. Everything that comes from a file is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any, Protocol, runtime_checkable

from specdec_lib.viz.report import sentences
from specdec_lib.viz.report.panel import ReportPanel, Tables
from specdec_lib.viz.report.sections import (
    MOST_SETUPS,
    RUN_COLUMNS,
    Section,
    left_out,
    run_rows,
    sections_of,
)
from specdec_lib.viz.standalone import plain_table, script_safe, source
from specdec_lib.viz.table import show_table

MOST_ROWS = 200
"""Rows of a table on the page."""
_BLOCK = 2**20


@runtime_checkable
class Sink(Protocol):
    """What takes bytes, such as an open file."""

    def write(self, data: bytes, /) -> object:
        """Take them."""
        ...


def write_page(
    file: Sink,
    tables: Tables,
    title: str,
    found: Sequence[str] = (),
    notes: Sequence[str] = (),
    comparison: Mapping[str, Any] | None = None,
    settings: Mapping[str, str] | None = None,
) -> None:
    """Write the page of a sweep.

    Args:
        file: where its bytes go. tables: rows by table, as ``bench.tables.cells`` makes them.
        title: of the page. found: the sentences at its top. notes: what is to be known of the file.
        comparison: of this file's groups with another's. settings: of sweeps, as YAML, by name.
    """
    sections = sections_of(tables, comparison)
    before, after = Template(source("report_page.html")).safe_substitute(_frame(title)).split("<!-- body -->")
    file.write(before.encode())
    for part in _body(tables, sections, title, found, notes, settings or {}):
        file.write(part.encode("utf-8", "replace"))
    script, rest = after.split("<!-- plotly -->")
    file.write(f"{script}<script>".encode())
    with _plotly().open("rb") as bundle:
        while block := bundle.read(_BLOCK):
            file.write(block)
    file.write(f"</script>\n<script>{source('report.js')}</script>{rest}".encode())


def _frame(title: str) -> dict[str, str]:
    return {"title": html.escape(title), "style": source("report.css")}


def _plotly() -> Path:
    """The plotly.js of the installed plotly."""
    import plotly

    return Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def _body(
    tables: Tables,
    sections: Sequence[Section],
    title: str,
    found: Sequence[str],
    notes: Sequence[str],
    settings: Mapping[str, str],
) -> Iterator[str]:
    many = ' class="many"' if len(sections) > 2 else ""
    yield f'<nav aria-label="Contents"{many}><h2>Contents</h2>{_contents(sections)}</nav>\n<main>'
    yield f"<header><h1>{html.escape(title)}</h1>{_listed(found, 'found')}{_legend()}</header>"
    yield f"<noscript><p>{html.escape(sentences.NO_SCRIPT)}</p></noscript>"
    yield '<section id="run"><h2>What was run</h2>'
    rows = run_rows(tables)
    yield _facts(rows[:MOST_SETUPS])
    if len(rows) > MOST_SETUPS:
        yield _table(rows, RUN_COLUMNS, "all setups")
    yield _paragraphs([sentences.HOW_TO_READ, _again(tables), *notes, *left_out(tables)])
    for name, told in settings.items():
        summary = html.escape(sentences.SETTINGS.format(name))
        yield f"<details><summary>{summary}</summary><pre>{html.escape(told)}</pre></details>"
    yield "</section>"
    for section in sections:
        yield f'<section id="{section.key}"><h2>{html.escape(section.title)}</h2>'
        yield _listed(section.notes, "notes")
        for panel in section.panels:
            yield _panel(section, panel)
        yield "</section>"
    yield "</main>"


def _again(tables: Tables) -> str:
    libraries, sweeps = dict[str, None](), dict[str, None]()
    for row in tables["setups"]:
        libraries[_library(row)] = None
        sweeps.update(dict.fromkeys(row["sweeps"]))
    return sentences.HOW_TO_AGAIN.format(", ".join(libraries), ", ".join(sweeps) or "of these cells")


def _library(row: Mapping[str, Any]) -> str:
    commit, files = row["environment"].get("commit"), row["made_of"].get("library")
    if commit and files:
        return sentences.LIBRARY.format(commit, files)
    if commit or files:
        return (sentences.COMMIT if commit else sentences.HASH).format(commit or files)
    return "unknown"


def _legend() -> str:
    lines = "".join(
        f"<div><dt>{html.escape(symbol)}</dt><dd>{html.escape(told)}</dd></div>"
        for symbol, told in sentences.SYMBOLS.items()
    )
    return f'<details open class="symbols"><summary>{sentences.LEGEND}</summary><dl>{lines}</dl></details>'


def _contents(sections: Sequence[Section]) -> str:
    items = '<li><a href="#run">What was run</a></li>'
    for section in sections:
        inner = "".join(
            f'<li><a href="#{section.key}-{panel.key}">{html.escape(panel.title)}</a></li>'
            for panel in section.panels
        )
        name = f'<a href="#{section.key}">{html.escape(section.title)}</a>'
        items += f"<li>{name}<ul>{inner}</ul></li>"
    return f"<ul>{items}</ul>"


def _panel(section: Section, panel: ReportPanel) -> str:
    key, title = f"{section.key}-{panel.key}", html.escape(panel.title)
    seen = ""
    if panel.told:
        seen = f"<figcaption><b>What to see.</b> {html.escape(' '.join(panel.told))}</figcaption>"
    drawn = "" if panel.figure is None else _figure(key, panel)
    table = _table(panel.rows, panel.columns, panel.title) if panel.rows else ""
    return f'<article id="{key}"><h3>{title}</h3><figure>{drawn}{seen}</figure>{table}</article>'


def _figure(key: str, panel: ReportPanel) -> str:
    """The place of a figure, as high as the figure, and its data."""
    import plotly.io as pio

    figure: Any = panel.figure
    told = pio.to_json(figure, validate=False) or "{}"
    height = figure.layout.height or 360
    label = html.escape(panel.title, quote=True)
    return (
        f'<div class="figure" role="img" aria-label="{label}" data-figure="{key}-data" '
        f'style="min-height:{height}px"></div>'
        f'<script type="application/json" id="{key}-data">{script_safe(told)}</script>'
    )


def _facts(rows: Sequence[Mapping[str, Any]]) -> str:
    """What ran, a line a fact and a column a setup."""
    shown = show_table(rows, RUN_COLUMNS)
    lines = [
        [name, *(cells[place] for cells in shown.cells)]
        for place, name in enumerate(shown.headers)
        if place or len(rows) > 1
    ]
    return f'<div class="scroll" tabindex="0">{plain_table("", [], lines)}</div>'


def _table(rows: Sequence[Any], columns: Mapping[str, str], name: str) -> str:
    shown = show_table(rows[:MOST_ROWS], columns)
    note = ""
    if len(rows) > MOST_ROWS:
        note = f"<p>{html.escape(sentences.LEFT_OUT_ROWS.format(MOST_ROWS, f'{len(rows):,}'))}</p>"
    summary = f"The numbers: {html.escape(name)}"
    return (
        f"<details><summary>{summary}</summary>{note}"
        f'<div class="scroll" tabindex="0">{shown._repr_html_()}</div></details>'
    )


def _listed(told: Sequence[str], kind: str) -> str:
    if not told:
        return ""
    return f'<ul class="{kind}">' + "".join(f"<li>{html.escape(one)}</li>" for one in told) + "</ul>"


def _paragraphs(told: Iterable[str]) -> str:
    return "".join(f"<p>{html.escape(one)}</p>" for one in told)
