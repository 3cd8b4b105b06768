"""What may be pooled, said once: which cells are the same cell, which are repeats of one, which never meet.

Counts of tokens do not know a machine, times do. Two cells are repeats of one another, so that their times
add up, where they ran on one machine (:func:`specdec_lib.utils.machine.difference`), with one engine, of the
same notebook, library, weights and prompts, and with the same parameters but for the seed and the repeat.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from specdec_lib.utils import machine
from specdec_lib.utils.numbers import counted

REPEATED = ("seed", "repeat")
"""Parameters in which repeats of one cell differ."""


def kept_apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """What keeps two cells from being pooled, in a few words; None where they are repeats of one.

    Args:
        one, other: records of cells, or their lines.
    """
    if changes := machine.difference(one["environment"], other["environment"]):
        return f"another machine ({changes})"
    if one["engine"] != other["engine"]:
        return f"another engine ({one['engine']}, {other['engine']})"
    for what, before, now in (
        ("", one["made_of"], other["made_of"]),
        ("parameter ", _lasting(one["parameters"]), _lasting(other["parameters"])),
    ):
        names = (
            name
            for name in (*before, *now)
            if (name in before, before.get(name)) != (name in now, now.get(name))
        )
        if name := next(names, None):
            return f"{what}{name} {before.get(name)!r} is {now.get(name)!r}"
    return None


def pool_key(line: Mapping[str, Any], letter: str) -> str:
    """What all repeats of a cell on one machine have in common, as one text.

    Args:
        letter: of the cell's machine, as :class:`Machines` gives it.
    """
    told = [letter, line["engine"], line["made_of"], _lasting(line["parameters"])]
    return json.dumps(told, sort_keys=True)


def measurement_of(key: str, letter: str, session: str) -> tuple[str, str, str]:
    """What one measurement of a cell is: where two agree in it, they are one that stands there twice."""
    return key, letter, session


def _lasting(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in REPEATED}


class Machines:
    """The machines that records come from, a letter each, in the order in which they come up."""

    def __init__(self) -> None:
        self._known: list[tuple[Mapping[str, Any], str]] = []
        self.environments: dict[str, Mapping[str, Any]] = {}

    def letter(self, environment: Mapping[str, Any]) -> str:
        """The letter of the machine that has this fingerprint."""
        for known, letter in self._known:
            if known == environment:
                return letter
        same = (at for at, known in self.environments.items() if not machine.difference(known, environment))
        letter = next(same, None) or _letter(len(self.environments))
        self.environments.setdefault(letter, environment)
        self._known.append((environment, letter))
        return letter


def _letter(number: int) -> str:
    """A, B, …, Z, AA, AB, …

    >>> _letter(0), _letter(25), _letter(26)
    ('A', 'Z', 'AA')
    """
    letters = ""
    number += 1
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters


def short_machine(environment: Mapping[str, Any]) -> str:
    """A machine in a few words: its GPU, or else its processor and cores."""
    if gpu := environment.get("gpu"):
        return str(gpu)
    told = [str(environment.get("cpu") or "a machine of which nothing is known")]
    told += [counted(environment[f"{one}s"], one) for one in ("core", "thread") if environment.get(f"{one}s")]
    return ", ".join(told)
