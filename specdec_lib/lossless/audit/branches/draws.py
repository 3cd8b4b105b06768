"""Random numbers that are decided only when something depends on them.

A decoder asks whether a uniform lies below a ratio, or where in a cumulative distribution it falls. Only the
answer matters, so only that is chosen, with its probability; the uniform is then known to lie on one side,
and a second question is answered accordingly. A :class:`Draw` is a number made of one uniform by monotone
arithmetic; it remembers where the uniform stands when the number equals a threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches import sentences
from specdec_lib.lossless.audit.branches.tree import Path
from specdec_lib.lossless.audit.branches.uniforms import Uniform

NEGLIGIBLE = 1e-9
"""What is added so that no logarithm is of 0: passed over, where it is no larger."""
NEAR = 1e-6
"""A share of a uniform that a clamp may change and is passed over: what keeps a logarithm finite."""
MOST_WHOLE = 4_096
"""Whole numbers up to which a random number is rounded down."""

DrawForm = tuple[Literal["unit", "power", "log"], float, float]
"""What a number is of the exponential E behind its uniform: e^−E (the uniform), a · E^c, or a + c · log E."""


def _refused(what: str) -> Callable[..., Any]:
    """A method of Python's that cannot be followed."""

    def refuse(self: Draw, *args: Any) -> Any:
        raise Unfollowed(sentences.TAKEN_OUT.format(what))

    return refuse


