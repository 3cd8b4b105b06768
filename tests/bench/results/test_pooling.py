"""What may be pooled: repeats of one cell on one machine, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from specdec_lib.bench.results.pooling import Machines, kept_apart, pool_key, short_machine
from tests.made_cells import MACHINE, made_cell
from tests.written_sweeps import OTHER_MACHINE


def test_cells_that_differ_in_seed_and_repeat_are_repeats_of_one() -> None:
    one, other = made_cell(seed=0, repeat=0), made_cell(seed=1, repeat=1)
    assert kept_apart(one, other) is None
    assert pool_key(one, "A") == pool_key(other, "A")


@pytest.mark.parametrize(
    "change, said",
    [
        ({"environment": OTHER_MACHINE}, "another machine (cores 2 is now 8)"),
        ({"engine": "llama.cpp"}, "another engine (specdec_lib, llama.cpp)"),
        ({"parameters": {"pair": "pocket", "k_values": [8]}}, "parameter k_values [4] is [8]"),
        *(
            (
                {
                    "made_of": {
                        "notebook": "a" * 12,
                        "library": "b" * 12,
                        "weights": "c" * 12,
                        "prompts": "d" * 12,
                        name: "e",
                    }
                },
                f"{name} ",
            )
            for name in ("notebook", "library", "weights", "prompts")
        ),
    ],
)
def test_whatever_else_differs_keeps_cells_apart(change: dict[str, Any], said: str) -> None:
    one, other = made_cell(), made_cell() | change
    assert (kept_apart(one, other) or "").startswith(said)
    letters = Machines()
    keys = [pool_key(cell, letters.letter(cell.environment)) for cell in (one, other)]
    assert keys[0] != keys[1]


def test_a_parameter_that_only_one_has_keeps_them_apart() -> None:
    assert kept_apart(made_cell(), made_cell(chat=None)) == "parameter chat None is None"


def test_machines_are_lettered_as_they_come_and_the_code_is_no_machine() -> None:
    machines = Machines()
    environments = [MACHINE, OTHER_MACHINE, MACHINE | {"commit": "x"}, {}, OTHER_MACHINE]
    assert [machines.letter(one) for one in environments] == ["A", "B", "A", "C", "B"]
    assert machines.environments == {"A": MACHINE, "B": OTHER_MACHINE, "C": {}}
    many = [machines.letter({"cores": number, "hash": str(number)}) for number in range(30)]
    assert many[0] == "D" and many[23] == "AA" and len(set(many)) == 30


def test_a_machine_in_a_few_words() -> None:
    assert short_machine(MACHINE) == "a processor, 2 cores, 1 thread"
    assert short_machine(MACHINE | {"gpu": "NVIDIA H200"}) == "NVIDIA H200"
    assert short_machine({}) == "a machine of which nothing is known"
