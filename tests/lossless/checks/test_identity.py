"""What is compared: ids that differ are no ties unless rounding explains the gap of their logits."""

from __future__ import annotations

import pytest
import torch
from tiny_models import prompts, tiny_pair

from specdec_lib.lossless.checks import check_greedy
from specdec_lib.lossless.evidence.rounding import rounding_of
from specdec_lib.lossless.mutants.gallery import find_mutant
from specdec_lib.models.wrapper import ModelWrapper

pytestmark = pytest.mark.unchecked


def test_ties_of_half_precision_are_judged_by_their_gap():
    assert rounding_of(torch.float32, 20.0) < 1e-4 < rounding_of(torch.bfloat16, 20.0)
    half = [ModelWrapper(model.model.bfloat16()) for model in tiny_pair("llama")]
    decoder = find_mutant("library_token").build(*half, 3)
    check = check_greedy(decoder, prompts(4), 24, lambda line: None)
    assert check.passed and "ties within rounding" in check.says
