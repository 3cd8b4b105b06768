"""What is said of a decoder whose law cannot be summed."""

from __future__ import annotations

_CANNOT = "exact law: {}"
NO_CHANCE = _CANNOT.format("bernoulli is asked for a probability of {:g}; the decoder is at fault")
NO_LAW = _CANNOT.format(
    "{} is asked for weights that sum to {:g}, which is no law; the decoder's logits are at fault"
)
NOT_REPEATABLE = _CANNOT.format(
    "replay {} was offered other probabilities for {} than an earlier one at the same place; the decoder "
    "keeps something from text to text, or draws from elsewhere; make it anew for each replay"
)
ENDED_EARLY = _CANNOT.format(
    "replay {} ended after {} choices, where an earlier one had more; the decoder keeps something from text "
    "to text, or draws from elsewhere; make it anew for each replay"
)
OTHER_OUTCOME = _CANNOT.format(
    "the same choices gave {} and then {}; the decoder keeps something from text to text, or draws from "
    "elsewhere; make it anew for each replay"
)
EMITTED = _CANNOT.format("emit() was called {} times in a replay; call it once, with what was emitted")
UNDECIDED_OUTCOME = _CANNOT.format("what comes out is a random number itself; emit what was chosen by it")
NO_KEY = "exact law: what comes out is a {}, which cannot be counted; emit token ids, as a list or a tensor"
ODD_LIMITS = "exact law: most_replays is {} and enough is {:g}; pass at least 1, and a mass from 0 to below 1"
_SAMPLE = "; count samples instead"
RACED_AGAIN = _CANNOT.format("random numbers that chose a token are used once more" + _SAMPLE)
NO_RACE = _CANNOT.format(
    "an argmax of random numbers that is neither Gumbel's nor a race of exponentials" + _SAMPLE
)
TWO_DRAWS = _CANNOT.format("two random numbers are {} with each other" + _SAMPLE)
EITHER_SIGN = _CANNOT.format("a logarithm or a quotient of a random number of either sign" + _SAMPLE)
TAKEN_OUT = _CANNOT.format("{} of a random number takes it out of torch; .item() can be followed")
NOT_FOLLOWED = _CANNOT.format("{} of random numbers is not followed" + _SAMPLE)
UNKNOWN_DRAW = _CANNOT.format("{} draws, and its outcomes cannot be listed" + _SAMPLE)
TOO_MANY = _CANNOT.format("{} has {} outcomes; up to {} can be listed" + _SAMPLE)
OTHER_MEMORY = _CANNOT.format(
    "random numbers are written into memory that is not torch's, such as a NumPy array's" + _SAMPLE
)
DREW_UNSEEN = _CANNOT.format(
    "something drew from torch's global generator where it cannot be seen, such as another thread" + _SAMPLE
)
DREW_ELSEWHERE = _CANNOT.format("what comes out depends on draws from {}'s global generator" + _SAMPLE)

NOT_ASCENDING = "searchsorted among values that are not ascending: sort them first"
