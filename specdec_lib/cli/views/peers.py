"""``specdec bench --peers``: a comparison as plain data, and as tables for the terminal.

Of the four questions: *how fast is it?*, printed.

Rates and ratios are those of :mod:`specdec_lib.bench.tables.peers`; here they are put side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences
from specdec_lib.cli.terminal import Prose, safe_line, safe_table, text
from specdec_lib.cli.views.summary import ratio_cell
from specdec_lib.utils.numbers import counted
from specdec_lib.utils.row import Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from specdec_lib.bench.records.identity import Identity, PartingRow
    from specdec_lib.bench.records.kinds import Record
    from specdec_lib.bench.tables.rows import PeerRow, RatioRow

_ARMS = ("arm", "tok/s", "÷ hf-generate", "compiling")
_RATIOS = ("ratio of tokens a second", "")


@dataclass(frozen=True, eq=False)
class PeerSummary(Row):
    """The newest comparison: one row by temperature and arm, the five ratios, and whose ids are the same."""

    results: str
    session: str
    pair: str
    models: dict[str, Any]
    threads: int | None
    runs: int
    arms: list[PeerRow]
    refused: dict[str, str]
    ratios: list[RatioRow]
    identity: Identity
    problems: list[str]


def comparison_of(path: Path, records: Sequence[Record], problems: Sequence[str]) -> PeerSummary:
    """The newest comparison in a results file.

    Raises:
        RecordError: the file holds none.
    """
    from specdec_lib.bench.records.identity import identity_of
    from specdec_lib.bench.records.kinds import ArmRecord, PeerRecord, of_kind
    from specdec_lib.bench.tables.peers import arms_of, newest_comparison, peer_table, ratio_table

    chosen = newest_comparison(records)
    first = next(record for record in chosen if isinstance(record, (ArmRecord, PeerRecord)))
    peers = list(of_kind(chosen, PeerRecord))
    return PeerSummary(
        results=str(path),
        session=first.session,
        pair=first.pair if isinstance(first, ArmRecord) else first.config.model_pair_name,
        models=dict(first.models),
        threads=first.environment.get("threads"),
        runs=len(peers),
        arms=peer_table(chosen),
        refused={name: arm.refused for name, arm in arms_of(chosen).items() if arm.refused},
        ratios=ratio_table(chosen),
        identity=identity_of(peers),
        problems=list(problems),
    )


def show_comparison(console: Console, summary: PeerSummary) -> None:
    """Two tables a temperature: the arms, then the ratios."""
    for temperature in sorted({row.temperature for row in summary.arms}):
        arms = [row for row in summary.arms if row.temperature == temperature]
        ratios = [row for row in summary.ratios if row.temperature == temperature]
        title = f"{summary.pair} at temperature {temperature:g}"
        console.print(safe_table(title, _ARMS, "lrlr", (_arm_row(row, arms) for row in arms)))
        console.print(safe_table("", _RATIOS, "ll", map(_ratio_row, ratios)))
    if not summary.arms:
        console.print(Prose(sentences.NO_ARM_TIMED))
    console.print(Prose(_footnote(summary), "dim"))


def _arm_row(row: PeerRow, rows: Sequence[PeerRow]) -> list[str | Text]:
    if row.refused:
        return [row.arm, "–", text("refused", "italic"), "–"]
    if row.tokens_per_second is None:
        return [row.arm, "–", "not run", "–"]
    fastest = max(other.tokens_per_second or 0.0 for other in rows)
    compiling = f"{row.compile_seconds:.0f} s" if row.compile_seconds and row.compiled else "–"
    return [
        row.arm,
        f"{row.tokens_per_second:.1f}",
        ratio_cell(row, is_best=row.tokens_per_second == fastest),
        compiling,
    ]


def _ratio_row(row: RatioRow) -> list[str | Text]:
    of = f"{row.above} / {row.below}"
    if row.ratio is None:
        of = safe_line(row.missing or "no block that both sides ran")
    return [f"{row.name}\n  {of}", ratio_cell(row)]


def _footnote(summary: PeerSummary) -> str:
    target, found = summary.models["target"], summary.identity
    lines = [sentences.PEERS_LEGEND]
    lines += [f"refused: {arm}: {safe_line(reason)}" for arm, reason in summary.refused.items()]
    for arm in dict.fromkeys(row.arm for row in summary.arms if row.recompiled):
        count = sum(row.recompiled for row in summary.arms if row.arm == arm)
        lines.append(sentences.compiled_in_the_clock(count, arm))
    threads = [] if summary.threads is None else [counted(summary.threads, "thread")]
    lines.append(sentences.runs_line(summary.results, summary.runs, target, *threads))
    if found.compared:
        lines.append(sentences.ids_that_agree(found.identical, found.compared))
    return "\n".join([*lines, *map(_difference, found.differing)])


def _difference(row: PartingRow) -> str:
    names = f"{row.decoder} differs from {row.reference}"
    place = f"on {row.prompt_id} from token {row.first_difference} on"
    return sentences.ids_that_differ(names, place, row.logit_gap, row.tied)
