"""What to see: sentences whose every number is computed from the rows of the figure that they stand under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from specdec_lib.viz.report import sentences
from specdec_lib.viz.theme import Rows

ALL = "all"
_FLAT = 0.1
"""Conditional acceptance that differs by less over a round is told as flat."""
_CERTAIN = 1.0


def k_words(row: Mapping[str, Any]) -> str:
    """ "K = 4", or the policy that decides."""
    return f"K = {row['length']}" if row["length"].isdigit() else row["length"]


def around(row: Mapping[str, Any]) -> str:
    """The interval of a speedup, in brackets."""
    if not row["has_interval"]:
        return sentences.NO_INTERVAL
    return sentences.INTERVAL.format(row["low"], row["high"])


def share_told(share: float) -> str:
    """A share with as many digits as a reader needs: "85 %", "99.7 %"."""
    digits = 1 if share > 0.985 and share < _CERTAIN else 0
    return f"{100 * share:.{digits}f} %"


def signed(share: float) -> str:
    """A change in per cent with its sign: "+3 %", "−12 %"."""
    return f"{100 * share:+.0f} %".replace("-", "−")


def milliseconds(value: float) -> str:
    """Three digits of a time: "0.123", "12.3", "123"."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


# -- speed -----------------------------------------------------------------------------------


def best_of(rows: Rows) -> Mapping[str, Any]:
    """The fastest row of a domain of its own, or of all where there is none."""
    own = [row for row in rows if row["domain"] != ALL] or list(rows)
    return max(own, key=lambda row: row["speedup"])


def of_speedups(rows: Rows) -> list[str]:
    """Which domain gains most, which least, and whether anything became slower."""
    own = [row for row in rows if row["domain"] != ALL] or list(rows)
    best = best_of(own)
    told = [
        sentences.GAINS_MOST.format(
            capital(best["domain"]), best["speedup"], around(best), k_words(best), best["temperature"]
        )
    ]
    most = {row["domain"]: 0.0 for row in own}
    for row in own:
        most[row["domain"]] = max(most[row["domain"]], row["speedup"])
    least = min(most, key=lambda domain: most[domain])
    if least != best["domain"]:
        told.append(sentences.NEVER_EXCEEDS.format(capital(least), most[least]))
    told.append(slower(own))
    return [*told, *identical(own)]


def slower(rows: Rows) -> str:
    """Whether drafting cost anything anywhere."""
    known = [row for row in rows if row["has_interval"]]
    number = sum(row["high"] < 1 for row in known)
    if number:
        return sentences.SOME_ARE_SLOWER.format(number, len(rows))
    if known and not any(row["low"] > 1 for row in known):
        return sentences.NONE_IS_FASTER
    return sentences.ONE_DOMAIN_LOSES_NOTHING


def identical(rows: Rows) -> list[str]:
    """How many greedy texts have the ids of the baseline, where they were compared."""
    greedy = [row for row in rows if row["temperature"] == 0 and row["num_compared"]]
    if not greedy:
        return []
    same, compared = (sum(row[name] for row in greedy) for name in ("num_identical", "num_compared"))
    return [sentences.SAME_IDS.format(f"{same:,}", f"{compared:,}")]


# -- acceptance ------------------------------------------------------------------------------


def of_acceptance(texts: Rows, positions: Rows) -> list[str]:
    """Which domain keeps most, and whether acceptance depends on the position."""
    told = []
    temperature = min(row["temperature"] for row in texts)
    ordered = sorted((r for r in texts if r["temperature"] == temperature), key=lambda row: row["alpha_hat"])
    if len(ordered) > 1:
        most, least = ordered[-1], ordered[0]
        kept, fewest = share_told(most["alpha_hat"]), share_told(least["alpha_hat"])
        names = most["domain"], least["domain"]
        told.append(sentences.KEPT_BY_DOMAIN.format(kept, names[0], fewest, names[1], temperature))
    else:
        one = ordered[0]
        told.append(
            sentences.KEPT_IN_A_DOMAIN.format(share_told(one["alpha_hat"]), one["domain"], temperature)
        )
    return [*told, *_by_position(positions)]


