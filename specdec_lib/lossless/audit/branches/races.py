"""Races of exponentials: the argmax of probs / E, of logits + Gumbel, and the argmin of E / probs.

Of independent exponentials with rates λ_i the i-th comes first with probability λ_i / Σ λ. That is how a
token is drawn without a cumulative distribution, by Gumbel's trick or directly (Maddison et al. 2014).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches import sentences
from specdec_lib.lossless.audit.branches.draws import Draw
from specdec_lib.lossless.audit.branches.tree import Path

_SURE = 40.0
"""What an exponential exceeds with probability e^−40 only."""


def winner(path: Path, values: Sequence[Any], largest: bool) -> int:
    """The index of the largest (smallest) of ``values``, draws of uniforms of their own and plain numbers.

    Raises:
        Unfollowed: what is compared is no race of exponentials, or took part in one before.
    """
    draws = [value for value in values if isinstance(value, Draw)]
    uniforms = {id(draw.uniform): draw.uniform for draw in draws}
    if len(uniforms) < len(draws) or not all(uniform.is_untouched for uniform in uniforms.values()):
        raise Unfollowed(sentences.RACED_AGAIN)
    kind, sign, exponent = _kind_of(draws, largest)
    log_rates = [_log_rate(draw) if isinstance(draw, Draw) else -math.inf for draw in values]
    for value in values:
        if not isinstance(value, Draw) and not _is_beaten(value, kind, sign, exponent, log_rates, largest):
            raise Unfollowed(sentences.NO_RACE)
    highest = max(log_rates)
    if highest == -math.inf:
        raise Unfollowed(sentences.NO_RACE)
    for uniform in uniforms.values():
        uniform.raced = True
    return path.choose([math.exp(rate - highest) for rate in log_rates], "a race")


def _kind_of(draws: Sequence[Draw], largest: bool) -> tuple[str, float, float]:
    """What all of them are of their exponentials, and that the first of these is what is asked for."""
    kinds = {_kind(draw) for draw in draws}
    if len(kinds) != 1:
        raise Unfollowed(sentences.NO_RACE)
    kind, sign, exponent = kinds.pop()
    if kind not in ("power", "log") or (exponent * sign < 0) != largest:  # or the largest of exponentials
        raise Unfollowed(sentences.NO_RACE)
    return kind, sign, exponent


def _kind(draw: Draw) -> tuple[str, float, float]:
    if draw.form is None:
        return "unknown", 1.0, 0.0
    kind, factor, exponent = draw.form
    return kind, math.copysign(1, factor) if kind == "power" else 1.0, exponent


def _log_rate(draw: Draw) -> float:
    """log λ of the exponential whose being first makes the draw the largest (smallest)."""
    if draw.form is None:
        raise Unfollowed(sentences.NO_RACE)
    kind, factor, exponent = draw.form
    return -(factor if kind == "log" else math.log(abs(factor))) / exponent


def _is_beaten(
    value: float, kind: str, sign: float, exponent: float, log_rates: Sequence[float], largest: bool
) -> bool:
    """Whether a plain number can never win: no draw reaches it, or none but with negligible probability."""
    if kind == "log":
        if math.isinf(value):
            return (value < 0) == largest
        return math.fsum(math.exp(min(value / exponent + rate, 700.0)) for rate in log_rates) > _SURE
    return (value <= (0 if sign > 0 else -math.inf)) if largest else value >= (math.inf if sign > 0 else 0)
