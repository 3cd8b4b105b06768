"""Plans hold the quotient itself: nothing added to it, nothing rounded away."""

from __future__ import annotations

import pytest
import torch

from specdec_lib.decoding.rejection import plan_tokens, prefix_acceptance


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-6])
def test_thresholds_are_the_quotient_and_no_smoothed_one(scale):
    """Trap 10: an eps beside q is invisible to any number of samples, and plain where q is small."""
    p = torch.tensor([[0.2 * scale, 1 - 0.2 * scale], [0.5, 0.5]], dtype=torch.float64)
    q = torch.tensor([[0.8 * scale, 1 - 0.8 * scale]], dtype=torch.float64)
    for token, quotient in ((0, 0.25), (1, 1.0)):
        ids = torch.tensor([token])
        assert float(plan_tokens(p, q, ids).thresholds[0]) == pytest.approx(quotient, rel=1e-12)
        assert float(prefix_acceptance(p, q, ids)[1]) == pytest.approx(quotient, rel=1e-12)
