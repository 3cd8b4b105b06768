"""``specdec bench --peers``: a comparison as plain data, and as tables for the terminal.

Rates and ratios are those of :mod:`specdec_lib.bench.tables.peers`; here they are put side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences
from specdec_lib.cli.terminal import Prose, safe_line, safe_table, text
from specdec_lib.cli.views.summary import ratio_cell
from specdec_lib.utils.numbers import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from specdec_lib.bench.records.schema import Record

_ARMS = ("arm", "tok/s", "÷ hf-generate", "compiling")
_RATIOS = ("ratio of tokens a second", "")


def comparison_of(path: Path, records: Sequence[Record], problems: Sequence[str]) -> dict[str, Any]:
    """The newest comparison in a results file: one row by temperature and arm, and the five ratios.

    Raises:
        RecordError: the file holds none.
    """
    from specdec_lib.bench.records.identity import identity_of
    from specdec_lib.bench.tables.peers import arms_of, newest_comparison, peer_table, ratio_table

    chosen = newest_comparison(records)
    refused = {name: arm["refused"] for name, arm in arms_of(chosen).items() if arm["refused"]}
    first = next(record for record in chosen if record["kind"] in ("arm", "peer"))
    return {
        "results": str(path),
        "session": first["session"],
        "pair": first["pair"] if first["kind"] == "arm" else first["config"]["model_pair_name"],
        "models": first["models"],
        "threads": first["environment"].get("threads"),
        "runs": sum(record["kind"] == "peer" for record in chosen),
        "arms": [dict(row) for row in peer_table(chosen)],
        "refused": refused,
        "ratios": [dict(row) for row in ratio_table(chosen)],
        "identity": identity_of([record for record in chosen if record["kind"] == "peer"]).to_dict(),
        "problems": list(problems),
    }


def show_comparison(console: Console, summary: dict[str, Any]) -> None:
    """Two tables a temperature: the arms, then the ratios."""
    for temperature in sorted({row["temperature"] for row in summary["arms"]}):
        arms, ratios = (
            [row for row in summary[part] if row["temperature"] == temperature] for part in ("arms", "ratios")
        )
        title = f"{summary['pair']} at temperature {temperature:g}"
        console.print(safe_table(title, _ARMS, "lrlr", (_arm_row(row, arms) for row in arms)))
        console.print(safe_table("", _RATIOS, "ll", map(_ratio_row, ratios)))
    if not summary["arms"]:
        console.print(Prose(sentences.NO_ARM_TIMED))
    console.print(Prose(_footnote(summary), "dim"))


def _arm_row(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[str | Text]:
    if row["refused"]:
        return [row["arm"], "–", text("refused", "italic"), "–"]
    if row["tokens_per_second"] is None:
        return [row["arm"], "–", "not run", "–"]
    fastest = max(other["tokens_per_second"] or 0.0 for other in rows)
    compiling = f"{row['compile_seconds']:.0f} s" if row["compile_seconds"] and row["compiled"] else "–"
    return [
        row["arm"],
        f"{row['tokens_per_second']:.1f}",
        ratio_cell(row, is_best=row["tokens_per_second"] == fastest),
        compiling,
    ]


def _ratio_row(row: dict[str, Any]) -> list[str | Text]:
    of = f"{row['above']} / {row['below']}"
    if row["ratio"] is None:
        of = safe_line(row["missing"] or "no block that both sides ran")
    return [f"{row['name']}\n  {of}", ratio_cell(row)]


def _footnote(summary: dict[str, Any]) -> str:
    target, found = summary["models"]["target"], summary["identity"]
    lines = [sentences.PEERS_LEGEND]
    lines += [f"refused: {arm}: {safe_line(reason)}" for arm, reason in summary["refused"].items()]
    for arm in dict.fromkeys(row["arm"] for row in summary["arms"] if row["recompiled"]):
        count = sum(row["recompiled"] for row in summary["arms"] if row["arm"] == arm)
        lines.append(sentences.compiled_in_the_clock(count, arm))
    threads = counted(summary["threads"], "thread")
    lines.append(sentences.runs_line(summary["results"], summary["runs"], target, threads))
    if found["compared"]:
        lines.append(sentences.ids_that_agree(found["identical"], found["compared"]))
    return "\n".join([*lines, *map(_difference, found["differing"])])


def _difference(row: dict[str, Any]) -> str:
    names = f"{row['decoder']} differs from {row['reference']}"
    place = f"on {row['prompt_id']} from token {row['first_difference']} on"
    return sentences.ids_that_differ(names, place, row["logit_gap"], row["tied"])
