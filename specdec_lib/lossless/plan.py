"""What a proof of a pair runs, and how much of it is needed for its counts to say something.

Numbers alone: they are looked at before anything is imported that takes its time, let alone loaded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.numbers import counted

VERIFIERS = ("token", "block")
"""The rules that can be proved."""
LEAST_ROUNDS = 10
"""Rounds with a draft below which counts of accepted tokens say nothing at all."""
LEVEL = 1e-4
"""A check rejects below this p-value; with a dozen checks a false alarm has a chance of about 1 in 1 000."""


@dataclass(frozen=True)
class ProofPlan:
    """What to run.

    Attributes:
        verifiers: of "token" and "block".
        k: draft tokens a round. temperature: of everything that is sampled.
        num_samples: continuations that the joint law is counted from, for each verifier.
        num_tokens: tokens of every longer text. seed: everything random follows from it.
        joint_tokens, joint_k, joint_top_k: size of the joint law; ``joint_top_k`` ** ``joint_tokens`` cells.
    """

    verifiers: tuple[str, ...] = ("token", "block")
    k: int = 4
    temperature: float = 0.8
    num_samples: int = 20_000
    num_tokens: int = 64
    seed: int = 0
    level: float = LEVEL
    joint_tokens: int = 3
    joint_k: int = 2
    joint_top_k: int = 4
    joint_prompt: int = 16

    def __post_init__(self) -> None:
        if not self.verifiers or not set(self.verifiers) <= set(VERIFIERS):
            raise InvalidArgument(f"verify: verifiers are {self.verifiers}; choose from {list(VERIFIERS)}")
        if not 0 < self.temperature < math.inf:
            raise InvalidArgument(f"verify: temperature is {self.temperature:g}; pass a temperature above 0")
        for name, least in (("num_samples", 1), ("num_tokens", 2), ("k", 1)):
            if getattr(self, name) < least:
                raise InvalidArgument(f"verify: {name} is {getattr(self, name)}; pass at least {least}")

    def require_rounds(self, num_prompts: int) -> None:
        """Refuse what could not be counted, before anything is run.

        Raises:
            InvalidArgument: the longer texts may have too few rounds.
        """
        rounds = fewest_rounds(num_prompts, self.num_tokens, self.k)
        if rounds < LEAST_ROUNDS:
            raise InvalidArgument(
                f"verify: {counted(num_prompts, 'prompt')} of {self.num_tokens} tokens may take as few "
                f"as {counted(rounds, 'round')} of K = {self.k}, and counts of what a round "
                f"accepts need {LEAST_ROUNDS}; give more --tokens or --prompts"
            )


def fewest_rounds(num_texts: int, num_tokens: int, k: int) -> int:
    """Rounds with a draft that texts of ``num_tokens`` take at least: everything accepted, K + 1 a round."""
    return num_texts * math.ceil((num_tokens - 1) / (k + 1))
