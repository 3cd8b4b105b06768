"""Samples of three tokens from the decoding loop on table models, counted in a process of its own.

The test suite checks shapes at run time, which costs a table model five times its decoding time;
a spawned process imports the library as users run it.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.draft_model import DraftModel
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.laws.table_model import TableModel

VOCAB, LENGTH, TEMPERATURE, PROMPT = 4, 3, 0.8, [1, 2]


def models() -> tuple[TableModel, TableModel]:
    """A target and a draft that is right about half of the time."""
    target = TableModel.random(VOCAB, seed=5)
    return target, target.near(seed=6, weight=0.7)


def exact_law(length: int = LENGTH) -> np.ndarray:
    """Probability of each of the 64 triples, or of texts of another length, at the test's temperature."""
    target, _ = models()
    warped = probs_from_logits(target.logits, SamplingParams(TEMPERATURE)).double().numpy()
    law = TableModel(warped).law(PROMPT, length)
    return law / law.sum()


def decoder(k: int, verifier: str):
    """A decoder of the library (k = 0: autoregressive)."""
    target, draft = models()
    if k == 0:
        return AutoregressiveDecoder(target)
    return SpeculativeDecoder(target, DraftModel(draft), k=k, verifier=verifier)


def count(k: int, verifier: str, seeds: range) -> np.ndarray:
    """How often each triple comes out, one generation for each seed."""
    speaker = decoder(k, verifier)
    counts = np.zeros(VOCAB**LENGTH)
    for seed in seeds:
        rounds = speaker.stream(PROMPT, LENGTH, TEMPERATURE, seed=seed)  # the ids of ``generate``, no records
        first, second, third = (token for ids in rounds for token in ids)
        counts[(first * VOCAB + second) * VOCAB + third] += 1
    return counts


def sample(numbers: dict[tuple[int, str], int]) -> dict[tuple[int, str], np.ndarray]:
    """``count`` of so many seeds for each (k, verifier), in one process without run-time shape checks."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _one_thread) as pool:
        found = {who: pool.submit(count, *who, range(number)) for who, number in numbers.items()}
        return {who: counts.result() for who, counts in found.items()}


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
