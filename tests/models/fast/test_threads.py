"""How many threads compute."""

from __future__ import annotations

import pytest
import tiny_models
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.fast import threads


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
    for many in (10**8, 2**70):  # a slip of the hand: torch ends in an error about memory, or in a TypeError
        with pytest.raises(InvalidArgument, match=rf"threads is {many}; pass 1 to {threads.MOST}"):
            threads.use_threads(many, target)


def test_more_threads_than_processors_are_said_in_one_line(monkeypatch, capfd) -> None:
    before, (target, _) = torch.get_num_threads(), tiny_models.tiny_pair("gpt2")
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    try:
        for asked, said in ((1, 0), (2, 0), (3, 1)):
            threads.use_threads(asked, target)
            told = capfd.readouterr()
            assert (told.out + told.err).count("threads share 2 processors") == said
    finally:
        torch.set_num_threads(before)


def test_the_environment_has_a_say_where_nobody_passes_a_number(monkeypatch) -> None:
    before, (target, _) = torch.get_num_threads(), tiny_models.tiny_pair("gpt2")
    try:
        monkeypatch.setenv("SPECDEC_THREADS", "2")
        assert threads.use_threads(None, target) == torch.get_num_threads() == 2
        assert threads.use_threads(1, target) == torch.get_num_threads() == 1, "who passes one is heard"
        monkeypatch.setenv("SPECDEC_THREADS", "")
        assert threads.use_threads(None, target) == 1
    finally:
        torch.set_num_threads(before)
    for wish in ("0", "two", "-1", "1.5", "²"):
        monkeypatch.setenv("SPECDEC_THREADS", wish)
        with pytest.raises(InvalidArgument, match=r"threads is 0|SPECDEC_THREADS is"):
            threads.use_threads(None, target)
