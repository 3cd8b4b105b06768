"""What matters most in a report, and in a comparison of two files: the sentences that stand at its top."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from specdec_lib.viz.report import sentences
from specdec_lib.viz.report.words import ALL, around, best_of, capital, identical, k_words, of_predictions, slower
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
        sentences.B_OVER_A.format(median(ratios), len(rows), min(ratios), max(ratios)),
        sentences.CHANGED_SPEEDUPS.format(rose, fell),
        sentences.FURTHEST_CHANGE.format(far["label"], far["speedup_a"], far["speedup_b"]),
    ]


def findings(tables: Mapping[str, Rows], compared: Rows | None = None) -> list[str]:
    """The three sentences that matter most: of two files their change, else gain, exactness and prediction."""
    if compared is not None:
        return of_comparison(compared)[:3]
    told = []
    speedups = tables["speedups"]
    if speedups:
        best = best_of(speedups)
        many = len({row["setup"] for row in speedups}) > 1
        place = capital(best["domain"]), best["speedup"], around(best), k_words(best), best["temperature"]
        one_of_many = best["setup"], best["domain"], *place[1:]
        told.append(
            sentences.GAINS_MOST_OF_ALL.format(*one_of_many) if many else sentences.GAINS_MOST.format(*place)
        )  # fmt: skip
        told += [slower([row for row in speedups if row["domain"] != ALL] or speedups)]
        told += identical([row for row in speedups if row["domain"] != ALL] or speedups)
    if tables["predictions"]:
        told += of_predictions(tables["predictions"])
    return told[:3]
