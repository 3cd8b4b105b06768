"""Every sentence of a counted audit: numbers in, words out. Templates are filled by ``format``."""

from __future__ import annotations

from specdec_lib.utils.numbers import counted, percent

# -- while it runs --------------------------------------------------------------------------------

READING_THE_LAW = "reading the law: {} prefixes, {:.3f} of its mass"
COUNTING = "{} of {} answers of {} and of its control"

# -- what is refused ------------------------------------------------------------------------------

NO_LAW_TO_COUNT = (
    "audit: temperature {:g} and {} tokens; a law to count needs a temperature above 0 and at least one "
    "token (texts at temperature 0 are compared, not counted)"
)
NO_TABLE = (
    "audit: behind {} the law came as no table of probabilities (they sum to {:g}); a NextLaw returns "
    "a probability by token id, with None for the end, and at most 1 in all"
)
NO_PROMPT_IDS = "audit: the law of {} is read behind ids, and the request has none; give it prompt_ids"
NO_REQUESTS = "audit: no request; pass at least one"
ODD_LENGTHS = "audit: requests of {} tokens; pass requests of one length"
ODD_NUMBERS = "audit: {} samples at level {}; pass {} to {}, and a level between 0 and 1"
WRITE_MODULE_AND_CALLABLE = "audit: {!r} names no function; write module:callable, as in mine:generate"
NOT_FOUND = "audit: {} cannot be used: {}"
CANNOT_BE_CALLED = "audit: {} is a {}, which cannot be called; name a function of (prompt_ids, num_tokens)"
TAKES_TOO_LITTLE = "audit: {} does not take a prompt and a number of tokens; write f(prompt_ids, num_tokens)"
RAISED = "audit: {} raised {}"
PROMPT_CAME_BACK = (
    "audit: {} returned {} ids that begin with the prompt; return the new ids alone, without the prompt"
)
NO_IDS = (
    "audit: {} returned {}; return the new ids as a list, an array or a tensor of whole numbers, or a text"
)

# -- what a check saw, and what that says ----------------------------------------------------------

CHI_SQUARE = "χ²({}) = {:.1f}"
DISTANCE = "seen {:.3f}"
UNIFORMITY = "KS = {:.4f}"
EQUAL = "{} of {} equal the one {} before, {:.0f} expected"
DISTINCT = "{} different of {}"
WRONG_LENGTHS = "{} of {} wrong"
CONTROL = "control"
JOINT_LAW_SAYS = "{} tokens at once, against the law that is told for {} of its mass"
TWO_SAMPLES_SAYS = "{} tokens at once, against plain decoding with the same seeds"
DISTANCE_SAYS = "no event of these cells is off by more, with {}"
TOKEN_SAYS = "the token at place {} alone"
UNIFORMITY_SAYS = "each token has its law given all before it, rare ones too"
ORDER_SAYS = "no answer knows those before it"
DISTINCT_SAYS = "seeds differ, and so do answers: {:.0f} different ones are expected"
LENGTHS_SAY = "no text has too many tokens, or too few without an end"

# -- why a check could not be asked ---------------------------------------------------------------

WHY_NO_LAW = "nobody tells the law of this engine"
WHY_NO_TOKENIZER = "the law is of ids, and only texts came: name the model that wrote them (--target)"
WHY_TEXTS = (
    "the law is of ids, and only texts came; {:.1g} of it is not listed, and may be written alike: have it "
    "cut (--top-k), or ask for fewer tokens (-n), so that all of it is listed"
)
WHY_NO_IDS = "the engine tells no ids"
WHY_NO_TOKENS = "no token came behind a prefix whose law was told"
WHY_ONE_CELL = "too few answers to tell two outcomes apart"

# -- why an audit could not be asked ---------------------------------------------------------------

THE_CONTROL = "the control, plain decoding,"
CONTROL_FAILS = "{} fails the law that was told ({}): some warper is on, or the law is another's"
CONTROL_DOUBTFUL = (
    "the control, plain decoding, hardly keeps the law that was told (p = {:.1e}), and {} does not differ "
    "from it: more answers, another --seed, or a law that is surely this engine's, will tell"
)
CONTROL_LENGTHS = "{} gives texts of wrong lengths ({})"
DEPENDENT = "{} gives answers that depend on each other ({}): it remembers, or its draws are not independent"
REPEATED = "{} repeats its answers ({}): its seed is fixed, or it samples at temperature 0"
WHY_POWERLESS = "{} was asked {} times, and no deviation would have shown in so few, or in a law so narrow"
FEW = "{} of each: too few to say anything"
NEVER_DRAFTED = "{} has not drafted a token: there is no speculation to audit"

# -- verdicts -------------------------------------------------------------------------------------

EXACT = "{} is exact as far as seen: {}."
NOT_EXACT = "{} is not exact: {} rejected; {} with {} confidence."
NOT_ASKABLE = "{} could not be audited: {}."


_SMALLEST = 0.0005


def few_answers(number: int) -> str:
    """Too few answers."""
    return FEW.format(counted(number, "answer"))


def cut_short(ended: str, number: int) -> str:
    """That fewer answers were counted than were asked for, where that is so."""
    why = {"deadline": "Its time was up", "interrupted": "It was interrupted"}.get(ended)
    return "" if why is None else f" {why} after {counted(number, 'answer')} of each: more would see more."


def power(catches: float, number: int, high: float, confidence: float) -> str:
    """What would have been seen, and what is left."""
    return (
        f"a joint law that is off by {catches:.3f} in total variation would have been rejected with "
        f"99 % probability over {counted(number, 'cell')}, and it is off by {high:.3f} at most with "
        f"{percent(confidence, 2)} confidence"
    )


def off_by(estimate: float, low: float, high: float) -> str:
    """A distance with its interval; where so few answers cannot tell it from 0, its upper end alone."""
    if low < _SMALLEST:
        return f"its law is off by {high:.3f} at most in total variation"
    return f"its law is off by {estimate:.3f} in total variation, between {low:.3f} and {high:.3f}"
