"""Text that the target writes itself, to distil a draft on what it will be asked to predict.

A draft is used on the target's own continuations, not on the corpus; training it there is what
"on-policy" means (Agarwal et al. 2024, GKD; Zhou et al. 2023, DistillSpec). Each sequence begins
with a window of the corpus and goes on at one of the given temperatures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

_BATCH = 256


@torch.inference_mode()
def write_rollouts(
    target,
    stream: np.ndarray,
    num_sequences: int,
    prompt_length: int,
    length: int,
    temperatures: Sequence[float],
    *,
    seed: int,
    report: Callable[[int, int], None],
    batch: int = _BATCH,
) -> np.ndarray:
    """``[num_sequences, length + 1]`` of the stream's type: its prompts continued by the target in bf16.

    The temperature changes from batch to batch in the order given; 0 is greedy. ``report(done, total)``.
    """
    device = next(target.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    rng = np.random.default_rng(seed)
    rows: list[np.ndarray] = []
    for index, start in enumerate(range(0, num_sequences, batch)):
        size = min(batch, num_sequences - start)
        starts = rng.integers(0, len(stream) - prompt_length, size=size)
        prompts = np.stack([stream[at : at + prompt_length] for at in starts]).astype(np.int64)
        temperature = temperatures[index % len(temperatures)]
        ids = _continue(target, torch.from_numpy(prompts).to(device), length + 1, temperature, generator)
        rows.append(ids.cpu().numpy().astype(stream.dtype))
        report(start + size, num_sequences)
    return np.concatenate(rows)


def _continue(
    target, ids: torch.Tensor, total: int, temperature: float, generator: torch.Generator
) -> torch.Tensor:
    from transformers import DynamicCache

    from specdec_lib.models.architecture.module import cache_name

    kept = {cache_name(target): DynamicCache()}
    last = ids
    while ids.shape[1] < total:
        with torch.autocast(ids.device.type, torch.bfloat16):
            logits = target(last, use_cache=True, logits_to_keep=1, **kept).logits[:, -1].float()
        if temperature == 0.0:
            last = logits.argmax(-1, keepdim=True)
        else:
            last = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        ids = torch.cat([ids, last], dim=1)
    return ids
