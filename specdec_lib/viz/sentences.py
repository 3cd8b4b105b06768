"""Every sentence of the figures: titles, what is said under the pointer, what cannot be drawn.

Templates are filled by ``format`` in the order of their braces; what is in double braces is left for plotly,
whose ``customdata`` is a row of what the figure hands over beside its points. Labels of axes and of legends
stand with the figure, and a round is told in words by :mod:`specdec_lib.viz.live.narration`.
"""

from __future__ import annotations

# -- all figures -----------------------------------------------------------------------------------

INTERVAL = "(95 % interval %{{customdata[{}]:{}}}–%{{customdata[{}]:{}}})"
NO_ROWS_TO_SHOW = "figure: there is nothing to show; pass rows of at least one panel"
SHARE_OF_A_BAR = "<b>%{{x}}</b>, {}: %{{y:.3f}}"

# -- records: acceptance, speedup, time ------------------------------------------------------------

ACCEPTANCE = (
    "<b>%{{customdata[5]}}, T = {:g}</b><br>"
    "α̂ = %{{y:.3f}} {}<br>"
    "accepted / drafted = %{{customdata[3]}} / %{{customdata[4]}} = %{{customdata[2]:.3f}}"
)
ACCEPTED_AT_A_POSITION = (
    "<b>{}, position %{{x}}, {}</b><br>accepted in %{{customdata[0]}} of %{{customdata[1]}} {}: %{{y:.1%}}"
)
SPEEDUP = (
    "<b>%{{y}}, %{{x}}</b><br>"
    "speedup %{{customdata[0]:.2f}}× {}<br>"
    "%{{customdata[3]:.0f}} → %{{customdata[4]:.0f}} tokens/s<br>"
    "%{{customdata[5]}} pairs of runs on %{{customdata[6]}} prompts"
)
CELLS_SO_FAR = "<b>%{y}, %{x}</b><br>speedup %{customdata[0]:.2f}×, of so many cells: %{customdata[1]}"
MEASURED_AND_PREDICTED = (
    "<b>{}, K = %{{customdata[0]}}, T = %{{customdata[1]:g}}</b><br>"
    "measured %{{customdata[2]:.2f}}× (%{{customdata[3]:.2f}}–%{{customdata[4]:.2f}})<br>"
    "predicted %{{customdata[5]:.2f}}×<br>"
    "α̂ = %{{customdata[6]:.3f}}, c = %{{customdata[7]:.3f}}, v = %{{customdata[8]:.2f}}, o = "
    "%{{customdata[9]:.2f}}"
)
TOKENS_WITHIN = (
    "<b>{}</b>: %{{y:.0%}} of tokens within %{{x:.1f}} ms<br>"
    "mean {:.2f}, p50 {:.2f}, p95 {:.2f} ms<br>{} tokens"
)
PHASE_OF_A_ROUND = (
    "<b>%{{y}}: {}</b><br>"
    "%{{x:.2f}} ms, %{{customdata[0]:.0%}} of a round of %{{customdata[1]:.2f}} ms<br>"
    "%{{customdata[2]:.2f}} tokens a round"
)
ARM_BESIDE_HUGGING_FACE = (
    "<b>%{{y}}</b><br>%{{x:.2f}}× hf-generate {}<br>%{{customdata[2]:.1f}} tokens/s, %{{customdata[3]}} runs"
)
ARM_DID_NOT_RUN = "the arm or the one to compare it with did not run"
GROWTH_OF_AN_ARM = (
    "<b>{}</b><br>"
    "%{{x}} {}: %{{y:.2f}} ms, middle half %{{customdata[0]:.2f}}–%{{customdata[1]:.2f}}<br>"
    "%{{customdata[2]:.2f}}× that at %{{customdata[3]}}"
)
PHASE_OF_THAT_ROUND = (
    "<b>round %{{customdata[0]}}: {}</b><br>"
    "%{{x:.2f}} ms, %{{customdata[1]:.0%}} of the round<br>"
    "%{{customdata[2]}} tokens drafted"
)
ARM_OVER_THE_BEST_PLAIN = "<b>%{customdata[0]}</b>, %{customdata[1]}<br>%{customdata[2]}"
OVER_THE_BEST_PLAIN = "tokens a second, best plain decoding = 1"
OVER_OUR_PLAIN = "over our plain decoding"
WITHOUT_LOOPING_TEXTS = "open: without texts that loop"
PRICE_OF_A_ROUND = (
    "<b>%{{customdata[0]}}</b><br>"
    "{}: %{{x:.2f}}×<br>"
    "a round: %{{customdata[2]:.2f}} tokens drafted, v = %{{customdata[1]:.2f}}"
)
SHARE_OF_LENGTHS = "%{y}, %{x} drafted: %{z:.1%} of the rounds"
WHEN_AN_ARM_RAN = "<b>%{y}</b>: %{text} runs %{x}"
WIDTH_OF_AN_INTERVAL = "<b>{}</b><br>%{{x}} prompts a domain: %{{y:.1%}} wide"
WORTH_OF_A_CHOICE = "<b>{}</b><br>chosen by %{{x}} prompts, {} %{{y:.2f}}×"

