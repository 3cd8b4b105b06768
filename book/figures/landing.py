"""Draws the figure of the README and the landing page from recorded runs: ``make figure``.

    python book/figures/landing.py data/results/pocket.jsonl book/_static/landing.svg

An SVG without scripts, fonts or anything else to fetch; it brings its own paper, light or dark as the
reader's system is. Every number in it comes out of the records by way of
``specdec_lib.bench.tables.summary``; nothing is drawn by hand, and nothing is measured here. It is narrow, so
that its letters can be read on a phone, where it is shrunk.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from specdec_lib.bench.records.kinds import Record
    from specdec_lib.bench.tables.rows import SpeedupRow

TEMPERATURE = 0.0
WIDTH, LEFT, RIGHT, TOP, GROUP, BAR, LINE = 520, 146, 126, 108, 58, 20, 20

STYLE = """
.paper { fill: #ffffff; stroke: #d0d7de; } .text { fill: #1f2328; } .quiet { fill: #59636e; }
.base { fill: #8b949e; } .fast { fill: #2b7bba; }
text { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; font-size: 14px; }
.title { font-size: 18px; font-weight: 600; } .strong { font-weight: 600; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #161b22; stroke: #3d444d; } .text { fill: #f0f6fc; } .quiet { fill: #9198a1; }
  .base { fill: #6e7681; } .fast { fill: #4493d8; }
}
"""


def best_rows(rows: list[SpeedupRow]) -> list[SpeedupRow]:
    """One row a domain at the figure's temperature, all of the K that is fastest over all domains."""
    rows = [row for row in rows if row.temperature == TEMPERATURE]
    best_k = max((row for row in rows if row.domain == "all"), key=lambda row: row.speedup).k
    return [row for row in rows if row.k == best_k]


def text(x: float, y: float, words: str, style: str = "text", anchor: str = "start") -> str:
    """One line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def bar(y: float, length: float, style: str) -> str:
    """One bar, from the common zero."""
    return f'<rect x="{LEFT}" y="{y:.1f}" width="{length:.1f}" height="{BAR}" rx="2" class="{style}"/>'


def group(row: SpeedupRow, top: float, scale: float) -> list[str]:
    """A domain: its two bars, their lengths in tokens a second, and the speedup with its interval."""
    slow, fast = row.ar_tokens_per_second, row.sd_tokens_per_second
    middle, second = top + BAR - 5, top + BAR + 3
    gain, interval = f"{row.speedup:.2f}×", f"({row.low:.2f} to {row.high:.2f})"
    return [
        text(LEFT - 10, top + BAR + 5, row.domain, "text strong", "end"),
        bar(top, slow * scale, "base"),
        text(LEFT + slow * scale + 6, middle, f"{slow:.0f}", "quiet"),
        bar(second, fast * scale, "fast"),
        text(LEFT + fast * scale + 6, second + BAR - 5, f"{fast:.0f}", "text strong"),
        text(WIDTH - 20, top + BAR - 1, gain, "text title", "end"),
        text(WIDTH - 20, top + BAR + 17, interval, "quiet", "end"),
    ]


def draw(rows: list[SpeedupRow], notes: list[str]) -> str:
    """The SVG of ``rows`` (of one temperature and one K), with ``notes`` below."""
    longest = max(max(row.ar_tokens_per_second, row.sd_tokens_per_second) for row in rows)
    scale = (WIDTH - LEFT - RIGHT - 40) / longest
    foot = TOP + GROUP * len(rows) + LINE
    height = foot + LINE * len(notes)
    said = "; ".join(f"{r.domain} {r.speedup:.2f} times as fast" for r in rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(said)}">',
        f"<style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6" class="paper"/>',
        text(20, 32, "The same tokens, sooner", "text title"),
        '<rect x="20" y="48" width="12" height="12" rx="2" class="base"/>',
        text(38, 60, "autoregressive", "quiet"),
        '<rect x="150" y="48" width="12" height="12" rx="2" class="fast"/>',
        text(168, 60, f"speculative, K = {rows[0].k}", "quiet"),
        text(20, 88, "bars: tokens a second", "quiet"),
        text(WIDTH - 20, 88, "speedup (95 % interval)", "quiet", "end"),
    ]
    for index, row in enumerate(rows):
        parts += group(row, TOP + GROUP * index, scale)
    parts += [text(20, foot + LINE * i, note, "quiet") for i, note in enumerate(notes)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def notes_of(records: Sequence[Record]) -> list[str]:
    """What was measured and on what, and whether it was exact, in the records' own words."""
    from specdec_lib.bench.records.kinds import RunRecord, of_kind

    runs = list(of_kind(records, RunRecord))
    compared = [run for run in runs if run.was_compared]
    target, environment = runs[0].models["target"], runs[0].environment
    cores = f"{environment['threads']} of {environment['cores']} cores"
    machine = environment["gpu"] or f"{environment['cpu']}, {cores}"
    model = f"{target['name']} in {target['dtype']}"
    greedy = sum(run.config.temperature == TEMPERATURE for run in runs)
    tokens = runs[0].config.max_new_tokens
    identical = sum(run.is_identical for run in compared)
    return [
        f"{greedy} runs of {tokens} tokens at temperature 0.",
        f"{model}; {machine}.",
        f"{identical} of {len(compared)} speculative runs emitted exactly the autoregressive ids.",
    ]


def main(results: str, output: str) -> None:
    """Read ``results``, write ``output``."""
    from specdec_lib.bench.records.reading import read_records
    from specdec_lib.bench.records.runs import newest_session, runs_of
    from specdec_lib.bench.tables.summary import speedup_table

    records, problems = read_records(results)
    if problems:
        sys.exit(f"{results}: {problems[0]}")
    session = newest_session(records)
    rows = best_rows(speedup_table(runs_of(session)))
    Path(output).write_text(draw(rows, notes_of(session)), encoding="utf8")
    print(f"{output}: {len(rows)} rows from {results}")


if __name__ == "__main__":
    main(*sys.argv[1:])
