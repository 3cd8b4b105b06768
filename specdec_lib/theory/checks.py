"""What an argument must be, said once: a probability, a count, a quantity, a distribution.

Each function returns the value in its plain type, or raises
:class:`~specdec_lib.errors.InvalidArgument` with the name, what came, and what to pass. NaN passes none.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from specdec_lib.errors import InvalidArgument

_SUM_TOLERANCE = 1e-3  # float32 softmax over a large vocabulary does not sum to one exactly

Probs = ArrayLike | Sequence[float]  # a tuple of floats is no ArrayLike to a type checker at run time


def probability(value: Any, name: str) -> float:
    """``value`` as a float in [0, 1]."""
    number = _number(value)
    if not 0.0 <= number <= 1.0:
        raise InvalidArgument(f"{name} is a probability: got {value!r}; pass a number in [0, 1]")
    return number + 0.0


def quantity(value: Any, name: str) -> float:
    """``value`` as a finite float >= 0 (and never -0.0, which would print and hash differently)."""
    number = _number(value)
    if not (number >= 0.0 and math.isfinite(number)):
        raise InvalidArgument(f"{name} is a quantity: got {value!r}; pass a finite number >= 0")
    return number + 0.0


def positive(value: Any, name: str) -> float:
    """``value`` as a finite float > 0."""
    if quantity(value, name) == 0.0:
        raise InvalidArgument(f"{name} is a divisor here: got {value!r}; pass a finite number > 0")
    return float(value)


def whole(value: Any, name: str, minimum: int | None = 0) -> int:
    """``value`` as an int; 4.0 counts as 4, while 4.5, NaN, True and "4" do not."""
    given: Any = int(value) if isinstance(value, float) and value.is_integer() else value
    try:
        number = operator.index(given)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or (minimum is not None and number < minimum):
        wanted = "an integer" if minimum is None else f"an integer >= {minimum}"
        raise InvalidArgument(f"{name} is a whole number: got {value!r}; pass {wanted}")
    return number


def distribution(probs: Probs, name: str) -> Float[np.ndarray, " vocab"]:
    """``probs`` as float64, shape (vocab,): non-negative, with sum 1 up to float32 rounding."""
    array = np.asarray(probs, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise InvalidArgument(f"{name} is one distribution: got shape {array.shape}; pass shape (vocab,)")
    if not (np.all(array >= 0.0) and abs(array.sum() - 1.0) <= _SUM_TOLERANCE):
        raise InvalidArgument(
            f"{name} is a distribution: got minimum {array.min():.3g} and sum {array.sum():.6g}; "
            "pass probabilities >= 0 that sum to 1"
        )
    return array


def _number(value: Any) -> float:
    """``value`` as a float; NaN, which every check refuses, where it is not one: "4" and True are none."""
    if isinstance(value, (str, bytes, bool)):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
