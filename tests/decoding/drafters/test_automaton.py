"""A suffix automaton finds what a plain search finds, in linear space, and takes tokens back exactly."""

from __future__ import annotations

import copy
import random

import pytest

from specdec_lib.decoding.drafters.automaton import Cursor, Match, SuffixAutomaton, automaton_of
from specdec_lib.errors import InvalidArgument


def searched(ids: list[int], most: int) -> Match:
    """The longest suffix, up to ``most``, that ended before, at its newest place, by looking everywhere."""
    for length in range(min(most, len(ids) - 1), 0, -1):
        for end in range(len(ids) - 1, length - 1, -1):
            if ids[end - length : end] == ids[-length:]:
                return Match(end, length)
    return Match(0, 0)


def texts() -> list[list[int]]:
    """Random ones over few and many tokens, loops, and what looks like a loop."""
    rng = random.Random(4)
    random_ones = [[rng.randrange(vocab) for _ in range(60)] for vocab in (1, 2, 2, 3, 3, 5, 20)]
    return [*random_ones, [1, 2, 3] * 20, [1, 1, 2] * 12 + [1] * 12, list(range(60))]


def grown(ids: list[int], most: int) -> SuffixAutomaton:
    automaton = SuffixAutomaton(most)
    for token in ids:
        automaton.append(token)
    return automaton


@pytest.mark.parametrize("most", [1, 2, 5, 64])
@pytest.mark.parametrize("ids", texts(), ids=range(len(texts())))
def test_a_match_is_what_a_search_finds(ids, most):
    automaton = SuffixAutomaton(most)
    for end, token in enumerate(ids, start=1):
        automaton.append(token)
        found, wanted = automaton.match, searched(ids[:end], most)
        assert found.length == wanted.length
        assert found == wanted or found.length == 0
        assert automaton.num_states <= 2 * end


@pytest.mark.parametrize("ids", texts(), ids=range(len(texts())))
def test_what_is_taken_back_leaves_no_trace(ids):
    """Everything in it, after any number of tokens was taken back, is as if they had never come."""
    for kept in range(0, len(ids), 7):
        automaton = grown(ids, 5)
        for _ in ids[kept:]:
            automaton.take_back()
        assert vars(automaton) == vars(grown(ids[:kept], 5))
        for token in ids[::-1]:
            automaton.append(token)
        assert vars(automaton) == vars(grown(ids[:kept] + ids[::-1], 5))


def test_steps_of_a_token_do_not_grow_with_the_text(monkeypatch):
    """Changes of tables are counted: of a loop, the worst text there is, and of one without repetition."""
    counted = []
    put = SuffixAutomaton._put
    monkeypatch.setattr(SuffixAutomaton, "_put", lambda *given: counted.append(1) or put(*given))
    rng = random.Random(0)
    for ids in ([7] * 2000, [1, 2, 3, 4] * 500, [rng.randrange(400) for _ in range(2000)]):
        counts = []
        for half in (ids[:1000], ids):
            counted.clear()
            grown(half, 16)
            counts.append(len(counted))
        assert counts[1] <= 2.2 * counts[0] and counts[1] <= 20 * len(ids)


@pytest.mark.parametrize("seed", range(4))
def test_a_cursor_follows_another_text(seed):
    rng = random.Random(seed)
    corpus = [[rng.randrange(3) for _ in range(rng.randrange(1, 20))] for _ in range(4)]
    text = [rng.randrange(4) for _ in range(80)]
    automaton, cursor = automaton_of(corpus, 6), Cursor()
    for end, token in enumerate(text, start=1):
        cursor = automaton.moved(cursor, token)
        longest = max(
            size
            for size in range(min(6, end) + 1)
            if any(text[end - size : end] == one[i : i + size] for one in corpus for i in range(len(one) + 1))
        )
        assert cursor.length == longest
        found = automaton.newest(cursor)
        if longest:
            assert automaton.ids[found.end - longest : found.end] == text[end - longest : end]
            later = automaton.ids[found.end - longest + 1 :]
            run = text[end - longest : end]
            assert not any(later[i : i + longest] == run for i in range(len(later) - longest + 1))


def test_an_automaton_is_copied_whole():
    automaton = grown([1, 2, 1, 2, 1], 5)
    other = copy.deepcopy(automaton)
    other.append(3)
    assert automaton.match == Match(3, 3) and automaton.ids == [1, 2, 1, 2, 1]


def test_no_run_at_all_is_refused():
    with pytest.raises(InvalidArgument, match="most is 0"):
        SuffixAutomaton(0)
