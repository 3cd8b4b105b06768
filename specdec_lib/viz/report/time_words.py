"""What to see in figures of time and memory, as :mod:`specdec_lib.viz.report.words` for the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from specdec_lib.viz.report import sentences
from specdec_lib.viz.report.words import k_words, milliseconds, number_of, share_told
from specdec_lib.viz.theme import Rows


def of_latencies(rows: Rows) -> list[str]:
    """Tokens and first tokens with the fastest draft length and without a draft."""
    at = min(row["temperature"] for row in rows)
    own = [row for row in rows if row["temperature"] == at]
    plain = {row["beside"]: row for row in own if row["k"] == 0}
    pairs = [(row, plain.get(row["decoder"], plain.get(""))) for row in own if row["k"] > 0]
    pairs = [(row, beside) for row, beside in pairs if beside is not None]
    if not pairs:
        return []
    fast, plain = max(pairs, key=lambda pair: pair[1]["tpot_ms"] / pair[0]["tpot_ms"])
    within = sentences.TOKENS_COME_WITHIN.format(
        milliseconds(fast["p50_ms"]),
        fast["decoder"],
        milliseconds(plain["p50_ms"]),
        milliseconds(fast["p99_ms"]),
        milliseconds(plain["p99_ms"]),
        at,
    )
    first = sentences.FIRST_TOKENS.format(milliseconds(fast["ttft_ms"]), milliseconds(plain["ttft_ms"]))
    return [within, first]


def of_phases(rows: Rows) -> list[str]:
    """What a round costs and brings at the draft length that brings most for a step of its baseline."""
    at = min(row["temperature"] for row in rows)
    own = [row for row in rows if row["temperature"] == at]
    best = max(own, key=lambda row: row["tokens_per_round"] * (row["step_ms"] or 1.0) / row["round_ms"])
    verify, draft = (best[f"{name}_ms"] / best["round_ms"] for name in ("verify", "draft"))
    arm, tokens, rest = best["decoder"], best["tokens_per_round"], share_told(max(0.0, 1 - verify - draft))
    checked, drafted = share_told(verify), share_told(draft)
    if best["step_ms"]:
        steps = best["round_ms"] / best["step_ms"]
        return [sentences.ROUND_IN_STEPS.format(arm, steps, tokens, checked, drafted, rest, at)]
    took = milliseconds(best["round_ms"])
    return [sentences.ROUND_BY_PHASES.format(arm, took, checked, drafted, rest, at)]


def of_timeline(row: Mapping[str, Any], shown: Sequence[Mapping[str, float]]) -> list[str]:
    """How many rounds are drawn of how many, and what they drafted and kept."""
    drafted, kept = (int(sum(one[name] for one in shown)) for name in ("drafted", "accepted"))
    k, rounds = k_words(row), len(row["rounds"])
    of_all, tokens = number_of(rounds, "round"), number_of(drafted, "token")
    return [sentences.ROUNDS_OF_A_TEXT.format(len(shown), of_all, k, row["domain"], tokens, kept)]


def of_forwards(rows: Rows, is_model: bool = True) -> list[str]:
    """What width costs the target, and a forward the draft, if that ``is_model``."""
    target = [row for row in rows if row["model"] == "target" and row["width"] > 1 and row["ratio"]]
    draft = next((row for row in rows if row["model"] == "draft" and row["width"] == 1), None)
    if not target:
        return []
    widest = max(target, key=lambda row: row["width"])
    wide = sentences.WIDE_FORWARD.format(widest["width"], widest["ratio"])
    c = sentences.WIDE_ALONE
    if draft is not None and draft["over_target"]:
        c = (sentences.DRAFT_FORWARD if is_model else sentences.DRAFT_TOKEN).format(draft["over_target"])
    return [wide + c]


def of_roofline(rows: Rows) -> list[str]:
    """At which rate weights came, and that no peak is known."""
    rates = [row["gigabytes_per_second"] for row in rows if row["gigabytes_per_second"] and row["width"] == 1]
    return [sentences.NO_PEAK.format(f"{max(rates):.3g}")] if rates else [sentences.NO_BYTES]


def of_stages(rows: Rows) -> list[str]:
    """Which stage holds most."""
    most = max(rows, key=lambda row: row["memory_mb"])
    return [sentences.MOST_MEMORY.format(most["stage"], most["memory_mb"])]
