"""Conditions on cells as they are written: ``k=4``, ``temperature<=0.5``, ``draft~lookup``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from specdec_lib.bench.results.columns import ALSO_CALLED, BY_NAME, FlatCell
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.names import known_names
from specdec_lib.utils.numbers import written_real

_WRITTEN = re.compile(r"\s*([^\s!=<>~]+)\s*(!=|<=|>=|==|=|<|>|~)\s*(.*?)\s*", re.DOTALL)
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~")


class Condition(NamedTuple):
    """What the ``column`` of a cell has to be; ``~`` asks whether a text is in it, whatever its case.

    A column that holds nothing equals the empty text, and is neither below nor above anything.
    """

    column: str
    operator: str
    value: str | float | bool

    def holds(self, row: FlatCell) -> bool:
        """Whether it does for a cell."""
        held = value_of(row, self.column)
        if self.operator == "~":
            return str(self.value).casefold() in str("" if held is None else held).casefold()
        if self.operator in ("=", "!="):
            is_equal = self.value == ("" if held is None else held)
            return is_equal is (self.operator == "=")
        if isinstance(held, str) is not isinstance(self.value, str) or held is None:
            return False
        return _COMPARED[self.operator](held, self.value)


def value_of(row: FlatCell, column: str) -> Any:
    """What a cell has in a column; as ``k`` the policy that decides, where one does."""
    return row.policy or row.k if column == "k" else getattr(row, column)


def column_named(name: str, asked: str) -> str:
    """The column that is called so, here or on the screen.

    Args:
        asked: how a message names what was asked for, such as "--where".

    Raises:
        InvalidArgument: there is none.
    """
    column = ALSO_CALLED.get(name, name.casefold().replace(" ", "_"))
    if column not in BY_NAME:
        names = known_names(column, BY_NAME)
        raise InvalidArgument(f"{asked} names '{name}', which is no column; there are {names}")
    return column


def read_conditions(written: Iterable[str]) -> tuple[Condition, ...]:
    """The conditions that texts are, all of which have to hold.

    Raises:
        InvalidArgument: a text that is none, an unknown column, or no number where its column holds numbers.
    """
    return tuple(map(_read, written))


def _read(text: str) -> Condition:
    found = _WRITTEN.fullmatch(text)
    if found is None:
        signs = " ".join(OPERATORS)
        raise InvalidArgument(f"--where is '{text}'; give a column, one of {signs}, and a value, as in k=4")
    name, sign, value = found[1], found[2].replace("==", "="), found[3]
    column = column_named(name, "--where")
    kind = BY_NAME[column].kind
    if sign == "~" or kind == "text" or not value:
        return Condition(column, sign, value)
    if kind == "truth":
        if value.casefold() not in _TRUTHS:
            raise InvalidArgument(f"--where asks whether {column} is '{value}'; give yes or no")
        return Condition(column, sign, _TRUTHS[value.casefold()])
    number = written_real(value)
    if number is None and (column != "k" or sign not in ("=", "!=")):
        raise InvalidArgument(f"--where compares {column} with '{value}'; give a number, such as 0.5")
    return Condition(column, sign, value if number is None else number)