def _by_position(positions: Rows) -> list[str]:
    if not positions:
        return []
    at = min(row["temperature"] for row in positions)
    domain = next(row["domain"] for row in positions if row["temperature"] == at)
    line = [row for row in positions if row["temperature"] == at and row["domain"] == domain]
    known = [row for row in line if row["conditional"] is not None and row["num_reached"] >= 20]
    if len(known) < 2:
        return []
    first, last = known[0], known[-1]
    begin, end = share_told(first["conditional"]), share_told(last["conditional"])
    if abs(first["conditional"] - last["conditional"]) < _FLAT:
        return [sentences.FLAT_BY_POSITION.format(domain, begin, end, last["position"])]
    return [sentences.BENT_BY_POSITION.format(domain, begin, end, last["position"])]


def of_texts(rows: Rows) -> list[str]:
    """How far the texts of the most spread domain reach."""
    at = min(row["temperature"] for row in rows)
    own = [row for row in rows if row["temperature"] == at]
    widest = max(own, key=lambda row: row["alphas"][-1] - row["alphas"][0])
    low, high = share_told(widest["alphas"][0]), share_told(widest["alphas"][-1])
    return [sentences.TEXTS_RANGE.format(widest["domain"], low, high, at)]


def of_temperatures(rows: Rows) -> list[str]:
    """What temperature does to α̂, a sentence a domain."""
    told = []
    for domain in dict.fromkeys(row["domain"] for row in rows):
        line = sorted((r for r in rows if r["domain"] == domain), key=lambda row: row["temperature"])
        if len(line) < 2:
            continue
        cold, warm = line[0], line[-1]
        before, after = share_told(cold["alpha_hat"]), share_told(warm["alpha_hat"])
        low, high = cold["temperature"], warm["temperature"]
        if cold["alpha_low"] > warm["alpha_high"]:
            told.append(sentences.WARMER_KEEPS_LESS.format(domain, before, low, after, high))
        elif cold["alpha_high"] < warm["alpha_low"]:
            told.append(sentences.WARMER_KEEPS_MORE.format(domain, before, low, after, high))
        else:
            told.append(sentences.WARMER_IS_ALIKE.format(domain, before, low, after, high))
    return told


# -- time ------------------------------------------------------------------------------------


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
    return [sentences.ROUNDS_OF_A_TEXT.format(len(shown), rounds, k, row["domain"], drafted, kept)]


def of_forwards(rows: Rows) -> list[str]:
    """What width costs the target, and a forward the draft."""
    target = [row for row in rows if row["model"] == "target" and row["width"] > 1 and row["ratio"]]
    draft = next((row for row in rows if row["model"] == "draft" and row["width"] == 1), None)
    if not target:
        return []
    widest = max(target, key=lambda row: row["width"])
    wide = sentences.WIDE_FORWARD.format(widest["width"], widest["ratio"])
    c = sentences.WIDE_ALONE
    if draft is not None and draft["over_target"]:
        c = sentences.DRAFT_FORWARD.format(draft["over_target"])
    return [wide + c]


def of_roofline(rows: Rows) -> list[str]:
    """At which rate weights came, and that no peak is known."""
    rates = [row["gigabytes_per_second"] for row in rows if row["gigabytes_per_second"] and row["width"] == 1]
    return [sentences.NO_PEAK.format(f"{max(rates):.3g}")] if rates else [sentences.NO_BYTES]


def of_stages(rows: Rows) -> list[str]:
    """Which stage holds most."""
    most = max(rows, key=lambda row: row["memory_mb"])
    return [sentences.MOST_MEMORY.format(most["stage"], most["memory_mb"])]


def of_predictions(rows: Rows) -> list[str]:
    """How often the prediction is inside, and where it is furthest off."""
    own = [row for row in rows if row["domain"] != ALL] or list(rows)
    known = [row for row in own if row["has_interval"]]
    told = []
    if known:
        told.append(sentences.INSIDE.format(sum(row["is_inside"] for row in known), len(known)))
    far = max(own, key=lambda row: abs(row["difference"]))
    off, k, domain, at = signed(far["difference"]), k_words(far), far["domain"], far["temperature"]
    if far["has_interval"] and far["is_inside"]:
        told.append(sentences.FURTHEST_INSIDE.format(off, k, domain, at))
    elif far["difference"] >= 0:
        told.append(sentences.FURTHEST_ABOVE.format(off, k, domain, at))
    else:
        told.append(sentences.FURTHEST_BELOW.format(off, k, domain, at))
    return told if all(row["has_overhead"] for row in own) else [*told, sentences.WITHOUT_OVERHEAD]


def capital(word: str) -> str:
    """A word as it begins a sentence."""
    return word[:1].upper() + word[1:]
