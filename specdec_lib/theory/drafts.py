"""The speedup law for drafts of any kind: acceptance that depends on the place, one cost for the whole draft.

:mod:`specdec_lib.theory.speedup` takes one alpha for every place and charges every draft token alike. Heads
that guess all places at once pay once and get worse with the distance; a tree offers several tokens at a
place; a lookup costs nothing. Here a draft is what the law sees of it: a list of acceptances and a cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import positive, probability, quantity, whole
from specdec_lib.theory.speedup import expected_accepted, smallest_share, speedup


def tokens_along(alphas: Sequence[float]) -> float:
    """Tokens a round emits on average when place i accepts with ``alphas[i]``, given that it is reached.

    E[N] = 1 + a_1 + a_1 a_2 + … + a_1 ⋯ a_K, the correction or the bonus included. With equal entries this is
    :func:`~specdec_lib.theory.speedup.expected_tokens`. For a draft tree at temperature 0, ``alphas[i]`` is
    the chance that the target's choice is among the children which the tree holds at depth i + 1.
    ``tokens_along([0.5, 0.5])`` is 1.75.

    Raises:
        InvalidArgument: an entry outside [0, 1].
    """
    total = reached = 1.0
    for place, alpha in enumerate(alphas, start=1):
        reached *= probability(alpha, f"alphas[{place - 1}]")
        total += reached
    return total


def draft_speedup(alphas: Sequence[float], draft_cost: float, v: float = 1.0, overhead: float = 0.0) -> float:
    """Speed over autoregressive decoding, E[N] / (draft_cost + v + overhead).

    Args:
        alphas: acceptance of each place, given that it is reached; as many as there are draft tokens.
        draft_cost: the **whole** draft of a round in units of T_target(1): K c for K forwards in a row,
            c for one forward that fills all places, 0 for a lookup.
        v: T_target of the verification over T_target(1), for K + 1 tokens or for all nodes of a tree.
        overhead: everything else in a round, in the same unit.

    Raises:
        InvalidArgument: an alpha outside [0, 1]; a cost negative; v not positive.
    """
    cost = quantity(draft_cost, "draft_cost") + positive(v, "v") + quantity(overhead, "overhead")
    return tokens_along(alphas) / cost


def fading(alpha: float, keep: float, k: int) -> list[float]:
    """Acceptances alpha, alpha keep, alpha keep^2, …: a drafter that sees less of each further place.

    Raises:
        InvalidArgument: alpha or keep outside [0, 1]; k negative.
    """
    alpha, keep = probability(alpha, "alpha"), probability(keep, "keep")
    return [alpha * keep**place for place in range(whole(k, "k"))]


def break_even_keep(
    alpha: float,
    c: float,
    once: float,
    verify_slope: float = 0.0,
    overhead: float = 0.0,
    k_max: int = 16,
) -> float | None:
    """The smallest ``keep`` with which a parallel draft of cost ``once`` keeps up with a sequential one.

    Both start from the same alpha at the first place and each takes its own best K in 1..k_max. The
    sequential draft pays K c and keeps alpha; the parallel one pays ``once`` and fades (:func:`fading`). With
    v(K) = 1 + verify_slope K. None where even ``keep`` = 1 is too slow, 0.0 where a single place is enough.

    Raises:
        InvalidArgument: alpha outside [0, 1]; a cost negative; k_max < 1.
    """
    ks = range(1, whole(k_max, "k_max", minimum=1) + 1)
    slope, once = quantity(verify_slope, "verify_slope"), quantity(once, "once")
    wanted = max(speedup(alpha, k, c, 1.0 + slope * k, overhead) for k in ks)

    def best(keep: float) -> float:
        acceptances = fading(alpha, keep, k_max)
        return max(draft_speedup(acceptances[:k], once, 1.0 + slope * k, overhead) for k in ks)

    return smallest_share(lambda keep: best(keep) >= wanted)


def implied_round_cost(tokens_a_round: float, measured_speedup: float) -> float:
    """What a round cost, in units of T_target(1), from two numbers that papers print: E[N] / S.

    ``implied_round_cost(3.6, 2.0)`` is 1.8. It holds draft, verification and overhead together.

    Raises:
        InvalidArgument: fewer than one token a round, or a speedup that is not positive.
    """
    if quantity(tokens_a_round, "tokens_a_round") < 1.0:
        raise InvalidArgument(
            f"implied_round_cost: {tokens_a_round} tokens a round; every round emits at least one, "
            "so pass the count with the correction or the bonus"
        )
    return float(tokens_a_round) / positive(measured_speedup, "measured_speedup")


def accepted_by_law(alpha: float, drafted_per_draft: float) -> float:
    """Draft tokens accepted a draft by the geometric law, for a mean length that may be no whole number.

    Between two whole lengths it is the mixture of these that has the mean.

    Raises:
        InvalidArgument: alpha outside [0, 1]; a length negative or not finite.
    """
    shorter = int(quantity(drafted_per_draft, "drafted_per_draft"))
    part = drafted_per_draft - shorter
    return (1.0 - part) * expected_accepted(alpha, shorter) + part * expected_accepted(alpha, shorter + 1)


def alpha_of_mean(accepted_per_draft: float, drafted_per_draft: float) -> float:
    """The alpha of the geometric law under which drafts of that length accept so many tokens on average.

    Solves alpha + … + alpha^K = accepted; a length that is no whole number is a mixture of its neighbours.
    ``alpha_of_mean(1.5, 3)`` is about 0.68. It is 1 where all was accepted.

    Raises:
        InvalidArgument: no draft token a draft, or more accepted than drafted.
    """
    if not 0.0 <= accepted_per_draft <= drafted_per_draft or drafted_per_draft < 1.0:
        raise InvalidArgument(
            f"alpha_of_mean: {accepted_per_draft} accepted of {drafted_per_draft} drafted a draft; "
            "pass 0 <= accepted <= drafted, and at least one drafted"
        )
    found = smallest_share(lambda alpha: accepted_by_law(alpha, drafted_per_draft) >= accepted_per_draft)
    return 1.0 if found is None else found
