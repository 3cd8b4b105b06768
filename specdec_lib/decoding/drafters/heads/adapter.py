"""What is trained of an exit: from the hidden states of a middle layer to those that the last norm expects.

Behind the first N layers a model does not yet speak the language of its own head; a small map translates
(Belrose et al. 2023, the tuned lens). Here it is h ∘ s + B silu(A h / rms(h)): with B = 0 and s = 1, where
training starts, the exit is the untrained one. The target's norm and head behind it stay its own, which is
what keeps the head small: 2 · width · rank + width numbers, whatever the vocabulary.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class ExitAdapter(nn.Module):
    """Hidden states of one layer to those of the last one, roughly.

    Args:
        width: of the hidden states.
        rank: of what is added to them.
        seed: of A's first numbers; B begins as zeros.
    """

    def __init__(self, width: int, rank: int, seed: int = 0) -> None:
        super().__init__()
        self.width, self.rank = width, rank
        drawn = torch.randn(rank, width, generator=torch.Generator().manual_seed(seed))
        self.scale = nn.Parameter(torch.ones(width))
        self.inwards = nn.Parameter(drawn / width**0.5)
        self.outwards = nn.Parameter(torch.zeros(width, rank))

    def forward(self, states: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """The same shape and type; what is computed is computed in the adapter's own."""
        own = states.to(self.scale.dtype)
        inner = functional.silu(functional.linear(functional.rms_norm(own, (self.width,)), self.inwards))
        return (own * self.scale + functional.linear(inner, self.outwards)).to(states.dtype)
