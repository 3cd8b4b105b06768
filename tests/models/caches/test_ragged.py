"""Where the rows of a ragged cache write, what they show, and what becomes of rows that leave."""

from __future__ import annotations

import torch

from specdec_lib.models.caches.ragged import Places, RaggedCache

CPU = torch.device("cpu")


def test_rows_write_behind_their_own_end_and_padding_behind_that():
    places = Places(3, 10, CPU)
    assert places.prepare([3, 1, 2]).tolist() == [[0, 1, 2], [-1, -1, 0], [-1, 0, 1]]
    assert places.flat.view(3, 3).tolist() == [[0, 1, 2], [11, 12, 10], [22, 20, 21]]
    places.advance([3, 1, 2])
    assert places.prepare([1, 2, 0]).tolist() == [[-1, 3], [1, 2], [-1, -1]]
    assert places.flat.view(3, 2).tolist() == [[4, 3], [11, 12], [22, 23]]
    assert places.shown == 5 and places.lengths == [3, 1, 2]


def test_no_two_tokens_ever_share_a_place():
    places = Places(4, 8, CPU)
    for widths in ([5, 0, 2, 1], [1, 4, 4, 0], [0, 0, 1, 3]):
        places.prepare(widths)
        assert len(set(places.flat.tolist())) == 4 * max(widths)
        places.advance(widths)


def states(*rows: list[float]) -> torch.Tensor:
    """Keys of one head and one number a position, ``[rows, 1, width, 1]``."""
    return torch.tensor(rows)[:, None, :, None]


def test_what_is_shown_of_a_row_is_what_it_was_given():
    cache = RaggedCache(2, 2, 2, CPU)
    cache.places.prepare([2, 1])
    for layer in range(2):
        keys, values = cache.update(states([1.0, 2], [0, 5]), states([3.0, 4], [0, 6]), layer)
        assert keys[0, 0, :2, 0].tolist() == [1, 2] and keys[1, 0, 0, 0] == 5
        assert values[0, 0, :2, 0].tolist() == [3, 4] and values[1, 0, 0, 0] == 6
    cache.places.advance([2, 1])
    cache.truncate([1, 1])
    cache.keep([1])
    assert cache.lengths == [1] and cache.get_seq_length() == 1
    cache.places.prepare([1])
    keys, _ = cache.update(states([7.0]), states([8.0]), 0)
    assert keys[0, 0, :, 0].tolist() == [5, 7]


def test_room_to_spare_is_zero_and_never_what_memory_held():
    cache = RaggedCache(1, 2, 16, CPU)
    cache.places.prepare([3, 1])
    keys, _ = cache.update(states([1.0, 2, 3], [0, 0, 9]), states([1.0, 2, 3], [0, 0, 9]), 0)
    assert keys.isfinite().all() and cache.memory_mb == 2 * 2 * 16 * 4 / 2**20
