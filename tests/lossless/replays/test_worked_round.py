"""The worked round as data: the book's numbers, and each ending as its random numbers decide it."""

from __future__ import annotations

import pytest
import torch
from worked_round import DRAFT, DRAFTED, TARGET, WORDS

from specdec_lib.lossless.replays import worked_round


def test_the_numbers_are_those_of_the_book():
    target, draft = worked_round.worked_laws()
    assert torch.equal(target, TARGET) and torch.equal(draft, DRAFT)
    assert list(worked_round.WORDS) == WORDS and list(worked_round.DRAFT_IDS) == DRAFTED.tolist()


@pytest.mark.parametrize(
    ("uniforms", "accepted", "last"),
    [
        ([0.43, 0.61, 0.73, 0.50], 2, "on"),
        ([0.43, 0.61, 0.25, 0.50], 3, "mat"),
        ([0.43, 0.61, 0.25, 0.20], 4, "the"),
    ],
)
def test_an_ending_is_what_its_random_numbers_make_of_the_draft(uniforms, accepted, last):
    places = torch.arange(4)
    stays = torch.tensor(uniforms) < TARGET[places, DRAFTED] / DRAFT[places, DRAFTED]
    (told,) = worked_round.worked_ending(uniforms, accepted, last).rounds
    assert told.num_accepted == accepted == int(stays.int().cumprod(0).sum())
    assert told.following.token == last and told.following.kind == ("bonus" if accepted == 4 else "corrected")
    assert told.target_cache == [1, 6, 2 + accepted] and told.draft_cache[-1] == min(2 + accepted, 5)
