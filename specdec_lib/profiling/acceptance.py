"""From per-round counts to acceptance: the histogram, alpha, and the rate at each position.

Every function takes ``accepted_per_round`` and ``drafted_per_round``, lists of one length with one entry a
round; pooling over runs is concatenating the lists, never averaging rates. They are plain functions of
integers, and :class:`specdec_lib.profiling.metrics.GenerationResult` derives its rates with them. Positions
are counted by :class:`specdec_lib.theory.tally.Tally`; what others call acceptance, with its intervals, is in
:mod:`specdec_lib.theory.dialects`.

All raise :class:`~specdec_lib.errors.InvalidArgument` where the lists differ in length, or a round accepts
more tokens than it drafted.
"""

from __future__ import annotations

from collections.abc import Sequence

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.speedup import estimate_alpha
from specdec_lib.theory.tally import Tally

Counts = Sequence[int]
"""One entry a round."""


def paired_rounds(accepted_per_round: Counts, drafted_per_round: Counts) -> list[tuple[int, int]]:
    """(accepted, drafted) of each round, checked."""
    if len(accepted_per_round) != len(drafted_per_round):
        raise InvalidArgument(
            f"a round has both counts: got {len(accepted_per_round)} accepted and {len(drafted_per_round)} "
            "drafted; pass lists of one length"
        )
    rounds = list(zip(accepted_per_round, drafted_per_round, strict=True))
    for index, (accepted, drafted) in enumerate(rounds):
        if not 0 <= accepted <= drafted:
            raise InvalidArgument(
                f"round {index} cannot accept {accepted} of {drafted} draft tokens; "
                "pass 0 <= accepted <= drafted"
            )
    return rounds


def round_tally(accepted_per_round: Counts, drafted_per_round: Counts) -> Tally:
    """The tally of the rounds, for :func:`~specdec_lib.theory.dialects.acceptances`."""
    return Tally.of_rounds(paired_rounds(accepted_per_round, drafted_per_round))


def rejecting_rounds(accepted_per_round: Counts, drafted_per_round: Counts) -> int:
    """Rounds that contain a rejection: those that accepted fewer tokens than they drafted.

    A round without draft tokens rejects nothing, and neither does one that accepted all of its draft and
    was then cut by an end of text, a stop string or the length.
    """
    rounds = paired_rounds(accepted_per_round, drafted_per_round)
    return sum(accepted < drafted for accepted, drafted in rounds)


def pooled_alpha_hat(accepted_per_round: Counts, drafted_per_round: Counts) -> float | None:
    """Maximum-likelihood alpha over rounds of any number of runs; None where no draft token was judged."""
    rejecting = rejecting_rounds(accepted_per_round, drafted_per_round)
    accepted = sum(accepted_per_round)
    return estimate_alpha(accepted, rejecting) if accepted + rejecting else None


def acceptance_histogram(accepted_per_round: Counts, drafted_per_round: Counts) -> list[int]:
    """Entry j is the number of rounds that accepted exactly j draft tokens; entries sum to the rounds.

    The list is as long as the widest draft plus one, so that a histogram of K = 4 has 5 entries even where
    no round accepted all; it is empty without rounds.
    """
    rounds = paired_rounds(accepted_per_round, drafted_per_round)
    counts = [0] * (max((drafted for _, drafted in rounds), default=-1) + 1)
    for accepted, _ in rounds:
        counts[accepted] += 1
    return counts


def unconditional_acceptance(accepted_per_round: Counts, drafted_per_round: Counts) -> list[float]:
    """Entry i: of the rounds that drafted position i (0-based), the share that accepted it.

    With drafts of one length this is the "per-position acceptance" of vLLM, which divides by all rounds.
    Under a constant alpha it is alpha^(i + 1).
    """
    tally = round_tally(accepted_per_round, drafted_per_round)
    pairs = zip(tally.accepted_at or (), tally.drafted_at or (), strict=True)
    return [accepted / drafted for accepted, drafted in pairs]


def conditional_acceptance(accepted_per_round: Counts, drafted_per_round: Counts) -> list[float | None]:
    """Entry i: of the rounds that reached position i (all before it accepted), the share that accepted it.

    Under a constant alpha every entry is alpha. None marks a position that no round reached.
    """
    tally = round_tally(accepted_per_round, drafted_per_round)
    pairs = zip(tally.accepted_at or (), tally.reached_at or (), strict=True)
    return [accepted / reached if reached else None for accepted, reached in pairs]
