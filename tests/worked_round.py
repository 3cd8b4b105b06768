"""The worked round on five words: what the draft said, what the target said, and what was drafted."""

from __future__ import annotations

import torch

WORDS = ["the", "cat", "sat", "on", "mat"]
THE, CAT, SAT, ON, MAT = range(5)
DRAFT = torch.tensor(
    [
        [0.08, 0.05, 0.70, 0.12, 0.05],
        [0.08, 0.05, 0.04, 0.75, 0.08],
        [0.06, 0.03, 0.05, 0.05, 0.81],
        [0.09, 0.04, 0.04, 0.06, 0.77],
    ]
)
TARGET = torch.tensor(
    [
        [0.06, 0.04, 0.75, 0.10, 0.05],
        [0.05, 0.04, 0.03, 0.80, 0.08],
        [0.10, 0.05, 0.05, 0.30, 0.50],
        [0.03, 0.02, 0.02, 0.04, 0.89],
        [0.88, 0.04, 0.03, 0.03, 0.02],
    ]
)
DRAFTED = torch.tensor([SAT, ON, MAT, THE])