# -- records: the diagnosis of one -----------------------------------------------------------------

RECORD_ENDS_HERE = "This record ends here"
WHICH_PART = "No question was answered with no. Which part would gain most?"
NOT_ASKED_YET = "Not asked yet:"
SPEEDUP_OF_A_LENGTH = "<b>{}</b><br>K = %{{x}}: %{{y:.2f}}×"
MEASURED_SPEEDUP = "<b>measured</b>, K = %{x}: %{y:.2f}×"

# -- chapters: decoding, sampling, precision -------------------------------------------------------

PROBABILITY_OF_A_TOKEN = "{}, %{{x}}: %{{y:.1%}}"
TOKEN_AFTER = "<b>{}</b>: token %{{y}} after %{{x:.1f}} ms"
VERDICT_ON_A_TOKEN = "round %{y}, token %{x}: %{text} %{customdata}"
SPEEDUP_OF_A_KIND = "K = %{{x}}, {}: %{{y:.2f}}×"
PROBABILITY_UNDER_A_RULE = "%{{y}}<br><b>{}</b>: %{{x:.1%}}"
KEPT_AT_A_TEMPERATURE = "<b>{}</b>, T = %{{x}}: %{{y:.1%}} kept"
AHEAD_BY = "token %{x}, <b>%{customdata}</b>: ahead by %{y:.2g}"
LOGITS_DIFFER_BY = "<b>{}</b>, token %{{x}}: %{{y:.2g}}"
RANGE_AND_DISTANCE = "<b>{}</b>: range %{{x:.2g}}, distance %{{y:.2g}}"

# -- chapters: forwards, drafts, the law -----------------------------------------------------------

TIME_OF_A_FORWARD = "%{x} tokens, %{y:.3g} ms"
POINT_OF_THE_ROOFLINE = "%{x:.3g} FLOP/byte, %{y:.3g} TFLOP/s"
LOOKS_AT = "token %{y} looks at token %{x}"
MEDIAN_TIME = "<b>{}</b>, {} %{{x}}: %{{y:.2f}} ms"
TOKENS_AND_COST = (
    "<b>%{customdata[0]}</b><br>"
    "%{y:.2f} tokens a round, which costs %{x:.2f} target forwards<br>"
    "speedup %{customdata[1]:.2f}×"
)
SPEEDUP_OF_A_DRAFT = "<b>{}</b>, K = %{{x}}: %{{y:.2f}}×"
TO_BE_KEPT = "<b>{}</b>, c = %{{x:.2f}}: keep %{{y:.1%}}"
NEEDED_ACCEPTANCE = "{:g}×: c = %{{x:.2f}} needs α = %{{y:.2f}}"
PUBLISHED_DRAFT = "<b>{}: %{{text}}</b><br>c = %{{x:.2f}}, α = %{{y:.2f}}"
SHARE_OF_ROUNDS = "%{{x}} tokens, {}: %{{y:.1%}}"
OVERLAP_AT_A_TEMPERATURE = "<b>{}</b>, T = %{{x:.2g}}: β = %{{y:.2f}}"
SPEEDUP_OF_A_BATCH = "<b>K = {}</b>, batch %{{x}}: %{{y:.2f}}×"
TARGET_OF_A_DRAFT = "<b>%{x}</b>, target: %{y:.3f}"
EXPECTED_TO_BE_ACCEPTED = (
    "<b>{}, K = %{{customdata[0]}}</b><br>"
    "expected %{{y:.2f}} accepted a round (95 % interval %{{customdata[1]:.2f}} to "
    "%{{customdata[2]:.2f}})"
)
COUNTED_AS_ACCEPTED = "<b>{}, K = %{{customdata}}</b><br>counted %{{y:.2f}} a round"
MORE_TOKENS = (
    "<b>{}, K = %{{customdata[0]}}</b><br>"
    "%{{y:+.1%}} tokens a round (95 % interval %{{customdata[1]:+.1%}} to %{{customdata[2]:+.1%}})"
)
NOT_EXACT = "{}, not exact"
RULE_OVER_THE_OPTIMUM = (
    "<b>{}, K = %{{x}}</b><br>"
    "%{{customdata[0]:.4g}} accepted a round, %{{customdata[1]:.4g}} at most by an exact rule<br>"
    "%{{customdata[2]:.4g}} tokens for each forward of the target<br>"
    "total variation from the target %{{customdata[3]:.4g}}"
)
RULE_AT_A_DISTANCE = "<b>{}</b>, draft off by %{{x:.2f}}: %{{y:.3f}} accepted a round"

