"""What matters most in a report, and in a comparison of two files: the sentences that stand at its top."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from specdec_lib.viz.report import sentences
from specdec_lib.viz.report.words import (
    ALL,
    around,
    best_of,
    capital,
    gain,
    identical,
    k_words,
    number_of,
    of_predictions,
    slower,
)
from specdec_lib.viz.theme import Rows

# -- two files -------------------------------------------------------------------------------


def of_comparison(rows: Rows) -> list[str]:
    """How much faster B is, in the median and at most, and what became of the speedup."""
    if not rows:
        return [sentences.NOTHING_SHARED]
    ratios = [row["draft"] for row in rows]
    rose = sum(row["speedup_low"] > 1 and row["has_interval"] for row in rows)
    fell = sum(row["speedup_high"] < 1 and row["has_interval"] for row in rows)
    far = max(rows, key=lambda row: max(row["speedup"], 1 / row["speedup"]))
    return [
        sentences.B_OVER_A.format(median(ratios), number_of(len(rows), "group"), min(ratios), max(ratios)),
        sentences.CHANGED_SPEEDUPS.format(rose, fell),
        sentences.FURTHEST_CHANGE.format(far["label"], far["speedup_a"], far["speedup_b"]),
    ]


def findings(tables: Mapping[str, Rows], compared: Rows | None = None) -> list[str]:
    """The three sentences that matter most: of two files their change, else gain, losses and prediction.

    Before them stands that the machine changed, where it did. That texts differ which should be the same
    comes before what was predicted.
    """
    if compared is not None:
        return [*changed(tables["setups"]), *of_comparison(compared)[:3]]
    told, speedups = list[str](), tables["speedups"]
    if speedups:
        own = [row for row in speedups if row["domain"] != ALL] or list(speedups)
        differ = sum(row["num_compared"] - row["num_identical"] for row in own if row["temperature"] == 0)
        told = [_gain(own), slower(own), *(identical(own) if differ else [])]
    predicted = of_predictions(tables["predictions"]) if tables["predictions"] else []
    same = identical(speedups) if speedups and not told[2:] else []
    return [*changed(tables["setups"]), *[*told, *predicted, *same][:3]]


def changed(setups: Rows) -> list[str]:
    """That the baseline of a setup ran at unlike speeds in its cells, where it did; of several the worst."""
    unlike = [row for row in setups if row["has_changed"]]
    if not unlike:
        return []
    worst = max(unlike, key=lambda row: row["baseline_high"] / row["baseline_low"])
    slow, fast = (_rate(worst[f"baseline_{end}"]) for end in ("low", "high"))
    if len(setups) == 1:
        return [capital(sentences.MACHINE_CHANGED.format(slow, fast))]
    return [f"{worst['setup']}: {sentences.MACHINE_CHANGED.format(slow, fast)}"]


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _gain(rows: Rows) -> str:
    if len({row["setup"] for row in rows}) == 1:
        return gain(rows)
    best = best_of(rows)
    template = sentences.GAINS_MOST_OF_ALL if best["speedup"] > 1 else sentences.NO_SETUP_GAINS
    told = best["speedup"], around(best), k_words(best), best["temperature"]
    return template.format(best["setup"], best["domain"], *told)
