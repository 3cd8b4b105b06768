"""What the fields of a record must hold: a check each, which says in a few words what is wrong, or None.

A results file may come from other hands: whoever reads a field later may take for granted what is checked
here. Which field of which kind is checked how says :mod:`specdec_lib.bench.records.kinds`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import chain
from typing import Any, cast

FieldCheck = Callable[[Any], str | None]
"""What is wrong with the value of a field, in a few words; None if nothing is."""
Described = Mapping[str, Any]
MOST = 10**12
"""Of a count, or of seconds, in a column: what is more was never counted."""
FIRST = 4096
"""Draft tokens of a round, and bins of latencies, are fewer."""
PHASE_TOTALS = ("rounds", "tokens", "drafted", "total_ms")
MODEL = ("name", "dtype", "device")


def _is_number(value: Any) -> bool:
    """A finite number of at least 0; a truth value is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def is_whole(value: Any) -> bool:
    """A whole number: 4, and 4.0 too, which JSON does not tell apart; a truth value is none."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any, least: int = 0) -> bool:
    return is_whole(value) and value >= least


def _are_seconds(value: Any) -> bool:
    listed = cast(list[Any], value) if isinstance(value, list) else []
    return bool(listed) and all(map(_is_number, listed))


def _must_be(what: str, is_one: Callable[[Any], bool]) -> FieldCheck:
    """The check that a value is one."""
    return lambda value: None if is_one(value) else f"is {value!r:.40}, not {what}"


name = _must_be("a name", lambda value: isinstance(value, str))
described = _must_be("a description", lambda value: isinstance(value, dict))
truth = _must_be("true or false", lambda value: isinstance(value, bool))
count = _must_be("a count", _is_count)
number = _must_be("a number of at least 0", _is_number)
above_zero = _must_be("a number above 0", lambda value: _is_number(value) and value > 0)
times = _must_be("a list of seconds", _are_seconds)
token_index = _must_be("the index of a token, -1 or null", lambda value: _is_count(value, least=-1))


def models(models: Described) -> str | None:
    for role, model in models.items():
        if model is None:
            continue
        if not isinstance(model, dict):
            return f"holds {role} {model!r:.40}, not what the model is"
        needed = MODEL if role == "target" else MODEL[:1]  # a drafter need not be a model
        lacking = [key for key in needed if not isinstance(cast(Described, model).get(key), str)]
        if lacking:
            return f"says no {', '.join(lacking)} of the {role}"
    return None


def _not_an_object(told: object) -> str | None:
    return None if isinstance(told, dict) else f"is {told!r:.40}, not an object"


def phases(phases: Described) -> str | None:
    if problem := _not_an_object(phases):
        return problem
    wrong = [name for name, value in phases.items() if not _is_number(value)]
    wrong += [name for name in PHASE_TOTALS if name not in phases]
    return f"holds no number for {', '.join(wrong)}" if wrong else None


def costs(costs: Described) -> str | None:
    if problem := _not_an_object(costs):
        return problem
    context, forwards = costs.get("context_length"), costs.get("forwards")
    if context is not None and (problem := count(context)):
        return f"has a context_length that {problem}"
    if not isinstance(forwards, list):
        return "holds no list of forwards"
    for number, forward in enumerate(cast(list[Any], forwards)):
        told: Described = cast(Described, forward) if isinstance(forward, dict) else {}
        if not (
            isinstance(told.get("model"), str)
            and _is_count(told.get("width"))
            and times(told.get("seconds")) is None
        ):
            return f"holds a forward ({number}) without model, width or seconds"
    return None


def seconds(seconds: Described) -> str | None:
    wrong = [name for name, s in seconds.items() if s != [] and not (_are_seconds(s) and min(s) > 0)]
    return f"holds no list of seconds for {', '.join(wrong)}" if wrong else None


def arm(arm: Described) -> str | None:
    sound = {name: isinstance(arm.get(name), str) for name in ("library", "method")}
    sound |= {"compiled": isinstance(arm.get("compiled"), bool)}
    sound |= {name: _is_count(arm.get(name, 0)) for name in ("k", "batch")}
    sound |= {"options": isinstance(arm.get("options", {}), dict)}
    for name in ("warm_up_seconds", "compile_seconds"):
        sound[name] = arm.get(name) is None or _is_number(arm[name])
    for name in ("drafter", "verifier", "dtype", "facts_hash", "refused"):
        sound[name] = isinstance(arm.get(name), (str, type(None)))
    wrong = [name for name, is_sound in sound.items() if not is_sound]
    return f"says nothing sound about {', '.join(wrong)}" if wrong else None


def arms(arms: Described) -> str | None:
    told = {name: cast(Described, value) for name, value in arms.items() if isinstance(value, dict)}
    problems = {name: arm(told[name]) if name in told else "is none" for name in arms}
    return next((f"holds {name}, which {problem}" for name, problem in problems.items() if problem), None)


def amounts(told: Described) -> str | None:
    if problem := _not_an_object(told):
        return problem
    wrong = [name for name, amount in told.items() if not _is_number(amount)]
    return f"holds no number for {', '.join(wrong)}" if wrong else None


def texts(told: Described) -> str | None:
    wrong = [name for name, value in told.items() if not isinstance(value, str)]
    return f"holds no text for {', '.join(wrong)}" if wrong else None


# -- columns: all entries are looked at together, and one by one only where that does not tell ----------


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _types(column: list[Any]) -> set[type]:
    return set(map(type, column))


def _are_wholes(column: list[Any]) -> bool:
    """Whole numbers of counts, and -1, which is the index of no token."""
    if not (_types(column) <= {int} or all(map(is_whole, column))):
        return False
    return not column or (min(column) >= -1 and max(column) <= MOST)


def _are_numbers(column: list[Any]) -> bool:
    if not (_types(column) <= {int, float} or all(map(_is_number, column))):
        return False
    return all(map((0.0).__le__, column)) and all(map((MOST + 0.5).__gt__, column))


def _are_rows(rows: list[Any], are_entries: Callable[[list[Any]], bool]) -> bool:
    return _types(rows) <= {list} and are_entries(list(chain.from_iterable(rows)))


rows_of_numbers = _must_be(
    "rows of numbers",
    lambda rows: isinstance(rows, list) and _are_rows(cast(list[Any], rows), _are_numbers),
)

_COLUMNS: dict[str, Callable[[list[Any]], bool]] = {
    "list[int]": _are_wholes,
    "list[float]": _are_numbers,
    "list[str]": lambda column: _types(column) <= {str} or all(isinstance(one, str) for one in column),
    "list[list[int]]": lambda rows: _are_rows(rows, _are_wholes),
}
"""What a column must hold, by the annotation of its field."""
ROWS = {"outcomes": 3, "latencies": 2}
"""Columns of rows of so many whole numbers, whose first is below ``FIRST``."""
_UNEVEN = frozenset({"outcomes", "latencies", "first_difference"})
"""Columns that need not have an entry a block."""


def part_of(columns: type) -> FieldCheck:
    """The check that a part holds the columns of a dataclass, all of one length where they go by blocks."""
    declared = {f.name: _COLUMNS[str(f.type)] for f in fields(columns)}

    def check(told: Described) -> str | None:
        lengths: set[int] = set()
        for name, are_sound in declared.items():
            column: Any = told.get(name)
            if not (_is_list(column) and are_sound(column)):
                return f"has no sound column {name}"
            if name not in _UNEVEN:
                lengths.add(len(column))
            elif name in ROWS and not all(len(row) == ROWS[name] and 0 <= row[0] < FIRST for row in column):
                return f"has no sound column {name}"
        if 0 in lengths:
            return "has no block"
        return None if len(lengths) == 1 else "has columns of different lengths"

    return check