# -- chapters: proof, mutants, measurement ---------------------------------------------------------

DRAFTED_AND_EMITTED = "drafted %{y}<br>emitted %{x}<br>together %{text}"
BOLD_STAYS = "bold: the draft token stays"
PLAIN_IS_TRADED = "plain: it is traded"
P_VALUES_UP_TO = "<b>{}</b>: %{{y:.1%}} of p-values up to %{{x}}"
POWER_OF_A_TEST = "{} outcomes: %{{y:,}} samples see %{{x}}"
DEVIATION_SEEN = "<b>%{text}</b>: off by %{x}, seen with %{y:,} samples"
OFF_THE_DIAGONAL = "<b>{}</b>: %{{y:+.3f}} at u = %{{x}}"
P_VALUE_SO_FAR = "<b>{}</b><br>%{{x}} generations: p = %{{customdata}}"
DISTANCE_LEFT = "<b>{}</b><br>%{{x}} replays: {} by %{{customdata}}"
CAUGHT_BY_SAMPLES = "<b>{}</b><br>%{{x:,}} answers see %{{customdata}}"
REJECTED_AFTER = (
    "<b>%{{y}}</b>, {}<br>"
    "%{{customdata[0]}} of %{{customdata[1]}} seeds: rejected after %{{customdata[2]}} generations"
)
LATENCY_AT = "<b>{}</b>: %{{y:.1f}} ms at %{{x:.0f}} s"
SPAN_OF_TIME = "<b>{}</b>: %{{x:.2f}} ms from %{{base:.2f}} on"
MEMORY_AFTER = "<b>{}</b>: %{{y:.2f}} MiB after %{{x:.2f}} s"
MEMORY = "{}: %{{y:.2f}} MiB"

# -- live figures: titles, and what they cannot show -----------------------------------------------

STEP_BY_STEP = "Speculative decoding, step by step"
NO_ROUND_TO_SHOW = "step-through: there is nothing to show; pass traces that hold a round"
LAW_TO_PLAY_WITH = "The speedup law, to play with"
UNKNOWN_CONTROLS = "playground: {} is none of {}"
NOT_PUBLISHED = "v and o are not published; here they are 1 and 0."
OVERLAP_TO_PLAY_WITH = "Acceptance over temperature, to play with"
NO_PLACE_TO_SHOW = "overlap: there is nothing to show; pass at least one place"
ODD_PLACE = (
    "place {!r}: {} words, {} and {} logits; pass a finite logit of either model for each of two words or "
    "more"
)
VERIFIERS_TO_PLAY_WITH = "Token and block verification, to play with"
ODD_CHAIN = (
    "chain {!r}: got {} and {} laws; pass, for two or three words, a law of either model at the start and "
    "one behind each word"
)
LAW_OF_A_CHAIN = "a law of chain {!r}"
TOO_MANY_CHAINS = "verifiers: got {} chains, K {}; pass one, and K up to {}"
CACHES_TO_PLAY_WITH = "Two caches in a round, to play with"
BYTES_OF_A_ROW = "bytes of the {}'s row"
ODD_CACHES = "caches: got a text of {} tokens, K {}; pass {} to {}, and 1 to {}"
ODD_SPELLINGS = "spellings {!r}: draft and target must spell one text of 1 to {} bytes"
ODD_TOKENS_OF_SPELLINGS = (
    "spellings {!r}: {} draft tokens, {} entries of shared, {} of handed; pass one for each token"
)
NO_SPELLINGS = "spellings: there is nothing to show; pass at least one text"
