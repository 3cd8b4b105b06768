"""Hunts in processes of their own: the suite's shape checks would make table models several times slower."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import torch

from specdec_lib.lossless.mutants.gallery import find_mutant
from specdec_lib.lossless.mutants.mutant import Hunt, hunt

WORKERS = 1
"""Each imports the library first, which takes as long as four thousand generations."""


def hunted(name: str, seed: int, schedule: Sequence[int]) -> tuple[int | None, list[float]]:
    """When the mutant of that name was rejected, and the p-values on the way."""
    torch.set_num_threads(1)
    caught: Hunt = hunt(find_mutant(name), seed, schedule)
    return caught.killed_at, [look.p_value for look in caught.looks]


def hunt_all(schedules: dict[str, Sequence[int]], seed: int) -> dict[str, tuple[int | None, list[float]]]:
    """:func:`hunted` for every name, spread over processes that import the library as users run it."""
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        found = pool.map(hunted, schedules, [seed] * len(schedules), schedules.values())
        return dict(zip(schedules, found, strict=True))
