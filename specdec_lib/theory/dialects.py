"""One language for "acceptance": what each paper and each engine calls by that name, from one tally.

The definitions disagree on three things: whether the token behind the draft (the correction or the bonus)
counts, whether a position is divided by all rounds or by those that got there, and whether rounds that
drafted nothing and tokens behind an end of text count. :func:`acceptances` computes every one of them from
the same counts, each with an interval, and says why where the counts do not determine it. Sources:
Leviathan et al. 2023 (alpha); vLLM 0.32 ``v1/spec_decode/metrics.py``; llama.cpp 11434
``tools/server/server-context.cpp``; SGLang 0.5.23 ``managers/tokenizer_manager.py``; Li et al. 2024 (EAGLE);
DeepSeek-AI 2024 (2412.19437, section 5.4.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.drafts import alpha_of_mean
from specdec_lib.theory.intervals import ratio_interval, share_interval
from specdec_lib.theory.speedup import tokens_variance
from specdec_lib.theory.tally import Tally

COUNTED, BOUNDED, ASSUMED, UNKNOWN = "counted", "bounded", "assumed", "unknown"
"""How an acceptance came: of counts alone, within bounds that they set, of a law put upon them, or not."""
_NO_DRAFTS = "no draft token was judged"
_LAW = "one alpha for every position is assumed: the geometric law with this mean"
_SHORTER = "drafts shorter than k may have been accepted whole: α lies between {:.3f} and {:.3f}"
_NEEDS = {
    "drafts": "rounds that drafted were not counted",
    "tokens": "drafted and accepted tokens were not both counted",
    "steps": "rounds that drafted nothing were not counted",
    "emitted": "emitted tokens were not counted",
    "positions": "positions were not counted",
    "judged": "how many drafts reached a position was not counted",
    "spread": "how accepted tokens spread over rounds was not counted: no interval",
}


@dataclass(frozen=True)
class Acceptance:
    """One definition of acceptance, computed.

    Attributes:
        key: names it for programs. symbol, formula: of the notation. position: 1-based, or None.
        value, low, high: 95 % interval, None without one; ``value`` None where it is not determined.
        basis: "counted", "bounded", "assumed" or "unknown". note: what is assumed, or why there is none.
    """

    key: str
    symbol: str
    formula: str
    position: int | None
    value: float | None
    low: float | None
    high: float | None
    basis: str
    note: str | None


FORMULAS = {
    "per_drafted_token": ("A/L", "accepted / drafted"),
    "alpha": ("α", "accepted / (accepted + rejecting rounds)"),
    "accepted_per_draft": ("A/D", "accepted / drafts"),
    "acceptance_length": ("τ", "1 + accepted / drafts"),
    "tokens_per_step": ("N", "tokens behind the first / steps"),
    "emitted_per_draft": ("T/D", "all emitted tokens / drafts"),
    "first_position": ("a₁", "first accepted / drafts"),
    "by_round": ("A_i/D", "position accepted / drafts"),
    "by_draft": ("A_i/D_i", "position accepted / position drafted"),
    "by_reached": ("α_i", "position accepted / position reached"),
}
"""Key -> symbol and formula; the last three are of one position each."""


def per_drafted_token(num_accepted: int, num_drafted: int) -> float | None:
    """Accepted over drafted tokens; None where nothing was drafted. It is not alpha, and falls with K."""
    return num_accepted / num_drafted if num_drafted else None


def acceptance_length(num_accepted: int, num_drafts: int) -> float | None:
    """1 + accepted / rounds: tokens a round with the correction or the bonus; None without a round."""
    return 1.0 + num_accepted / num_drafts if num_drafts else None


def acceptances(tally: Tally) -> list[Acceptance]:
    """Every definition of acceptance, of one tally, in the order of ``FORMULAS``.

    Intervals: Wilson's for shares of independent trials (alpha, a position), the delta method over rounds for
    ratios. They take rounds as independent; over many texts the truth is wider.
    """
    whole = [_per_drafted(tally), _alpha(tally), *_per_draft(tally), _per_step(tally), _emitted(tally)]
    return [*whole, _first(tally), *_positions(tally)]


def acceptance_named(found: Sequence[Acceptance], key: str, position: int | None = None) -> Acceptance:
    """The acceptance of that key (and position), of what :func:`acceptances` found.

    Raises:
        InvalidArgument: there is none.
    """
    for one in found:
        if one.key == key and (position is None or one.position == position):
            return one
    raise InvalidArgument(f"acceptances: no definition '{key}'; choose from {', '.join(FORMULAS)}")


# -- a round as a whole ----------------------------------------------------------------------------


def _made(
    key: str,
    value: float | None,
    ends: tuple[float, float] | None = None,
    basis: str = COUNTED,
    note: str | None = None,
    position: int | None = None,
) -> Acceptance:
    symbol, formula = FORMULAS[key]
    low, high = ends or (None, None)
    return Acceptance(key, symbol, formula, position, value, low, high, basis, note)


def _missing(key: str, *why: str) -> Acceptance:
    return _made(key, None, basis=UNKNOWN, note="; ".join(_NEEDS.get(one, one) for one in why))


def _per_drafted(tally: Tally) -> Acceptance:
    accepted, drafted, drafts = tally.num_accepted_tokens, tally.num_draft_tokens, tally.num_drafts
    if accepted is None or drafted is None:
        return _missing("per_drafted_token", "tokens")
    if not drafted:
        return _missing("per_drafted_token", _NO_DRAFTS)
    value, squares = accepted / drafted, _squares(tally)
    ends = None if squares is None or drafts is None else ratio_interval(accepted, drafted, squares, drafts)
    return _made("per_drafted_token", value, _within(ends, 0.0, 1.0), note=None if ends else _NEEDS["spread"])


def _alpha(tally: Tally) -> Acceptance:
    accepted, rejections = tally.num_accepted_tokens, tally.num_rejections
    if accepted is not None and rejections is not None:
        if not accepted + rejections:
            return _missing("alpha", _NO_DRAFTS)
        judged = accepted + rejections
        return _made("alpha", accepted / judged, share_interval(accepted, judged))
    length = tally.mean_length
    if accepted is None or length is None or not tally.num_drafts:
        return _missing("alpha", "tokens" if accepted is None else "drafts")
    if (bounds := tally.rejections_between) is not None and accepted + bounds[1]:
        return _bounded_alpha(accepted, bounds, alpha_of_mean(accepted / tally.num_drafts, length))
    mean = _per_draft(tally)[0]
    ends = None if mean.low is None or mean.high is None else (mean.low, min(length, mean.high))
    ends = ends and (alpha_of_mean(min(ends[0], length), length), alpha_of_mean(ends[1], length))
    return _made("alpha", alpha_of_mean(accepted / tally.num_drafts, length), ends, ASSUMED, _LAW)


def _bounded_alpha(accepted: int, bounds: tuple[int, int], by_law: float) -> Acceptance:
    """Alpha by the law, within what the least and the most rejections leave; the interval holds both."""
    least, most = max(1 - accepted, bounds[0]), bounds[1]
    low, high = accepted / (accepted + most), accepted / (accepted + least)
    ends = share_interval(accepted, accepted + most)[0], share_interval(accepted, accepted + least)[1]
    return _made("alpha", min(high, max(low, by_law)), ends, BOUNDED, _SHORTER.format(low, high))


def _per_draft(tally: Tally) -> list[Acceptance]:
    accepted, drafts = tally.num_accepted_tokens, tally.num_drafts
    keys = ("accepted_per_draft", "acceptance_length")
    if accepted is None or drafts is None:
        return [_missing(key, "tokens" if accepted is None else "drafts") for key in keys]
    if not drafts:
        return [_missing(key, _NO_DRAFTS) for key in keys]
    spread, note = tally.accepted_squares, None
    if spread is None and (length := tally.mean_length) is not None:
        note = f"the interval: {_LAW}"
        mean, k = accepted / drafts, max(1, round(length))
        variance = tokens_variance(alpha_of_mean(min(mean, k), k), k)
        spread = round(drafts * (variance + mean * mean))
    ends = None if spread is None else ratio_interval(accepted, drafts, (spread, accepted, drafts), drafts)
    note = note if ends else _NEEDS["spread"]
    ends, value = _within(ends, 0.0, None), accepted / drafts
    more = None if ends is None else (1.0 + ends[0], 1.0 + ends[1])
    return [_made(keys[0], value, ends, note=note), _made(keys[1], 1.0 + value, more, note=note)]


def _per_step(tally: Tally) -> Acceptance:
    accepted, steps = tally.num_accepted_tokens, tally.num_steps
    if accepted is None or steps is None:
        return _missing("tokens_per_step", "tokens" if accepted is None else "steps")
    if not steps:
        return _missing("tokens_per_step", _NO_DRAFTS)
    value = 1.0 + accepted / steps
    if tally.num_tokens is not None and tally.num_texts is not None:
        value = max(0, tally.num_tokens - tally.num_texts) / steps
    spread = tally.accepted_squares
    ends = None if spread is None else ratio_interval(accepted, steps, (spread, accepted, steps), steps)
    if ends is not None:
        cut = value - 1.0 - accepted / steps
        ends = (max(0.0, 1.0 + ends[0] + cut), 1.0 + ends[1] + cut)
    return _made("tokens_per_step", value, ends, note=None if ends else _NEEDS["spread"])


def _emitted(tally: Tally) -> Acceptance:
    if tally.num_tokens is None or not tally.num_drafts:
        return _missing("emitted_per_draft", "emitted" if tally.num_tokens is None else "drafts")
    value, mean = tally.num_tokens / tally.num_drafts, _per_draft(tally)[0]
    if mean.value is None or mean.low is None or mean.high is None:
        return _made("emitted_per_draft", value, note=_NEEDS["spread"])
    ends = (value - mean.value + mean.low, value - mean.value + mean.high)  # all else is taken as it is
    return _made("emitted_per_draft", value, ends, note=mean.note)


def _squares(tally: Tally) -> tuple[float, float, float] | None:
    """The totals of accepted², accepted × drafted and drafted² over drafts, where they are known."""
    if tally.outcomes is not None:
        told = [(a * a * n, a * k * n, k * k * n) for (k, a, _), n in tally.outcomes.items()]
        return sum(one[0] for one in told), sum(one[1] for one in told), sum(one[2] for one in told)
    spread, k = tally.accepted_squares, tally.k
    if not tally.has_one_length or spread is None or k is None:
        return None
    return spread, k * (tally.num_accepted_tokens or 0), k * k * (tally.num_drafts or 0)


def _within(ends: tuple[float, float] | None, low: float, high: float | None) -> tuple[float, float] | None:
    if ends is None:
        return None
    return max(low, ends[0]), ends[1] if high is None else min(high, ends[1])


# -- a position ------------------------------------------------------------------------------------


def _first(tally: Tally) -> Acceptance:
    if not tally.accepted_at or not tally.num_drafts:
        one = tally.k == 1 or tally.mean_length == 1.0
        if not one or tally.num_accepted_tokens is None or not tally.num_drafts:
            return _missing("first_position", "positions")
        counted = tally.num_accepted_tokens
    else:
        counted = tally.accepted_at[0]
    return _made("first_position", counted / tally.num_drafts, share_interval(counted, tally.num_drafts))


def _positions(tally: Tally) -> list[Acceptance]:
    """Of each position three shares: of all drafts, of those that drafted it, of those that reached it."""
    below = {
        "by_round": (tally.num_drafts,) * len(tally.accepted_at or ()) if tally.num_drafts else None,
        "by_draft": tally.drafted_at,
        "by_reached": tally.reached_at,
    }
    found: list[Acceptance] = []
    for key, trials in below.items():
        if tally.accepted_at is None or trials is None:
            found.append(_missing(key, "positions" if tally.accepted_at is None else "judged"))
            continue
        for place, (n, all_) in enumerate(zip(tally.accepted_at, trials, strict=False), start=1):
            if all_:
                found.append(_made(key, n / all_, share_interval(n, all_), position=place))
            else:
                found.append(_made(key, None, None, UNKNOWN, "no round came so far", place))
    return found
