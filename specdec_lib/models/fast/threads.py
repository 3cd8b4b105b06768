"""How many threads compute on the CPU: one rule for everything that runs a model."""

from __future__ import annotations

import os

import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.fast import sentences
from specdec_lib.models.tensors import Weighed
from specdec_lib.utils.logging import get_logger

SMALL_MODEL = 100_000_000
"""Weights below which one thread is the best choice."""

MOST = max(1024, 4 * (os.cpu_count() or 1))
"""More threads are a slip of the hand, and end in an error about memory."""
VARIABLE = "SPECDEC_THREADS"
"""The environment's wish, where nobody passed one."""


def use_threads(threads: int | None, target: Weighed) -> int:
    """Let torch compute with that many threads on the CPU; returns how many it uses.

    None is what ``SPECDEC_THREADS`` says in the environment. Where it says nothing, the choice is one for
    a target below ``SMALL_MODEL`` parameters, and otherwise what torch chose.
    A small model's threads wait for each other longer than they compute, and as soon as anything
    else runs on the machine they lose whole time slices doing so.

    Raises:
        InvalidArgument: fewer than one, more than ``MOST``, or no whole number in the environment.
    """
    threads = wanted_threads(threads)
    if threads is None and target.device.type == "cpu" and target.param_count < SMALL_MODEL:
        threads = 1
    if threads is not None:
        torch.set_num_threads(threads)
        processors = os.cpu_count() or 1
        if threads > processors:
            get_logger(__name__).warning(sentences.THREADS_WAIT.format(threads, processors, processors))
    return torch.get_num_threads()


def wanted_threads(threads: int | None) -> int | None:
    """How many threads were asked for, by an argument or else by the environment; None where nobody did.

    Raises:
        InvalidArgument: fewer than one, more than ``MOST``, or no whole number in the environment.
    """
    given = threads is not None
    if not given:
        wish = os.environ.get(VARIABLE, "").strip()
        if wish and not (wish.isascii() and wish.isdigit()):
            raise InvalidArgument(sentences.THREADS_ARE_NO_NUMBER.format(VARIABLE, wish))
        threads = int(wish) if wish else None
    if threads is not None and not 1 <= threads <= MOST:
        rest = sentences.PASS_NONE if given else sentences.UNSET.format(VARIABLE)
        raise InvalidArgument(
            sentences.THREADS_OUT_OF_RANGE.format("threads" if given else VARIABLE, threads, MOST, rest)
        )
    return threads
