"""Where the rows of a ragged cache write, what they show, and what becomes of rows that leave."""

from __future__ import annotations

import torch

from specdec_lib.models.caches.ragged import Places, RaggedCache

CPU = torch.device("cpu")


def test_rows_write_behind_their_own_end_and_padding_to_the_last_place():
    places = Places(3, 9, CPU)
    assert places.prepare([3, 1, 2]).tolist() == [[0, 1, 2], [-1, -1, 0], [-1, 0, 1]]
    assert places.flat.view(3, 3).tolist() == [[0, 1, 2], [19, 19, 10], [29, 20, 21]]
    places.advance([3, 1, 2])
    assert places.prepare([1, 2, 0]).tolist() == [[-1, 3], [1, 2], [-1, -1]]
    assert places.flat.view(3, 2).tolist() == [[9, 3], [11, 12], [29, 29]]
    assert places.shown == 4 and places.lengths == [3, 1, 2]


def test_no_two_tokens_ever_share_a_place_and_padding_is_never_shown():
    places = Places(4, 8, CPU)
    for widths in ([5, 0, 2, 1], [1, 4, 4, 0], [0, 0, 1, 3]):
        told, flat = places.prepare(widths).flatten(), places.flat
        assert len(set(flat[told >= 0].tolist())) == sum(widths)
        assert (flat[told >= 0] % places.capacity < places.shown).all()
        assert (flat[told < 0] % places.capacity >= places.shown).all()
        places.advance(widths)


def test_room_for_the_longest_text_is_enough_for_any_forward():
    """The longest row has one token to go while another is fed seven: what pads it takes no room."""
    places = Places(2, 20, CPU, most=20)
    for widths in ([19, 3], [0, 7], [1, 7]):
        places.prepare(widths)
        places.advance(widths)
        assert places.capacity == 21
    assert places.lengths == [20, 17]


def test_buffers_grow_no_further_than_the_longest_text():
    places, free = Places(1, 64, CPU, most=150), Places(1, 64, CPU)
    for end, ahead, doubled in ((64, 64, 64), (65, 128, 128), (129, 150, 192), (151, 151, 192)):
        for each, room in ((places, ahead), (free, doubled)):
            each.prepare([end - each.lengths[0]])
            each.advance([end - each.lengths[0]])
            assert each.capacity == room + 1


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
    assert keys.isfinite().all() and cache.memory_mb == 2 * 2 * (16 + 1) * 4 / 2**20


def test_what_padded_a_row_is_not_taken_along():
    """A larger buffer shows the place where padding lay before."""
    cache = RaggedCache(1, 2, 3, CPU)
    cache.places.prepare([3, 1])
    cache.update(states([1.0, 2, 3], [9, 9, 5]), states([1.0, 2, 3], [9, 9, 5]), 0)
    cache.places.advance([3, 1])
    cache.places.prepare([70, 0])
    fed = states([6.0] * 70, [9.0] * 70)
    keys, values = cache.update(fed, fed, 0)
    assert keys.shape[2] == 73 and 9 not in keys and 9 not in values
