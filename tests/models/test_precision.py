"""A model in another dtype is a copy: rounded, with the same tokenizer, and the model keeps its own."""

from __future__ import annotations

import torch
from tiny_models import tiny_pair

from specdec_lib.models.precision import in_dtype


def test_a_twin_is_rounded_and_the_model_keeps_its_own_weights():
    model = tiny_pair("llama")[0]
    before = {name: weight.clone() for name, weight in model.model.named_parameters()}
    twin = in_dtype(model, "bfloat16")
    for name, weight in twin.model.named_parameters():
        assert torch.equal(weight, before[name].bfloat16()), name
    assert all(torch.equal(weight, before[name]) for name, weight in model.model.named_parameters())
    assert (model.dtype, twin.dtype) == (torch.float32, torch.bfloat16)
    assert twin.tokenizer is model.tokenizer


def test_a_model_that_has_the_dtype_is_returned_as_it_is():
    model = tiny_pair("llama")[0]
    assert in_dtype(model, torch.float32) is model
