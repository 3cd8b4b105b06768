"""Numbers as people pass them (Python's own, NumPy's, a tensor of no dimension) made plain; and percentages.

Counts, seeds, temperatures and probabilities come from scripts, sweeps and notebooks, where
``np.int64(3)`` and ``torch.tensor(0.5)`` are as common as ``3`` and ``0.5``. What no one means by a
number is refused: a truth value, a text, a fraction where a count belongs, NaN and infinity. A number that
is written on a command line is read here too, in the digits 0 to 9 alone: Python would read ``0_1`` as 1.
"""

from __future__ import annotations

import math
import re
from typing import Any, SupportsFloat, SupportsIndex

from specdec_lib.errors import InvalidArgument

Count = SupportsIndex
"""A whole number as people pass it, for :func:`whole_number`; a type checker refuses 4.0 and "4"."""
Number = SupportsFloat | SupportsIndex
"""A number as people pass it, for :func:`real_number`."""

_WHOLE = re.compile(r"-?[0-9]{1,4000}")  # of more digits Python makes no number
_REAL = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?|-?inf(inity)?|nan", re.IGNORECASE)


def whole_number(value: object, what: str, least: int | None = None, most: int | None = None) -> int:
    """``value`` as a plain int from ``least`` to ``most``.

    Args:
        what: how the message names it, such as "generate: max_new_tokens".

    Raises:
        InvalidArgument: no whole number (3.0 is a float, and so refused), or one out of range.

    >>> import numpy
    >>> whole_number(numpy.int64(3), "k", least=1)
    3
    """
    plain = _plain(value)
    whole = isinstance(plain, int) and not isinstance(plain, bool)
    if whole and (least is None or plain >= least) and (most is None or plain <= most):
        return int(plain)
    raise InvalidArgument(f"{what} is {_shown(value)}; pass a whole number{_range(least, most)}")


def real_number(value: object, what: str) -> float:
    """``value`` as a plain float.

    Raises:
        InvalidArgument: no number, or NaN, infinite, or too large for a float.
    """
    plain = _plain(value)
    if isinstance(plain, (int, float)) and not isinstance(plain, bool):
        try:
            if math.isfinite(plain):
                return float(plain)
        except OverflowError:
            pass
    raise InvalidArgument(f"{what} is {_shown(value)}; pass a finite number")


def written_whole(text: str) -> int | None:
    """The whole number that a text is, spaces about it aside; None where it is none.

    >>> written_whole(" 42 "), written_whole("-1"), written_whole("4_2"), written_whole("4.0")
    (42, -1, None, None)
    """
    return int(text) if _WHOLE.fullmatch(text.strip()) else None


def written_real(text: str) -> float | None:
    """The number that a text is, as :func:`written_whole`; infinity and NaN are for the caller to refuse.

    >>> written_real("0.4"), written_real(".5"), written_real("1e-3"), written_real("0_1")
    (0.4, 0.5, 0.001, None)
    """
    return float(text) if _REAL.fullmatch(text.strip()) else None


def percent(share: float, decimals: int = 0) -> str:
    """A share between 0 and 1 as it is written in sentences.

    >>> percent(0.9998, 2)
    '99.98 %'
    """
    return f"{100.0 * share:.{decimals}f} %"


def apart(*values: float, decimals: int = 2) -> list[str]:
    """Numbers that are compared, with so many decimals, or as many more, to six, as tell them apart.

    >>> apart(2.5, 2.77), apart(1.0, 1.0004), apart(1.0, 1.0)
    (['2.50', '2.77'], ['1.0000', '1.0004'], ['1.00', '1.00'])
    """
    enough = (n for n in range(decimals, 6) if len({f"{v:.{n}f}" for v in values}) == len(set(values)))
    shown = next(enough, 6)
    return [f"{value:.{shown}f}" for value in values]


def plain_numbers(values: Any) -> Any:
    """The numbers of an array or a tensor as Python's own, in a list for each axis that it has."""
    return values.tolist()


def _plain(value: object) -> Any:
    """The Python value of a scalar of another library; anything else as it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "shape", None) == () else value


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def short_count(count: int) -> str:
    """A number of weights for people: millions, and of a small model thousands.

    >>> short_count(124_439_808), short_count(37_216), short_count(8_030_000_000)
    ('124.4 M', '37.2 k', '8,030.0 M')
    """
    if count < 1_000:
        return str(count)
    if count < 999_950:  # from there on a rounded thousand would be a million
        return f"{count / 1e3:.1f} k"
    return f"{count / 1e6:,.1f} M"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 thread", "2 threads".

    >>> counted(1, "thread"), counted(0, "prompt"), counted(2, "pass", "passes")
    ('1 thread', '0 prompts', '2 passes')
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def _range(least: int | None, most: int | None) -> str:
    if most is None:
        return "" if least is None else f" >= {least}"
    return f" <= {most}" if least is None else f" from {least} to {most}"
