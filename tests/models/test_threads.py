"""How many threads compute."""

from __future__ import annotations

import pytest
import tiny_models
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.models import threads


def test_threads_are_set_and_checked(monkeypatch) -> None:
    before, (target, _) = torch.get_num_threads(), tiny_models.tiny_pair("gpt2")
    try:
        assert threads.use_threads(3, target) == torch.get_num_threads() == 3
        assert threads.use_threads(None, target) == torch.get_num_threads() == 1  # a small model
        monkeypatch.setattr(threads, "SMALL_MODEL", 0)
        torch.set_num_threads(2)
        assert threads.use_threads(None, target) == 2  # a large one is left as torch chose
    finally:
        torch.set_num_threads(before)
    with pytest.raises(InvalidArgument, match="threads is 0"):
        threads.use_threads(0, target)
