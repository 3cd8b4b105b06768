"""Where training starts an adapter changes nothing, and what it computes is what its docstring says."""

from __future__ import annotations

import torch

from specdec_lib.decoding.drafters.heads.adapter import ExitAdapter


def test_it_starts_as_the_identity():
    states = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ExitAdapter(8, 4)(states), states)


def test_it_adds_a_map_of_low_rank_to_scaled_states():
    adapter = ExitAdapter(8, 4, seed=3)
    torch.nn.init.normal_(adapter.outwards)
    torch.nn.init.normal_(adapter.scale)
    states = torch.randn(5, 8)
    normed = states / states.pow(2).mean(-1, keepdim=True).add(torch.finfo(torch.float32).eps).sqrt()
    inner = normed @ adapter.inwards.T
    expected = states * adapter.scale + (inner * inner.sigmoid()) @ adapter.outwards.T
    assert torch.allclose(adapter(states), expected, atol=1e-5)


def test_it_answers_in_the_type_of_the_states():
    assert ExitAdapter(8, 4)(torch.ones(1, 8, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert torch.equal(ExitAdapter(8, 4, seed=1).inwards, ExitAdapter(8, 4, seed=1).inwards)
