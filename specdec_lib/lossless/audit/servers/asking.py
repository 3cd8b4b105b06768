"""Many requests to an engine that answers several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from threading import Event

from specdec_lib.errors import InvalidArgument, ServerFailed, ServerUnavailable
from specdec_lib.lossless.audit.engines import Answer, AskedEngine, EngineRequest
from specdec_lib.lossless.audit.servers import sentences
from specdec_lib.utils.numbers import whole_number


def ask_all(
    engine: AskedEngine,
    requests: Sequence[EngineRequest],
    at_once: int = 4,
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> list[Answer]:
    """The answers in the order of the requests.

    The first failure ends it: what has not been sent is not sent any more, and its message names the request.
    So does an interruption from the keyboard.

    Args:
        at_once: requests under way; a server of four slots is busy with four.
        progress: called here with (done, all) after each answer.

    Raises:
        InvalidArgument, ServerUnavailable, ServerFailed: as the engine's ``answer``.
    """
    at_once = whole_number(at_once, "ask all: at_once", least=1)
    enough = Event()

    def answer(request: EngineRequest) -> Answer | None:
        if enough.is_set():
            return None
        try:
            return engine.answer(request)
        except BaseException:
            enough.set()
            raise

    answers: dict[int, Answer] = {}
    with ThreadPoolExecutor(at_once, thread_name_prefix="asking") as pool:
        try:
            places = {pool.submit(answer, request): place for place, request in enumerate(requests)}
            for future in as_completed(places):
                if (came := _answer_of(future, places[future], len(requests))) is not None:
                    answers[places[future]] = came
                    progress(len(answers), len(requests))
        finally:
            enough.set()
            pool.shutdown(wait=False, cancel_futures=True)
    return [answers[place] for place in range(len(requests))]


def ask_side_by_side(
    control: AskedEngine, engine: AskedEngine, requests: Sequence[EngineRequest], at_once: int = 4
) -> tuple[list[Answer], list[Answer]]:
    """The answers of both, ``at_once`` of each under way; where each is a server of its own, neither waits.

    Raises:
        InvalidArgument, ServerUnavailable, ServerFailed: as ``ask_all``; the control's comes first.
    """
    with ThreadPoolExecutor(2, thread_name_prefix="asking-both") as pool:
        both = [pool.submit(ask_all, one, requests, at_once) for one in (control, engine)]
        theirs, ours = (one.result() for one in both)
    return theirs, ours


def _answer_of(future: Future[Answer | None], place: int, number: int) -> Answer | None:
    try:
        return future.result()
    except ServerFailed as error:
        said = sentences.REQUEST_FAILED.format(place + 1, number, error)
        raise ServerFailed(said, error.status) from error
    except (ServerUnavailable, InvalidArgument) as error:
        raise type(error)(sentences.REQUEST_FAILED.format(place + 1, number, error)) from error
