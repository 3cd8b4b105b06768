"""``specdec bench --peers``: a comparison as plain data, and as tables for the terminal.

Of the four questions: *how fast is it?*, printed.

Rates and ratios are those of :mod:`specdec_lib.bench.tables.peers`; here they are put side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences
from specdec_lib.cli.terminal import Prose, safe_line, safe_table, text
from specdec_lib.cli.views import sentences as words
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
_BESIDE_ENGINES = ("arm", "tok/s", "÷ best plain", "÷ ours", "same ids")
_TOLD_OF_ENGINES = ("version", "installed", "weights", "cache", "threads", "drafting", "url")
_RATIOS = ("ratio of tokens a second", "")


@dataclass(frozen=True, eq=False)
class PeerSummary(Row):
    """The newest comparison: one row by temperature and arm, the ratios, and whose ids are the same.

    ``over_plain`` and ``over_ours`` are the arms over the fastest that does not draft, whoever's it is, and
    over the fastest of ours; both are empty where no engine of other people's ran. ``facts`` says of each of
    those engines what it is. ``left_out`` blocks count for no arm, since an engine ended its text early.
    """

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
    over_plain: list[PeerRow]
    over_ours: list[PeerRow]
    facts: dict[str, dict[str, Any]]
    left_out: int


def comparison_of(path: Path, records: Sequence[Record], problems: Sequence[str]) -> PeerSummary:
    """The newest comparison in a results file.

    Raises:
        RecordError: the file holds none.
    """
    from specdec_lib.bench.records.identity import identity_of
    from specdec_lib.bench.records.kinds import ArmRecord, PeerRecord, of_kind
    from specdec_lib.bench.records.schema import HUGGING_FACE, OURS
    from specdec_lib.bench.tables.peers import (
        PLAIN,
        arms_of,
        cut_blocks,
        has_engines,
        newest_comparison,
        peer_table,
        ratio_table,
    )

    chosen = newest_comparison(records)
    first = next(record for record in chosen if isinstance(record, (ArmRecord, PeerRecord)))
    peers, arms = list(of_kind(chosen, PeerRecord)), arms_of(chosen)
    plain, ours = [], []
    if has_engines(chosen):
        plain = [name for name, arm in arms.items() if arm.method == PLAIN]
        ours = [name for name, arm in arms.items() if arm.library == OURS]
    return PeerSummary(
        results=str(path),
        session=first.session,
        pair=first.pair if isinstance(first, ArmRecord) else first.config.model_pair_name,
        models=dict(first.models),
        threads=first.environment.get("threads"),
        runs=len(peers),
        arms=peer_table(chosen),
        refused={name: arm.refused for name, arm in arms.items() if arm.refused},
        ratios=ratio_table(chosen),
        identity=identity_of(peers),
        problems=list(problems),
        over_plain=peer_table(chosen, over=plain) if plain else [],
        over_ours=peer_table(chosen, over=ours) if ours else [],
        facts={
            name: {"library": arm.library, **arm.options}
            for name, arm in arms.items()
            if arm.library not in (HUGGING_FACE, OURS)
        },
        left_out=len(cut_blocks(chosen)),
    )


def show_comparison(console: Console, summary: PeerSummary) -> None:
    """Two tables a temperature: the arms, then the ratios."""
    for temperature in sorted({row.temperature for row in summary.arms}):
        arms = [row for row in summary.arms if row.temperature == temperature]
        ratios = [row for row in summary.ratios if row.temperature == temperature]
        title = f"{summary.pair} at temperature {temperature:g}"
        if summary.over_plain:
            beside = [_beside_engines(row, arms, summary) for row in arms]
            console.print(safe_table(title, _BESIDE_ENGINES, "lrlrr", beside))
        else:
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
    best = _is_fastest(row, rows)
    return [row.arm, f"{row.tokens_per_second:.1f}", ratio_cell(row, is_best=best), _compiling(row)]


def _is_fastest(row: PeerRow, rows: Sequence[PeerRow]) -> bool:
    return row.tokens_per_second == max(other.tokens_per_second or 0.0 for other in rows)


def _compiling(row: PeerRow) -> str:
    return f"{row.compile_seconds:.0f} s" if row.compile_seconds and row.compiled else "–"


def _beside_engines(row: PeerRow, rows: Sequence[PeerRow], summary: PeerSummary) -> list[str | Text]:
    """An arm's line where other people's engines ran too: over the best of the plain ones, and of ours."""
    if row.refused:
        return [row.arm, "–", text("refused", "italic"), "–", "–"]
    if row.tokens_per_second is None:
        return [row.arm, "–", "not run", "–", "–"]
    plain, ours = (
        next(one for one in table if (one.temperature, one.arm) == (row.temperature, row.arm))
        for table in (summary.over_plain, summary.over_ours or summary.over_plain)
    )
    over_ours = "–" if ours.ratio is None or not summary.over_ours else f"{ours.ratio:.2f}"
    same = f"{row.identical}/{row.compared}" if row.compared else "–"
    best = ratio_cell(plain, is_best=_is_fastest(row, rows))
    return [row.arm, f"{row.tokens_per_second:.1f}", best, over_ours, same]


def _ratio_row(row: RatioRow) -> list[str | Text]:
    of = f"{row.above} / {row.below}"
    if row.ratio is None:
        of = safe_line(row.missing or "no block that both sides ran")
    return [f"{row.name}\n  {of}", ratio_cell(row)]


def _footnote(summary: PeerSummary) -> str:
    target, found = summary.models["target"], summary.identity
    lines = [sentences.PEERS_LEGEND]
    if summary.facts:
        lines.append(words.ENGINES_LEGEND)
        compiling = {row.arm: _compiling(row) for row in summary.arms if row.compile_seconds}
        lines += [words.compiling_took(compiling)] if compiling else []
    lines += _engine_lines(summary.facts)
    lines += [f"refused: {arm}: {safe_line(reason)}" for arm, reason in summary.refused.items()]
    for arm in dict.fromkeys(row.arm for row in summary.arms if row.recompiled):
        count = sum(row.recompiled for row in summary.arms if row.arm == arm)
        lines.append(sentences.compiled_in_the_clock(count, arm))
    if summary.left_out:
        arms = dict.fromkeys(row.arm for row in summary.arms if row.cut)
        lines.append(words.texts_cut(summary.left_out, arms))
    threads = [] if summary.threads is None else [counted(summary.threads, "thread")]
    lines.append(sentences.runs_line(summary.results, summary.runs, target, *threads))
    if found.compared:
        lines.append(sentences.ids_that_agree(found.identical, found.compared))
    return "\n".join([*lines, *map(_difference, found.differing)])


def _engine_lines(facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the engines are, a line each: whose, which release, and what it ran with."""
    arms: dict[str, list[str]] = {}
    for name, told in facts.items():
        said = [f"{key} {told[key]}" for key in _TOLD_OF_ENGINES if told.get(key) is not None]
        arms.setdefault(", ".join([str(told["library"]), *said]), []).append(name)
    return [safe_line(f"{', '.join(names)}: {said}") for said, names in arms.items()]


def _difference(row: PartingRow) -> str:
    names = f"{row.decoder} differs from {row.reference}"
    place = f"on {row.prompt_id} from token {row.first_difference} on"
    return sentences.ids_that_differ(names, place, row.logit_gap, row.tied)
