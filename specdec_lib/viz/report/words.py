"""What to see: sentences whose every number is computed from the rows of the figure that they stand under."""

from __future__ import annotations

from collections.abc import Mapping
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


def number_of(number: int, noun: str) -> str:
    """ "1 group", "2 groups"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


# -- speed -----------------------------------------------------------------------------------


def best_of(rows: Rows) -> Mapping[str, Any]:
    """The fastest row of a domain of its own, or of all where there is none."""
    own = [row for row in rows if row["domain"] != ALL] or list(rows)
    return max(own, key=lambda row: row["speedup"])


def of_speedups(rows: Rows) -> list[str]:
    """Which domain gains most, which least, and whether anything became slower."""
    own = [row for row in rows if row["domain"] != ALL] or list(rows)
    best, told = best_of(own), [gain(own)]
    most = {row["domain"]: 0.0 for row in own}
    for row in own:
        most[row["domain"]] = max(most[row["domain"]], row["speedup"])
    least = min(most, key=lambda domain: most[domain])
    if least != best["domain"]:
        told.append(sentences.NEVER_EXCEEDS.format(capital(least), most[least]))
    told.append(slower(own))
    return [*told, *identical(own)]


def gain(rows: Rows) -> str:
    """The fastest group of one setup; that it gains only where it does, most only among several."""
    best = best_of(rows)
    domain, speedup, at = best["domain"], best["speedup"], best["temperature"]
    interval, k = around(best), k_words(best)
    is_alone = len({row["domain"] for row in rows}) == 1
    if speedup > 1:
        template = sentences.ONE_GAINS if is_alone else sentences.GAINS_MOST
        return template.format(capital(domain), speedup, interval, k, at)
    if is_alone:
        return sentences.ONE_DOES_NOT_GAIN.format(capital(domain), speedup, interval, k, at)
    return sentences.NONE_GAINS.format(domain, speedup, interval, k, at)


def slower(rows: Rows) -> str:
    """Whether drafting cost anything anywhere."""
    known = [row for row in rows if row["has_interval"]]
    number = sum(row["high"] < 1 for row in known)
    if number:
        if number == len(rows):
            return sentences.ALL_ARE_SLOWER if number > 1 else sentences.IT_IS_SLOWER
        are = "is slower than its" if number == 1 else "are slower than their"
        return sentences.SOME_ARE_SLOWER.format(number, len(rows), are)
    if known and not any(row["low"] > 1 for row in known):
        return sentences.NONE_IS_FASTER
    return sentences.ONE_DOMAIN_LOSES_NOTHING


def identical(rows: Rows) -> list[str]:
    """How many greedy texts have the ids of the baseline, where they were compared."""
    greedy = [row for row in rows if row["temperature"] == 0 and row["num_compared"]]
    if not greedy:
        return []
    same, compared = (sum(row[name] for row in greedy) for name in ("num_identical", "num_compared"))
    have = "has" if compared == 1 or same == 1 else "have"
    return [sentences.SAME_IDS.format(f"{same:,}", number_of(compared, "text"), have)]


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
        if kept == fewest:
            told.append(sentences.KEPT_EVERYWHERE.format(kept, temperature))
        else:
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
    if begin == end:
        return [sentences.ALIKE_BY_POSITION.format(domain, begin, last["position"])]
    if abs(first["conditional"] - last["conditional"]) < _FLAT:
        return [sentences.FLAT_BY_POSITION.format(domain, begin, end, last["position"])]
    return [sentences.BENT_BY_POSITION.format(domain, begin, end, last["position"])]


def of_texts(rows: Rows) -> list[str]:
    """How far the texts of the most spread domain reach."""
    at = min(row["temperature"] for row in rows)
    own = [row for row in rows if row["temperature"] == at]
    widest = max(own, key=lambda row: row["alphas"][-1] - row["alphas"][0])
    low, high = share_told(widest["alphas"][0]), share_told(widest["alphas"][-1])
    if low == high:
        return [sentences.TEXTS_ALIKE.format(widest["domain"], low, at)]
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
        elif before == after:
            told.append(sentences.WARMER_IS_THE_SAME.format(domain, before, low, high))
        else:
            told.append(sentences.WARMER_IS_ALIKE.format(domain, before, low, after, high))
    return told


# -- prediction -----------------------------------------------------------------------------


def of_predictions(rows: Rows) -> list[str]:
    """How often the prediction is inside, and where it is furthest off."""
    own = [row for row in rows if row["domain"] != ALL] or list(rows)
    known = [row for row in own if row["has_interval"]]
    told = []
    if known:
        told.append(
            sentences.INSIDE.format(sum(row["is_inside"] for row in known), number_of(len(known), "group"))
        )
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
