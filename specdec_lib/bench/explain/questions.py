"""The words of the triage: what is asked, what a no means and what to do about it, and numbers as told.

Nothing is computed here but the form; :mod:`specdec_lib.bench.explain.triage` asks and answers.

They stand apart from the room's sentences because they are another kind: a fixed questionnaire, read as a
table and filled by ``format``; :mod:`specdec_lib.bench.explain.sentences` words an advice by its numbers.
"""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """A question, which is answered with yes where nothing is wrong; what a no means; what helps."""

    question: str
    cause: str
    remedy: str


QUESTIONS = {
    "tokens": Words(
        "Are the tokens right?", "A verifier or a cache is wrong, and no speed counts.", "Run specdec verify."
    ),
    "length": Words(
        "Are all runs equally long?",
        "An arm that stops early spares itself the late, long context.",
        "Ignore the end of text and fix the length.",
    ),
    "baseline": Words(
        "Is the baseline a fair one?",
        "A baseline that is slowed down flatters every speedup, and one that is spared belittles it.",
        "Time all arms in turns on a quiet machine, against the best plain decoding.",
    ),
    "noise": Words(
        "Is the interval clear of 1?",
        "Too few prompts to say whether it is faster or slower.",
        "Measure more prompts.",
    ),
    "sum": Words(
        "Do the parts add up?",
        "Two clocks disagree.",
        "specdec explain says which two numbers differ; measure those again.",
    ),
    "pays": Words(
        "Can any K pay?",
        "The draft is too slow, or too often wrong, for this target.",
        "Another draft, or none.",
    ),
    "k": Words(
        "Is this the right K?", "The draft is too long or too short.", "Take the K that the law names."
    ),
    "draft": Words(
        "Is the draft too slow?",
        "Its forwards are Python and dispatch, or it is too large.",
        "Fewer layers, compile it, a smaller draft, a smaller K.",
    ),
    "width": Words(
        "Is the wide forward too wide?",
        "A full batch, a long context, or a kernel that is slow for few rows.",
        "A smaller batch, another kernel, a smaller K.",
    ),
    "overhead": Words(
        "Is the overhead too high?",
        "Waiting for the device, copies to the host, a tokenizer in the loop.",
        "Profile the phases; keep ids and laws on the device until the verdict.",
    ),
    "acceptance": Words(
        "Is acceptance too low?",
        "Another domain or temperature, warpers on one side, a stale draft cache.",
        "Acceptance by domain and by position; a draft made for this text.",
    ),
}
STEPS = {
    "draft": "at half of c",
    "width": "at v = 1",
    "overhead": "at o = 0",
    "acceptance": "with half of the rejections",
}
"""What the gain of a part is reckoned for."""

NOT_COMPARED, NOT_PROFILED = "not compared", "not profiled"
NO_INTERVAL = "one prompt a domain has no interval"
ONE_LENGTH, CLEAR_OF_1 = "one length", "above 1, or below it"
NO_ALPHA = "no α is enough"
STEP_AND_ROUND = "a timed step takes {:.2f} of its parts, a round {:.2f}"
INTERVAL = "{:.2f} to {:.2f} on {} prompts"
PARTS_AND_CLOCK = "parts {:.2f}×, clock {:.2f}×"
ALPHA = "α = {}"
DRAFT = "c = {:.3f}, {:.2f} forwards a round"
WIDTH = "v({}) = {:.2f}"
OVERHEAD = "o = {:.2f}"
LESS_TO_GAIN = "less than {:.2f}× to gain"
TAKE = "Take K = {}."
ALPHA_NEEDED = "at least {}, at K = {}"
BY_THE_LAW = "by the law {:.2f}× at K = {}, {:.2f}× at K = {}"
TOO_LONG = "Drafts beyond the likely end of a round are paid for and thrown away."
TOO_SHORT = "Rounds end while further drafts were likely to stay."
HOPELESS = "Do not speculate with it: even a free draft would not pay."
SAME_TOKENS = "{} of {} greedy runs emit the baseline's ids"
ALL_OF_THEM, OR_TIES = "all of them", "all, or ties between logits where not"
EVERY_RUN, FROM_TO = "{} tokens, every run", "{} to {} tokens"
BOTH_ALIKE, INSIDE = "within {}, or both alike", "inside the interval, or within {}"
MEASURE_ABOUT, MANY_MORE = "Measure about {} prompts.", "many more"
CLOCKS = "Two clocks disagree: {}."
AFFORDABLE = "Another draft, or none: at this α it may cost c = {}, and it costs {}."
PAYS_UP_TO, PAYS_FROM, PAYS_NOWHERE = "pays up to {} = {:.2f}", "pays from α = {:.2f}", "pays at no value"
