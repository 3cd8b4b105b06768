"""Every sentence of a proof: numbers in, words out.

Templates are filled by ``format``, in the order of their braces; what depends on its numbers is a function.
"""

from __future__ import annotations

from collections.abc import Sequence

from specdec_lib.utils.numbers import counted, percent

# -- what a check saw, in a few characters --------------------------------------------------------

NOTHING_SEEN = "–"
BROKE = "it broke"
DIFFERENCE = "|Δ| = {:.1e}"
CHI_SQUARE = "χ²({}) = {:.1f}"
DISTANCE = "seen {:.3f}"
WRONG_ENDS = "{} of {} wrong"
WITH_P_VALUE = "{}, p = {:.1e}"


def seen_uniformity(statistic: float, impossible: int) -> str:
    """The statistic of Kolmogorov and Smirnov, and tokens that the target cannot emit."""
    return f"KS = {statistic:.4f}" + (f", {impossible} impossible" if impossible else "")


def seen_accepted(accepted: float, expected: float, short: int) -> str:
    """Accepted tokens a round, of those expected, and drafts of fewer tokens than were of use."""
    return f"{accepted:.3f} of {expected:.3f}" + (f", {short} short drafts" if short else "")


def seen_differing(differing: int, texts: int, ties: int) -> str:
    """Texts that differ from the baseline's, and those whose difference is a tie."""
    return f"{differing} of {texts} differ" + (f", {ties} tied" if ties else "")


# -- what that says -------------------------------------------------------------------------------

TABLES_SAY = "the rule, every draft and verdict of {} small worlds summed: the law is the target's"
SMALL_LAW_SAYS = "the rule, {} tokens on the pair's own laws, every draft and verdict summed"
ONE_POSITION_SAYS = "the rule: accepted mass and residual mass add up to p, for {}"
ALL_TOKENS, LIKELIEST_TOKENS = "all {} tokens", "the {} likeliest tokens"
JOINT_LAW_SAYS = "{} tokens at once, against their exact probabilities"
DISTANCE_SAYS = "no event of {} tokens behind this prompt is off by more, with {}"
UNIFORMITY_SAYS = "each token has its law given all before it: any prompt, the whole vocabulary, real caches"
INDEPENDENCE_SAYS = "no round of a text knows the dice of another"
EFFICIENCY_SAYS = "nothing is wasted: draft tokens accepted a round, of those that the two laws allow"
GREEDY_SAYS = "temperature 0: the baseline's ids"
GREEDY_SAYS_BUT_FOR_TIES = GREEDY_SAYS + ", but for ties within rounding"
ENDINGS_SAY = "a text ends at the first end there is, and its counts too"
CACHES_SAY = "a rolled-back cache answers as no cache does; forwards of other widths differ by {:.1e}"
BREAKING_SAYS = "{} where text should be: {}"
SEES = "sees: the smallest deviation that would be rejected with 99 % probability"

# -- what is wrong with where a text ends ----------------------------------------------------------

TOKENS_ARE_WRONG = "{} tokens where {} are right ({})"
REASON_IS_WRONG = "the reason is {}, not {}"
CUT_LATENCIES = "latencies of tokens that were cut"
CUT_COUNTS = "counts of tokens that were cut"
BEYOND_CONTEXT = "{} tokens were looked at in a context of {}"
MORE_THAN_ASKED = "more tokens than asked for"
END_IN_THE_MIDDLE = "an end of text in the middle"
STOP_IN_THE_MIDDLE = "a stop string in the middle"
NOT_THE_LIMIT = "a length that is not the limit"
END_WITHOUT_TOKEN = "no end of text at its end"
END_THAT_ENDS_NOTHING = "an end of text that did not end it"
LATENCY_WITHOUT_TOKEN = "a latency without a token"

# -- why a check could not be asked ---------------------------------------------------------------

NOT_ASKED = "not applicable: {}: {}"
REJECTED = "rejected: {}: {}"
NOT_MET = "not met, which convicts nobody here: {}: {}"
WHY_DICE = "the decoder throws dice of its own: its rule can be sampled, not summed"
WHY_DICE_OF_A_MUTANT = "it throws dice, and can only be sampled"
WHY_DRAWN = "the drafter draws by chance: its drafts cannot be listed, and are sampled below"
WHY_NO_PROPOSAL = "the drafter proposed nothing behind these prompts"
_WHY_BROAD = "the {} finds too many tokens alike for a cut to the likeliest: {}"
WHY_BROAD_TARGET = _WHY_BROAD.format("target", "it cannot be counted")
WHY_BROAD_DRAFT = _WHY_BROAD.format("draft", "its drafts cannot be listed, and are sampled below")
WHY_FEW_ROUNDS = "{} rounds in {} texts: no dependence would show in so few"


def why_few_drafts(drafted: int, least: int) -> str:
    """Too few rounds with a draft for counts to say anything."""
    return f"{counted(drafted, 'round')} had a draft; counts say something from {least} rounds on"


def why_blind(rounds: int, catches: float, expected: float) -> str:
    """Counts say nothing where a draft of which nothing is accepted would pass too."""
    return (
        f"{counted(rounds, 'round')} show a lack of {catches:.3f} accepted tokens a round or "
        f"more, and the two laws allow {expected:.3f} in all; longer texts, or more, see smaller ones"
    )


# -- verdicts: of a pair, of a mutant, of the gallery ---------------------------------------------

EXACT = "{} is exact, as far as {} checks can see{}."
WASTES = "{} wastes its draft: {} rejected. Its output passed the other {} checks."
NOT_EXACT = "{} is not exact: {} rejected."


def joint_power(catches: float, bound: float, confidence: float) -> str:
    """What the counted laws would have shown."""
    return (
        f": behind one prompt, a joint law that is off by {catches:.3f} in total variation, over the cells"
        " counted, would have been rejected with 99 % probability, and no event of that law is off by more"
        f" than {bound:.3f} with {percent(confidence, 2)} confidence"
    )


def mutant_unseen(name: str, needs: str, killed_by: str) -> str:
    """A mutant that no row rejected: never that it is right. ``needs`` is what its mistake takes to show."""
    seen_by = f"--mutants runs the trial that kills it ({killed_by})"
    if needs:
        return f"{name}: its mistake needs {needs} to show, which is not tried here; {seen_by}"
    return f"{name}: its mistake was not seen here; more --samples or --prompts may show it, and {seen_by}"


def gallery_says(mutants: Sequence[bool], controls: Sequence[bool], num_seeds: int) -> str:
    """How many mutants died, and how many controls survived."""
    died = f"{sum(mutants)} of {len(mutants)} mutants died"
    over = f"over {num_seeds} seeds" if num_seeds > 1 else "with this seed"
    return f"{died} and {sum(controls)} of {len(controls)} controls survived, {over}."
