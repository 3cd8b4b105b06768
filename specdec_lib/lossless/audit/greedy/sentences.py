"""What a comparison of greedy texts says; templates are filled by ``format``, in their braces' order."""

from __future__ import annotations

# -- in a few characters ---------------------------------------------------------------------------

PARTED = "{} of {} part"
RATIO = "log ratio = {:+.1f}"
EXPECTED = "{} part beside ties, {:.2f} expected"
REPEATED = "{} of {} differ"

# -- what that says --------------------------------------------------------------------------------

SHARE_SAYS = "{} of the texts part, {} to {} with 95 % confidence"
GAPS_SAY = "rounding or a fault: how likely gaps as small as these are under either"
RATE_SAYS = "no more texts part than rounding makes part, by the noise between forwards of width 1 and {}"
NOISE_SAYS = (
    "The weights judge in {}: forwards of 1 and of {} tokens move two logits by {:.1e} against each other at "
    "most; an engine of another dtype has another noise."
)
CONTROL_SAYS = "the first engine, asked twice, gives the same text"

IDENTICAL = "{} and {} agree in all {} texts; with 95 % confidence, no more than {} of such texts part."
PART = "{} and {} part in {} of {} texts"
ROUNDING = (
    "{}, by rounding: the gaps there are {} times as likely as a fault's would be, and {} of them part where "
    "logits are not equal, as {:.2f} were expected to."
)
FAULT_IN_GAPS = (
    "{}, and rounding is no excuse: in prompt {}, token {}, a token is taken that is {:.3g} behind the best, "
    "where forwards of other widths move two logits by {:.1g} against each other at most."
)
FAULT_IN_RATE = (
    "{}, {} of them where logits are not equal, and rounding makes {:.2g} part there (p = {:.1g}): the gaps "
    "are small, and there are too many of them."
)
UNDECIDED = (
    "{}; whether by rounding or by a fault is not decided: the gaps are {:.2g} times as likely under "
    "rounding. More prompts, or longer texts, decide."
)
BY_DTYPE = (
    "{}: by rounding if an engine computes in {}, by a fault if both compute in {}: name it by --dtype."
)
NO_WEIGHTS = "{}; only the logits say whether by rounding or by a fault: give the weights."
OTHER_WEIGHTS = (
    "{}; in {} texts both write, before they part, what the weights given would not: they are other weights, "
    "other prompts, or another dtype."
)
UNSTEADY = (
    "{}, and {} parts from itself in {}: asking it twice suffices for that. Ask for one text at a time, or "
    "switch its caches off."
)

# -- why a check could not be asked ----------------------------------------------------------------

WHY_NO_WEIGHTS = "without the weights nothing says how close two tokens are; give them"
WHY_NO_PARTING = "no text parts"
WHY_OTHER_WEIGHTS = "the weights given do not write these texts"
WHY_UNSTEADY = "the first engine differs from itself"

# -- refusals --------------------------------------------------------------------------------------

NO_PROMPTS = "greedy: no prompts; pass at least one, each with a token"
OTHER_NUMBER = "greedy: {} recorded texts of {} for {} prompts; give one text a prompt"
NO_TOKENS = "greedy: {} and {} have not written a token; there is nothing to compare"
NO_IDS = (
    "greedy: {} tells no token ids, and no weights with a tokenizer are given to read its text; give them"
)
BAD_WIDTH = "greedy: k is {}; pass the draft length of the engine that speculates, 1 or more"
BAD_SLACK = "greedy: slack is {}; pass a number of 1 or more"
BAD_LEVEL = "greedy: level is {}; pass a number between 0 and 1"
TOO_LONG = "greedy: a text of {} tokens with its prompt, and {} sees {}; ask for fewer tokens"
FOREIGN_ID = "greedy: id {} in a text, and {} has ids up to {}; give the weights that wrote it"