@dataclass(frozen=True, eq=False)
class Draw:
    """A number that is not decided yet: a monotone function of one uniform.

    ``place`` gives where the uniform stands when this number equals a threshold; ``rising`` whether it grows
    with the uniform; ``form`` what is needed to let several race (in ``races``), None where it is unknown.
    """

    uniform: Uniform
    place: Callable[[float], float]
    rising: bool = True
    form: DrawForm | None = ("unit", 0.0, 0.0)

    # -- arithmetic -------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Draw:
        c, form = _plain(other, "added"), self.form
        if abs(c) > NEGLIGIBLE:
            form = ("log", form[1] + c, form[2]) if form and form[0] == "log" else None
        return replace(self, place=lambda t: self.place(t - c), form=form)

    def __sub__(self, other: Any) -> Draw:
        return self + (-_plain(other, "subtracted"))

    def __rsub__(self, other: Any) -> Draw:
        made = (-self) + other
        is_other_half = self.form and self.form[0] == "unit" and _plain(other, "subtracted") == 1
        return replace(made, form=self.form) if is_other_half else made

    def __neg__(self) -> Draw:
        return self._times(-1.0)

    def __mul__(self, other: Any) -> Draw | float:
        c = _plain(other, "multiplied")
        if math.isinf(c):
            return c * self._sign()
        return self._times(c) if c else 0.0

    def _times(self, c: float) -> Draw:
        form = self.form
        if form and form[0] != "unit":
            form = (form[0], form[1] * c, form[2] * (1 if form[0] == "power" else c))
        elif c != 1:
            form = None
        return replace(self, place=lambda t: self.place(t / c), rising=self.rising == (c > 0), form=form)

    def __truediv__(self, other: Any) -> Draw | float:
        c = _plain(other, "divided")
        return self * (1 / c if c else math.copysign(math.inf, c))

    def __rtruediv__(self, other: Any) -> Draw | float:
        c = _plain(other, "divided")
        if c == 0:
            return 0.0
        if self._sign() < 0:
            return -c / -self
        return self._reciprocal() * c

    def _reciprocal(self) -> Draw:
        """1 over a number above 0."""
        form, never = self.form, float(self.rising)  # for a threshold of 0 and below
        made: DrawForm | None = ("power", 1 / form[1], -form[2]) if form and form[0] == "power" else None
        return replace(
            self, place=lambda t: self.place(1 / t) if t > 0 else never, rising=not self.rising, form=made
        )

    __radd__, __rmul__ = __add__, __mul__

    def log(self) -> Draw:
        """Its natural logarithm."""
        self._sign()
        form: DrawForm | None = None
        if self.form and self.form[0] == "unit":
            form = ("power", -1.0, 1.0)
        elif self.form and self.form[0] == "power":
            form = ("log", math.log(self.form[1]), self.form[2]) if self.form[1] > 0 else None
        return replace(self, place=lambda t: self.place(_exp(t)), form=form)

    def exp(self) -> Draw:
        """e to its power."""
        form = self.form
        made: DrawForm | None = ("power", _exp(form[1]), form[2]) if form and form[0] == "log" else None
        never = float(not self.rising)
        return replace(self, place=lambda t: self.place(math.log(t)) if t > 0 else never, form=made)

    def clamped(self, low: float, high: float) -> Draw | float:
        """What is left of it between two bounds; its place at a bound itself is NaN, as it may stay there."""
        ends = [self.place(low) if low > -math.inf else float(not self.rising)]
        ends.append(self.place(high) if high < math.inf else float(self.rising))
        share = abs(min(max(ends[1], 0.0), 1.0) - min(max(ends[0], 0.0), 1.0))
        if low <= high and share >= 1 - NEAR:
            return self
        if not low < high:
            raise Unfollowed(sentences.NO_LAW.format("clamp", high - low))
        outside = float(not self.rising), float(self.rising)

        def place(t: float) -> float:
            if t < low or t > high:
                return outside[t > high]
            return math.nan if t in (low, high) else self.place(t)

        return replace(self, place=place, form=None)

    def _sign(self) -> float:
        """1 or −1 where it can only be that.

        Raises:
            Unfollowed: it may be either.
        """
        below_zero = self.place(0.0)
        if math.isnan(below_zero):
            raise Unfollowed(sentences.EITHER_SIGN)
        if not 0 < below_zero < 1:
            return 1.0 if (below_zero <= 0) == self.rising else -1.0
        raise Unfollowed(sentences.EITHER_SIGN)

    # -- questions --------------------------------------------------------------------------------

    def is_below(self, threshold: float) -> bool:
        """Whether it is smaller, chosen with its probability."""
        place = self.place(threshold)
        if math.isnan(place):
            raise Unfollowed(sentences.NO_LAW.format("a comparison", place))
        return (self.uniform.bin_of([place]) == 0) == self.rising

    def bin_among(self, thresholds: Sequence[float]) -> int:
        """How many of the ascending ``thresholds`` it is not below."""
        places = [self.place(threshold) for threshold in thresholds]
        if self.rising:
            return self.uniform.bin_of(places)
        return len(places) - self.uniform.bin_of(places[::-1])

    def __lt__(self, other: Any) -> bool:
        return self.is_below(_plain(other, "compared"))

    __le__ = __lt__

    def __gt__(self, other: Any) -> bool:
        return not self.is_below(_plain(other, "compared"))

    __ge__ = __gt__

    def __int__(self) -> int:
        """Its whole part, which is decided here.

        Raises:
            Unfollowed: it may be below 0, or beyond what can be listed.
        """
        if self._sign() < 0 or 0 < self.place(float(MOST_WHOLE)) < 1:
            raise Unfollowed(sentences.TAKEN_OUT.format("int()"))
        return self.bin_among([float(whole) for whole in range(1, MOST_WHOLE)])

    __floor__ = __trunc__ = __int__

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """For torch to take one as an argument; the context answers, so this is what comes after its end."""
        raise Unfollowed(sentences.TAKEN_OUT.format(getattr(func, "__name__", func)))

    def __float__(self) -> float:
        raise Unfollowed(sentences.TAKEN_OUT.format("float()"))

    def __bool__(self) -> bool:
        raise Unfollowed(sentences.TAKEN_OUT.format("bool()"))

    def __eq__(self, other: object) -> bool:
        raise Unfollowed(sentences.TAKEN_OUT.format("=="))

    __hash__ = object.__hash__
    __pow__ = __rpow__ = _refused("**")
    __mod__ = __rmod__ = _refused("%")
    __floordiv__ = __rfloordiv__ = _refused("//")
    __round__, __ceil__, __abs__, __index__ = map(_refused, ("round()", "ceil()", "abs()", "an index"))
    __str__, __format__, __reduce_ex__ = map(_refused, ("str()", "format()", "pickle"))


def uniform_draw(path: Path) -> Draw:
    """A uniform on [0, 1)."""
    return Draw(Uniform(path), lambda t: t)


def exponential_draw(path: Path, rate: float = 1.0) -> Draw | float:
    """An exponential of that rate, as −log(uniform) / rate."""
    return (-uniform_draw(path).log()) / rate


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf


def _plain(other: Any, verb: str) -> float:
    """A number that is known; Unfollowed where two undecided ones meet."""
    if isinstance(other, Draw):
        raise Unfollowed(sentences.TWO_DRAWS.format(verb))
    if isinstance(other, (int, float, np.floating, np.integer)):
        return float(other)
    return float(other.item())  # a tensor or an array of one number
