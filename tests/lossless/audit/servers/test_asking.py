"""Many requests at once: answers in order, progress, and a failure that names its request."""

from __future__ import annotations

import threading

import pytest
from table_server import TableServer, serving

from specdec_lib.errors import InvalidArgument, ServerFailed, ServerUnavailable
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.servers.asking import ask_all
from specdec_lib.lossless.audit.servers.opening import open_server
from specdec_lib.lossless.laws.table_model import TableModel


class Echo:
    """Answers with the seed; one seed fails."""

    name = "echo"

    def __init__(self, fails: int = -1, error: Exception | None = None) -> None:
        self.fails, self.error, self.asked = fails, error, 0

    def answer(self, request: EngineRequest) -> Answer:
        self.asked += 1
        if request.seed == self.fails:
            raise self.error or AssertionError
        return Answer((request.seed,))


def requests(number: int) -> list[EngineRequest]:
    return [EngineRequest(1, (1,), seed=seed) for seed in range(number)]


def test_answers_come_in_the_order_of_their_requests_and_progress_counts_up():
    seen: list[tuple[int, int]] = []
    answers = ask_all(Echo(), requests(50), at_once=8, progress=lambda *at: seen.append(at))
    assert [answer.ids for answer in answers] == [(seed,) for seed in range(50)]
    assert seen == [(done, 50) for done in range(1, 51)]
    assert ask_all(Echo(), []) == []


@pytest.mark.parametrize("error", [ServerFailed("no", 503), ServerUnavailable("no"), InvalidArgument("no")])
def test_a_failure_names_its_request_and_ends_the_rest(error):
    engine = Echo(3, error)
    with pytest.raises(type(error), match=r"^request 4 of 50: no$") as raised:
        ask_all(engine, requests(50), at_once=1)
    assert getattr(raised.value, "status", 503) == 503
    assert engine.asked == 4


def test_as_many_are_under_way_as_asked_for():
    together = threading.Barrier(4, timeout=20)

    class Waiting(Echo):
        def answer(self, request: EngineRequest) -> Answer:
            together.wait()  # breaks unless four threads come here
            return super().answer(request)

    assert len(ask_all(Waiting(), requests(8), at_once=4)) == 8
    with pytest.raises(InvalidArgument, match="at_once"):
        ask_all(Echo(), requests(2), at_once=0)


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        ask_all(Echo(1, ZeroDivisionError()), requests(3))


def test_a_servers_answers_are_those_that_it_gives_one_by_one():
    with serving(TableServer(TableModel.random(6, seed=1))) as table, open_server(table.url) as server:
        asked = [EngineRequest(3, (1, 2), seed=seed) for seed in range(60)]
        assert server.answers(asked, at_once=6) == [server.answer(request) for request in asked]
