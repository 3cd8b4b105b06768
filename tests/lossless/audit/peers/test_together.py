"""Two engines work at the same time, and each answer is its own engine's to its own request."""

from __future__ import annotations

import threading

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import Answer, Request
from specdec_lib.lossless.audit.peers.together import asked_together


class Counting:
    """Answers with the seed and what it was asked for before."""

    def __init__(self, name, wait=None, tell=None):
        self.name, self.wait, self.tell, self.seeds = name, wait, tell, []

    def answer(self, request):
        if request.seed == 13:
            raise InvalidArgument("no such seed")
        if self.tell:
            self.tell.set()
        if self.wait:
            assert self.wait.wait(10), "the other was not asked meanwhile"
        self.seeds.append(request.seed)
        return Answer((request.seed,))


def test_the_first_is_answered_only_once_the_second_is_at_work():
    begun = threading.Event()
    first, second = Counting("first", wait=begun), Counting("second", tell=begun)
    with asked_together(first, second) as (one, other):
        for seed in (1, 2, 3):
            assert one.answer(Request(1, seed=seed)).ids == other.answer(Request(1, seed=seed)).ids == (seed,)
        assert (one.name, other.name) == ("first", "second")
    assert first.seeds == second.seeds == [1, 2, 3], "each is asked once"


def test_another_request_is_answered_as_it_stands():
    with asked_together(Counting("a"), Counting("b")) as (one, other):
        assert other.answer(Request(1, seed=5)).ids == (5,)
        one.answer(Request(1, seed=6))
        assert other.answer(Request(1, seed=7)).ids == (7,)
        assert other.answer(Request(1, seed=6)).ids == (6,)


def test_an_error_of_the_second_is_raised_where_it_is_asked():
    class Quiet(Counting):
        def answer(self, request):
            return Answer((0,))

    with asked_together(Quiet("a"), Counting("b")) as (one, other):
        assert one.answer(Request(1, seed=13)).ids == (0,)
        with pytest.raises(InvalidArgument, match="no such seed"):
            other.answer(Request(1, seed=13))
