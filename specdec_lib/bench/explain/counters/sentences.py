"""What is said of a run of which only counters and two times are known."""

# -- what cannot be explained ----------------------------------------------------------------------

NO_LENGTH = "{} counts neither drafts nor steps, so no tokens a round; give --k, the tokens of a draft"
NO_DRAFT = "{}: no draft was verified in it; decode something with one, then count"
TIMES_TOGETHER = "--{} is held against a plain step; give its time, --step-plain, with it"
NO_TIME_OF_A_STEP = "--{} is {:g} ms; give milliseconds of one step, from {:g} to {:g}"
NO_TIME_LEFT = (
    "a draft of {:.2f} steps of {:g} ms takes {:g} ms, all of a round of {:g} ms; check --draft-step"
)
NO_ROUND_LEFT = "plain steps of {:g} ms take all the time of the engine's {} steps; check --step-plain"

# -- the definitions -------------------------------------------------------------------------------

IN_EVERY_DEFINITION = "What others call acceptance, of the same rounds"
NOT_DETERMINED = "not determined: {} ({})"

NAMES = {
    "per_drafted_token": "accepted of drafted tokens",
    "alpha": "α, accepted of judged tokens",
    "accepted_per_draft": "accepted tokens a draft",
    "acceptance_length": "mean acceptance length, with the bonus",
    "tokens_per_step": "tokens a step, silent rounds too",
    "emitted_per_draft": "SGLang's accept length",
    "first_position": "first position (an MTP head's acceptance)",
    "by_round": "position, of all drafts (vLLM)",
    "by_draft": "position, of drafts that have it",
    "by_reached": "position, of drafts that got there",
}
"""A definition in words; the key is that of ``theory.dialects``."""

POSITIONS = {
    "by_round": "of all drafts",
    "by_draft": "of those with it",
    "by_reached": "of those that got there",
}

# -- the terms -------------------------------------------------------------------------------------

TERMS = {
    "free draft": "by the law, were a round as cheap as a plain step: α {alpha:.2f}, drafts of {k:.2f}",
    "rounds as counted": "{tokens:.2f} tokens a round were counted, {expected:.2f} follow from one α",
    "draft": "{k:.2f} draft steps of {c:.2f}",
    "verification and rest": "v(K) + o, less the plain step: the wider forward, and all beside",
    "draft, verification and rest": "K c + v(K) + o, less one; --draft-step tells the draft's part",
    "rounds without a draft": "{silent} of {steps} steps drafted nothing, and brought one token each",
    "the engine's clock": "{token_ms:.2f} ms a token by the engine: requests beside it, prompts, another day",
}

TERMS_COUNTED = "were a round as cheap as a plain step: {tokens:.2f} tokens a round were counted"

# -- the advice ------------------------------------------------------------------------------------

PAYS = "A round costs {cost:.2f} plain steps and brings {tokens:.2f} tokens: {speedup:.2f}×."
LOSES = (
    "A round costs {cost:.2f} plain steps and brings {tokens:.2f} tokens: {speedup:.2f}×, slower than "
    "without a draft."
)
BREAK_EVEN = (
    "At this cost drafts of {k:.2f} pay from α = {needed:.2f} on, by the law of one α; α is {alpha:.2f}."
)
NOTHING_PAYS = (
    "At this cost nothing pays: {cost:.2f} plain steps a round are more than the {most:.2f} tokens that it "
    "could bring. Make the round cheaper before the draft better."
)
WHERE_IT_GOES = (
    "Of what a round costs beside one plain step, {draft:.2f} is the draft and {rest:.2f} the rest."
)
LENGTH = (
    "By the law of one α it is {now:.2f}×. If all of that grows with K, K = {best_k} is best ({best:.2f}×); "
    "if only the draft's part does, K = {long_k} ({long:.2f}×). A round of another K, measured, decides."
)
LENGTH_ONE = (
    "By the law of one α it is {now:.2f}×. If what a round costs beside one plain step grows with K, "
    "K = {best_k} is best: {best:.2f}×."
)
NO_K = "If what a round costs beside one plain step grows with K, no K pays at α = {alpha:.2f}."
AT_BEST = (
    "At best with this draft: {here:.2f}× with this K, the tokens that were counted, if a round cost one "
    "plain step; by the law of one α never more than {ever}, whatever K is."
)
ACCEPTANCE = "With half of the rejections gone (α = {alpha:.2f}) it would be {speedup:.2f}×."
SILENT = (
    "{share} of the steps drafted nothing. Over all steps it is {speedup:.2f}×: a draft that is silent less "
    "often gains up to {gain:.2f}."
)
CLOCK = (
    "By the engine's own time of a token it is {clock:.2f}×, and by the two step times {accounted:.2f}×: "
    "the rest is no part of a round."
)
CHEAPER_THAN_A_STEP = (
    "A round that costs {cost:.2f} plain steps is cheaper than one of its parts: the two times are not of "
    "one machine, batch or day."
)
NO_LIMIT = "any number"
ASSUMED = "α is not counted here: it is solved from the mean, as if every position had the same."
WANTED = (
    "Two times say where the speed went: --step-plain, a step of the same server without a draft, and "
    "--step, a whole round with it."
)
WHAT_THEY_ARE = (
    "c: a draft step over a plain step. v(K): the target's forward of K + 1 tokens over one of 1 token. "
    "o: all else in a round, in plain steps. A round costs K c + v(K) + o. No engine tells them: a plain "
    "step is the time of a token without a draft, alone on the machine; a round, that of a token with it, "
    "times the tokens a round."
)
FROM_ROUNDS = "the time of a round is the engine's own, of all its steps"
FROM_TOKENS = "the time of a round is the engine's own time of a token times the tokens a step"
