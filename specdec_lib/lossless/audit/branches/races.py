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


def winner(path: Path, values: Sequence[Any], largest: bool) -> int:
    """The index of the largest (smallest) of ``values``, draws of uniforms of their own and plain numbers.

    Raises:
        Unfollowed: what is compared is no race of exponentials, or took part in one before.
    """
    draws = [value for value in values if isinstance(value, Draw)]
    uniforms = {id(draw.uniform): draw.uniform for draw in draws}
    if len(uniforms) < len(draws) or not all(uniform.is_untouched for uniform in uniforms.values()):
        raise Unfollowed(sentences.RACED_AGAIN)
    log_rates = [_log_rate(value, largest) for value in values]
    highest = max(log_rates)
    kinds = {(draw.form[0], _exponent(draw)) for draw in draws if draw.form}
    if len(kinds) > 1 or highest == -math.inf:
        raise Unfollowed(sentences.NO_RACE)
    for uniform in uniforms.values():
        uniform.raced = True
    return path.choose([math.exp(rate - highest) for rate in log_rates], "a race")


def _exponent(draw: Draw) -> float:
    return draw.form[2] * math.copysign(1, draw.form[1] if draw.form[0] == "power" else 1) if draw.form else 0


def _log_rate(value: Any, largest: bool) -> float:
    """log λ of the exponential whose being first makes ``value`` the largest (smallest)."""
    if not isinstance(value, Draw):
        never = value <= 0 if largest else value == math.inf
        if never:
            return -math.inf
        raise Unfollowed(sentences.NO_RACE)
    if value.form is None or value.form[0] == "unit":
        raise Unfollowed(sentences.NO_RACE)
    kind, factor, exponent = value.form
    sign = 1.0 if kind == "log" else math.copysign(1, factor)
    if (exponent * sign < 0) != largest:  # the largest of exponentials, not the first
        raise Unfollowed(sentences.NO_RACE)
    return -(factor if kind == "log" else math.log(abs(factor))) / exponent
