"""What was counted over rounds of speculation, whoever counted: a round drafts, accepts, and emits one more.

The names are vLLM's (``vllm:spec_decode_num_drafts`` and so on). What was not counted is None, and never
guessed here; what the other counts force is filled in. :mod:`specdec_lib.theory.dialects` turns counts into
what people call acceptance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, zip_longest
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import whole

MOST_POSITIONS = 4096
"""Draft tokens of a round beyond which a count is taken for a mistake."""
_COUNTS = (
    "num_drafts",
    "num_draft_tokens",
    "num_accepted_tokens",
    "num_rejections",
    "num_steps",
    "num_tokens",
    "num_texts",
)


@dataclass(frozen=True)
class Tally:
    """Counts over rounds; None is what nobody counted.

    Attributes:
        num_drafts: rounds that verified at least one draft token.
        num_draft_tokens, num_accepted_tokens: draft tokens verified, and of them accepted; no bonus.
        num_rejections: rounds that accepted fewer tokens than they drafted, and were not cut.
        num_steps: forwards of the target behind the prompt's own, with a draft or without.
        num_tokens: emitted, the prompt's own first token included where ``num_texts`` says of how many texts.
        num_texts: texts that ``num_tokens`` are of.
        k: draft tokens that a round asks for, and no round has more.
        accepted_at: entry i is the number of rounds that accepted position i, 0-based: unconditional counts.
        drafted_at: entry i is the number of rounds that drafted position i.
        outcomes: (drafted, accepted, was cut) of a round -> rounds, where each round was told.
    """

    num_drafts: int | None = None
    num_draft_tokens: int | None = None
    num_accepted_tokens: int | None = None
    num_rejections: int | None = None
    num_steps: int | None = None
    num_tokens: int | None = None
    num_texts: int | None = None
    k: int | None = None
    accepted_at: tuple[int, ...] | None = None
    drafted_at: tuple[int, ...] | None = None
    outcomes: Mapping[tuple[int, int, bool], int] | None = None

    def __post_init__(self) -> None:
        for name in _COUNTS:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole(getattr(self, name), name))
        if self.k is not None and whole(self.k, "k", minimum=1) > MOST_POSITIONS:
            raise InvalidArgument(f"k is {self.k}; a draft of a round has at most {MOST_POSITIONS} tokens")
        self._compare("num_accepted_tokens", "num_draft_tokens")
        self._compare("num_drafts", "num_draft_tokens")
        self._compare("num_rejections", "num_drafts")
        self._compare("num_drafts", "num_steps")
        self._check_positions()
        self._fill_in()

    def _compare(self, smaller: str, larger: str) -> None:
        low, high = getattr(self, smaller), getattr(self, larger)
        if low is not None and high is not None and low > high:
            raise InvalidArgument(f"{smaller} is {low}, above {larger}, which is {high}; check the counts")

    def _check_positions(self) -> None:
        counts, drafts = self.accepted_at, self.num_drafts
        for name in ("accepted_at", "drafted_at"):
            values = getattr(self, name)
            if values is not None:
                if len(values) > MOST_POSITIONS:
                    raise InvalidArgument(f"{name} has {len(values)} positions, above {MOST_POSITIONS}")
                object.__setattr__(self, name, tuple(whole(value, name) for value in values))
                if any(left < right for left, right in pairwise(values)):
                    raise InvalidArgument(f"{name} rises from one position to the next; check the counts")
        if counts and drafts is not None and counts[0] > drafts:
            raise InvalidArgument(f"position 0 was accepted {counts[0]} times in {drafts} drafts")
        if any(a > d for a, d in zip(counts or (), self.drafted_at or (), strict=False)):
            raise InvalidArgument("a position was accepted more often than drafted; check the counts")
        if counts is not None and self.num_accepted_tokens not in (None, sum(counts)):
            raise InvalidArgument(
                f"accepted_at adds up to {sum(counts)}, and num_accepted_tokens is "
                f"{self.num_accepted_tokens}; give counts of one moment"
            )

    def _fill_in(self) -> None:
        """What other counts force: drafts of one length have their last position in ``accepted_at``."""
        if self.num_accepted_tokens is None and self.accepted_at is not None:
            object.__setattr__(self, "num_accepted_tokens", sum(self.accepted_at))
        if self.has_one_length and self.num_drafts is not None and self.k is not None:
            if self.drafted_at is None:
                object.__setattr__(self, "drafted_at", (self.num_drafts,) * self.k)
            if self.num_rejections is None and self.accepted_at is not None:
                whole_drafts = self.accepted_at[self.k - 1] if len(self.accepted_at) >= self.k else 0
                object.__setattr__(self, "num_rejections", self.num_drafts - whole_drafts)

    @classmethod
    def of_rounds(cls, rounds: Iterable[tuple[int, int] | tuple[int, int, bool]], **more: Any) -> Tally:
        """The tally of rounds told one by one.

        Args:
            rounds: (accepted, drafted) of each, and whether an end cut what it emitted before a rejection
                could show. Rounds that drafted nothing count as steps alone.
            more: num_tokens, num_texts, k.

        Raises:
            InvalidArgument: a round accepts more than it drafted.
        """
        outcomes: Counter[tuple[int, int, bool]] = Counter()
        for accepted, drafted, *cut in rounds:
            if not 0 <= accepted <= drafted <= MOST_POSITIONS:
                raise InvalidArgument(f"a round cannot accept {accepted} of {drafted} draft tokens")
            outcomes[drafted, accepted, bool(cut and cut[0])] += 1
        judged = {outcome: n for outcome, n in outcomes.items() if outcome[0]}
        widest = max((drafted for drafted, _, _ in judged), default=0)
        at = [_rounds_beyond(((one[part], n) for one, n in judged.items()), widest) for part in (0, 1)]
        return cls(
            num_drafts=sum(judged.values()),
            num_draft_tokens=sum(at[0]),
            num_accepted_tokens=sum(at[1]),
            num_rejections=sum(n for (k, a, cut), n in judged.items() if a < k and not cut),
            num_steps=sum(outcomes.values()),
            drafted_at=at[0],
            accepted_at=at[1],
            outcomes=judged,
            **more,
        )

    @property
    def has_one_length(self) -> bool:
        """Whether every draft has k tokens: as many as k allows were drafted."""
        drafts, tokens = self.num_drafts, self.num_draft_tokens
        return None not in (drafts, tokens, self.k) and tokens == (drafts or 0) * (self.k or 0)

    @property
    def rejections_between(self) -> tuple[int, int] | None:
        """Least and most rounds that hold a rejection; None where positions do not bound them.

        A draft that ``k`` tokens are missing from was shorter: each of so many may have been accepted whole.
        """
        if self.num_rejections is not None:
            return self.num_rejections, self.num_rejections
        drafts, tokens, k, at = self.num_drafts, self.num_draft_tokens, self.k, self.accepted_at
        if drafts is None or tokens is None or k is None or at is None or tokens > drafts * k:
            return None
        not_all = drafts - (at[k - 1] if len(at) >= k else 0)
        return max(0, not_all - (drafts * k - tokens)), not_all

    @property
    def mean_length(self) -> float | None:
        """Draft tokens a draft."""
        if not self.num_drafts or self.num_draft_tokens is None:
            return None
        return self.num_draft_tokens / self.num_drafts

    @property
    def reached_at(self) -> tuple[int, ...] | None:
        """Entry i is the number of rounds that drafted position i and accepted all before it, and judged it.

        Known where each round was told, or where all drafts have one length.
        """
        told, drafts = self.accepted_at, self.num_drafts
        if self.outcomes is not None and told is not None and drafts is not None:
            ended: Counter[int] = (
                Counter()
            )  # all of the draft accepted, or cut: no verdict on the next position
            for (drafted, accepted, cut), n in self.outcomes.items():
                ended[accepted] += n * (cut or drafted == accepted)
            return tuple(n - ended[i] for i, n in enumerate((drafts, *told[:-1])[: len(told)]))
        if self.has_one_length and self.accepted_at is not None and self.num_drafts is not None:
            return (self.num_drafts, *self.accepted_at[:-1])
        return None

    @property
    def accepted_squares(self) -> int | None:
        """The sum over rounds of accepted²: position i adds 2 i + 1 to it."""
        if self.accepted_at is None:
            return None
        return sum((2 * i + 1) * n for i, n in enumerate(self.accepted_at))

    @classmethod
    def pooled(cls, tallies: Sequence[Tally]) -> Tally:
        """The tally of all of them together: a count that one of them lacks is None, and k where they differ.

        Raises:
            InvalidArgument: there are none.
        """
        if not tallies:
            raise InvalidArgument("a pool of no tallies; pass at least one")
        names = (*_COUNTS, "k", "accepted_at", "drafted_at", "outcomes")
        told = {name: [getattr(tally, name) for tally in tallies] for name in names}
        known = {name: values for name, values in told.items() if None not in values}
        counts: dict[str, Any] = {name: sum(known[name]) for name in _COUNTS if name in known}
        for name in ("accepted_at", "drafted_at"):
            if name in known:
                counts[name] = tuple(map(sum, zip_longest(*known[name], fillvalue=0)))
        if "outcomes" in known:
            outcomes: Counter[tuple[int, int, bool]] = Counter()
            for one in known["outcomes"]:
                outcomes.update(one)
            counts["outcomes"] = outcomes
        if len(set(told["k"])) == 1:
            counts["k"] = tallies[0].k
        return cls(**counts)


def _rounds_beyond(lengths: Iterable[tuple[int, int]], widest: int) -> tuple[int, ...]:
    """Entry i: of (length, rounds), the rounds whose length is above i."""
    counts = [0] * (widest + 1)
    for length, rounds in lengths:
        counts[length] += rounds
    return tuple(accumulate(reversed(counts[1:])))[::-1]
