"""The law of what a decoder emits, summed over replays of it.

One replay of a decoder is one way through its random choices. A deviation of one in a million shows in a few
hundred replays, where counting samples would take 10¹² of them. ::

    found = law_of(lambda: model.generate(prompt, do_sample=True, max_new_tokens=3)[0, n:].tolist())
    found.law[(4, 1, 2)], found.unvisited
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from specdec_lib.errors import InvalidArgument, NotRepeatable, Unfollowed
from specdec_lib.lossless.audit.branches import sentences
from specdec_lib.lossless.audit.branches.draws import Draw
from specdec_lib.lossless.audit.branches.interception import intercepted
from specdec_lib.lossless.audit.branches.tree import Path, ReplayTree

ENOUGH = 1e-9
"""Mass of unvisited branches at which replaying ends."""
_FIRST_DOUBTS, _DOUBTS = 16, 46
MOST_REPLAYS = 20_000
"""Replays after which it ends at the latest, unless more are asked for."""


@dataclass(frozen=True)
class ReplayedLaw:
    """The law of what came out, and what no replay has reached.

    Attributes:
        law: probability by outcome; a true probability lies between it and it + ``unvisited``.
        unvisited: mass of the branches not taken. num_replays: decodings. num_choices: of the longest.
    """

    law: Mapping[Any, float]
    unvisited: float
    num_replays: int
    num_choices: int

    def distance_to(self, law: Mapping[Any, float]) -> tuple[float, float]:
        """The least and the largest total variation from ``law`` that the unvisited mass leaves possible.

        With r(x) what was summed and u the rest, Σ max(r − p, 0) is the least: what is too much already stays
        too much; the rest can all go where it is too much, and adds u at most.
        """
        outcomes = self.law.keys() | law.keys()
        too_much = sum(max(self.law.get(one, 0.0) - law.get(one, 0.0), 0.0) for one in outcomes)
        return too_much, min(1.0, too_much + self.unvisited)


@dataclass
class Branches:
    """A context in which every random choice of a decoder is taken, replay by replay.

    ::

        with Branches() as branches:
            for _ in branches.replays():
                branches.emit(tuple(decode()))
        branches.result()
    """

    most_replays: int = MOST_REPLAYS
    enough: float = ENOUGH
    seconds: float | None = None
    report: Callable[[int, float], None] = lambda replays, unvisited: None
    _tree: ReplayTree = field(default_factory=ReplayTree)
    _emitted: list[Hashable] = field(default_factory=list)
    _running: Generator[int, None, None] | None = None
    _doubts: int = 0  # replays in which a generator outside torch moved

    def __post_init__(self) -> None:
        if self.most_replays < 1 or not 0 <= self.enough < 1:
            raise InvalidArgument(sentences.ODD_LIMITS.format(self.most_replays, self.enough))

    def __enter__(self) -> Branches:
        return self

    def __exit__(self, *error: object) -> None:
        """An error may have left a replay open, in which draws would still be taken."""
        if self._running is not None:
            self._running.close()

    def replays(self) -> Iterator[int]:
        """The number of each replay, inside which draws are taken; :meth:`emit` says what came out.

        The first is made twice, since a decoder that keeps something from text to text has no law, and so are
        some in which Python's or NumPy's global generator moved: what is drawn there must not matter.

        Raises:
            NotRepeatable: it decodes otherwise when it is asked the same again, or emitted nothing.
            Unfollowed: it draws, or uses what it drew, in a way that cannot be taken.
        """
        self._running = self._replays()
        return self._running

    def _replays(self) -> Generator[int, None, None]:
        began, tree = time.monotonic(), self._tree
        while not tree.is_done and tree.num_replays < self.most_replays and tree.unvisited > self.enough:
            if self.seconds is not None and tree.num_replays and time.monotonic() - began > self.seconds:
                return
            path = tree.next_path()
            with self._replay(path) as moved:
                yield tree.num_replays
            outcome = self._outcome()
            for _ in range(self._repeats(moved, path.depth)):
                again = path.again()
                with self._repeat(outcome, again, moved):
                    yield tree.num_replays
            path.end(outcome)
            self.report(tree.num_replays, tree.unvisited)

    def _repeats(self, moved: set[str], depth: int) -> int:
        """How often a replay is made again: the first once, and more often where there is reason to doubt."""
        is_first = self._tree.num_replays == 0
        if is_first and depth == 0:  # it draws nothing, or from a generator of its own
            return _FIRST_DOUBTS
        if not moved or self._doubts >= _DOUBTS:
            return int(is_first)
        repeats = _FIRST_DOUBTS if is_first else 1
        self._doubts += repeats
        return repeats

    @contextmanager
    def _replay(self, path: Path) -> Iterator[set[str]]:
        self._emitted.clear()
        with intercepted(path) as moved:
            yield moved

    @contextmanager
    def _repeat(self, outcome: Hashable, path: Path, moved: set[str]) -> Iterator[None]:
        """The same replay once more, in which the same has to come out.

        Raises:
            NotRepeatable, Unfollowed: it does not, and a generator outside torch moved in the latter case.
        """
        try:
            with self._replay(path):
                yield
            if self._outcome() != outcome or path.depth != len(path.told):
                raise NotRepeatable(sentences.OTHER_OUTCOME.format(outcome, self._outcome()))
        except NotRepeatable as error:
            if moved:
                raise Unfollowed(sentences.DREW_ELSEWHERE.format(" and ".join(sorted(moved)))) from error
            raise

    def emit(self, outcome: Hashable) -> None:
        """Say what the decoder has emitted in this replay; lists and tensors are taken as tuples."""
        self._emitted.append(_hashable(outcome))

    def result(self) -> ReplayedLaw:
        """What all replays so far amount to."""
        tree = self._tree
        return ReplayedLaw(dict(tree.law), tree.unvisited, tree.num_replays, tree.num_choices)

    def _outcome(self) -> Hashable:
        if len(self._emitted) != 1:
            raise NotRepeatable(sentences.EMITTED.format(len(self._emitted)))
        return self._emitted[0]


def law_of(
    decode: Callable[[], Any],
    *,
    most_replays: int = MOST_REPLAYS,
    enough: float = ENOUGH,
    seconds: float | None = None,
    report: Callable[[int, float], None] = lambda replays, unvisited: None,
) -> ReplayedLaw:
    """The law of what ``decode`` returns, over everything that it draws from torch.

    Args:
        decode: called once a replay; lists and tensors that it returns are taken as tuples.
        most_replays: ends after so many. enough: ends when less mass than this is unvisited.
        seconds: ends after so long; None for no limit.
        report: called after each replay with their number and the mass not visited.

    Raises:
        NotRepeatable: it keeps something from one call to the next.
        Unfollowed: it draws, or uses what it drew, in a way that cannot be taken.
    """
    with Branches(most_replays, enough, seconds, report) as branches:
        for _ in branches.replays():
            branches.emit(decode())
    return branches.result()


@dataclass(frozen=True)
class ReplayedDistance:
    """What so many replays have settled: total variation that is proved, and that is not excluded yet."""

    num_replays: int
    unvisited: float
    least: float
    largest: float


def distances_of(
    decode: Callable[[], Any], law: Mapping[Any, float], *, most_replays: int = MOST_REPLAYS
) -> list[ReplayedDistance]:
    """How the distance of ``decode``'s law from ``law`` closes in, replay by replay.

    The arguments, and what is raised, are those of :func:`law_of`; ``law`` is by outcome.
    """
    found: list[ReplayedDistance] = []

    def look(replays: int, unvisited: float) -> None:
        found.append(ReplayedDistance(replays, unvisited, *branches.result().distance_to(law)))

    with Branches(most_replays, report=look) as branches:
        for _ in branches.replays():
            branches.emit(decode())
    return found


def _hashable(outcome: Any) -> Hashable:
    """An outcome as it can be counted: lists, tensors and arrays as tuples.

    Raises:
        Unfollowed: some of it is not decided. InvalidArgument: it cannot be a key.
    """
    if isinstance(outcome, (Tensor, np.ndarray)):
        outcome = outcome.tolist()
    if isinstance(outcome, (list, tuple)):
        return tuple(_hashable(one) for one in outcome)
    if isinstance(outcome, Draw):
        raise Unfollowed(sentences.UNDECIDED_OUTCOME)
    if not isinstance(outcome, Hashable):
        raise InvalidArgument(sentences.NO_KEY.format(type(outcome).__name__))
    return outcome
