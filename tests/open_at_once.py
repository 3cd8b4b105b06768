"""Texts of one decoder that are open at once, as a server has them."""

from __future__ import annotations

from collections.abc import Sequence

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.profiling.metrics import GenerationResult


def decoded_in_turns(
    decoder: Decoder, prompts: Sequence[Sequence[int]], num_tokens: int, **options
) -> list[GenerationResult]:
    """What each text becomes where a round of each follows a round of the one before it."""
    opened = [decoder.start(prompt, num_tokens, **options) for prompt in prompts]
    for _ in range(num_tokens):
        for generation in opened:
            next(generation, None)
    return [generation.result() for generation in opened]
