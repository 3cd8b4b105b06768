"""A suffix automaton: every run of tokens of a growing text, and where it ended last (Blumer et al. 1985).

A state stands for the runs that end at the same places. A token adds at most two states, and finding where
the last tokens stood before costs at most ``most`` steps, however often a text repeats itself: longer runs
are found as their last ``most`` tokens. What a token changed is kept, so that it can be taken back exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from specdec_lib.utils.numbers import whole_number

_ROOT, _NOWHERE = 0, -1
_Table = list[int] | dict[int, int]


class Match(NamedTuple):
    """``length`` tokens that ended before position ``end`` of a text; of length 0 where none did."""

    end: int
    length: int


class Cursor(NamedTuple):
    """The state of the last ``length`` tokens of some text."""

    state: int = _ROOT
    length: int = 0


class SuffixAutomaton:
    """The runs of a text that grows by a token at a time.

    Args:
        most: tokens of the longest run whose places are told apart.
        keeps_changes: whether tokens can be taken back.

    Attributes:
        ids: the text.
        match: where the longest of its last runs, up to ``most`` tokens, ended last before.
    """

    def __init__(self, most: int, keeps_changes: bool = True) -> None:
        self.most = whole_number(most, "suffix automaton: most", least=1)
        self.ids: list[int] = []
        self.match = Match(0, 0)
        self._next: list[dict[int, int]] = [{}]
        self._link, self._lengths, self._ends = [_NOWHERE], [0], [0]
        self._last, self._cursor = _ROOT, Cursor()
        self._keeps_changes = keeps_changes
        self._changes: list[tuple[_Table, int, int | None]] = []
        """A table, a place in it, and what stood there (None: nothing)."""
        self._marks: list[tuple[int, int, int, Cursor, Match]] = []
        """Before each token: how many changes and states there were, and all that is one value."""

    @property
    def num_states(self) -> int:
        """At most twice the tokens of the text."""
        return len(self._lengths)

    def append(self, token: int) -> None:
        """One more token."""
        if self._keeps_changes:
            mark = len(self._changes), self.num_states, self._last, self._cursor, self.match
            self._marks.append(mark)
        before = self._cursor
        self.ids.append(token)
        self._extend(token)
        self._cursor = self.moved(before, token)
        self._see()

    def take_back(self) -> None:
        """The text without its last token, and everything as it was before that came."""
        changes, states, self._last, self._cursor, self.match = self._marks.pop()
        self.ids.pop()
        while len(self._changes) > changes:
            table, place, value = self._changes.pop()
            if value is None:
                del table[place]
            else:
                table[place] = value
        for column in (self._next, self._link, self._lengths, self._ends):
            del column[states:]

    def moved(self, cursor: Cursor, token: int) -> Cursor:
        """The cursor of a text, this one's or another, once ``token`` has followed it.

        It holds the longest run, up to ``most`` tokens, at the end of that text which this one has.
        """
        state, length = self._lifted(cursor)
        while state != _NOWHERE and token not in self._next[state]:
            state = self._link[state]
            length = self._lengths[state] if state != _NOWHERE else 0
        if state == _NOWHERE:
            return Cursor()
        return self._lifted(Cursor(self._next[state][token], min(length + 1, self.most)))

    def newest(self, cursor: Cursor) -> Match:
        """Where the run of a cursor of another text ended last in this one."""
        return Match(self._ends[cursor.state], cursor.length)

    def _lifted(self, cursor: Cursor) -> Cursor:
        """The state to which a run of that length belongs: of the cursor's, or above it."""
        state, length = cursor
        while state != _ROOT and self._lengths[self._link[state]] >= length:
            state = self._link[state]
        return Cursor(state, length)

    def _see(self) -> None:
        """Find where the last tokens stood before, then note that all of their runs end here."""
        state, length = self._cursor
        if state == self._last:  # its runs are new
            state = self._link[state]
            length = self._lengths[state]
        self.match = Match(self._ends[state], length)
        while state != _ROOT:
            self._put(self._ends, state, len(self.ids))
            state = self._link[state]

    def _extend(self, token: int) -> None:
        """The states of the text with one more token, of which ``ids`` knows already."""
        new = self._added({}, _ROOT, len(self.ids), len(self.ids))
        state, self._last = self._last, new
        while state != _NOWHERE and token not in self._next[state]:
            self._put(self._next[state], token, new)
            state = self._link[state]
        if state == _NOWHERE:
            return
        following = self._next[state][token]
        if self._lengths[following] != self._lengths[state] + 1:
            following = self._split(state, token, following)
        self._link[new] = following

    def _split(self, state: int, token: int, whole: int) -> int:
        """Of the state ``whole`` the runs that now end at one more place than the others: a new state."""
        ends, link = self._ends[whole], self._link[whole]
        part = self._added(dict(self._next[whole]), link, self._lengths[state] + 1, ends)
        self._put(self._link, whole, part)
        while state != _NOWHERE and self._next[state].get(token) == whole:
            self._put(self._next[state], token, part)
            state = self._link[state]
        return part

    def _added(self, following: dict[int, int], link: int, length: int, end: int) -> int:
        self._next.append(following)
        self._link.append(link)
        self._lengths.append(length)
        self._ends.append(end)
        return self.num_states - 1

    def _put(self, table: _Table, place: int, value: int) -> None:
        if self._keeps_changes:
            old = table.get(place) if isinstance(table, dict) else table[place]
            self._changes.append((table, place, old))
        table[place] = value


def automaton_of(texts: Sequence[Sequence[int]], most: int, between: int = -1) -> SuffixAutomaton:
    """The runs of several texts, none of which goes beyond its own; ``between`` stands behind each."""
    automaton = SuffixAutomaton(most, keeps_changes=False)
    for text in texts:
        for token in (*text, between):
            automaton.append(token)
    return automaton
