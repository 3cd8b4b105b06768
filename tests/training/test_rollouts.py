"""Rollouts are the corpus's windows, gone on with by the target."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from models.architectures import VOCAB, TakesCache, TakesPastKeyValues, llama_config

from specdec_lib.training.rollouts import write_rollouts


@pytest.mark.parametrize("kind", [TakesPastKeyValues, TakesCache])
def test_each_row_is_a_window_and_what_the_target_says_behind_it(kind):
    """Greedy, so that one forward over a row shows it; in bfloat16, so that a near tie may fall otherwise."""
    torch.manual_seed(0)
    target = kind(llama_config()).eval()
    stream = np.random.default_rng(1).integers(0, VOCAB, size=50).astype(np.uint16)
    rows = write_rollouts(target, stream, 3, 4, 9, (0.0,), seed=0, report=lambda *_: None)
    assert rows.shape == (3, 10) and rows.dtype == np.uint16
    windows = [stream[at : at + 4].tolist() for at in range(46)]
    assert all(row[:4].tolist() in windows for row in rows)
    with torch.inference_mode():
        logits = target(torch.from_numpy(rows.astype(np.int64)), use_cache=False).logits
    chosen = logits[:, 3:-1].gather(-1, torch.from_numpy(rows[:, 4:, None].astype(np.int64)))[..., 0]
    assert (logits[:, 3:-1].amax(-1) - chosen).max() < 0.1
