"""Every sentence of a report: what is said under the pointer, what to see in a figure, what was left out.

Templates are filled by ``format`` in the order of their braces; double braces are left for plotly.
"""

from __future__ import annotations

# -- under the pointer -----------------------------------------------------------------------------

BEST_OF_A_SETUP = (
    "<b>%{{y}}</b><br>%{{x:.2f}}× {} at %{{customdata[2]}}<br>%{{customdata[3]}}, T = %{{customdata[4]:g}}"
)
ALPHA_OF_A_TEXT = "<b>%{y}</b>: α̂ = %{x:.1%}<extra></extra>"
ALPHA_AT_A_TEMPERATURE = "<b>{}, T = %{{x:g}}</b><br>α̂ = %{{y:.1%}} {}<br>%{{customdata[2]}} texts"
STEP_OF_THE_BASELINE = "<b>a step of the baseline</b><br>%{x:.2f} ms, one token"
FORWARD_ON_THE_ROOFLINE = (
    "<b>{}, width %{{customdata[0]}}</b><br>"
    "%{{x:.3g}} FLOP/byte, %{{y:.3g}} GFLOP/s<br>"
    "%{{customdata[1]:.2f}} ms, weights at %{{customdata[2]:.3g}} GB/s"
)
QUANTILE_OF_AN_ARM = "<b>%{customdata[0]}</b>, %{customdata[1]}: %{x:.2f} ms"
MEMORY_OF_A_STAGE = "<b>%{{y}}</b>, {}: %{{x:,.0f}} MiB"
RATIO_OF_TWO_FILES = "<b>%{{customdata[2]}}</b><br>{}: %{{x:.3f}} × that of A {}"

# -- what to see: speed ----------------------------------------------------------------------------

GAINS_MOST = "{} gains most: {:.2f}×{} at {}, T = {:g}."
ONE_GAINS = "{} gains: {:.2f}×{} at {}, T = {:g}."
ONE_DOES_NOT_GAIN = "{} does not gain: {:.2f}×{} at {}, T = {:g}."
NONE_GAINS = "No domain gains; least slow is {}, {:.2f}×{} at {}, T = {:g}."
NO_SETUP_GAINS = "No setup gains; least slow is {} in {}, {:.2f}×{} at {}, T = {:g}."
GAINS_MOST_OF_ALL = "{}: {} gains most, {:.2f}×{} at {}, T = {:g}."
NEVER_EXCEEDS = "{} never exceeds {:.2f}×."
ONE_DOMAIN_LOSES_NOTHING = "No group is slower than its baseline."
SOME_ARE_SLOWER = "{} of {} groups {} baseline, with the whole interval below 1×."
ALL_ARE_SLOWER = "All groups are slower than their baseline, with the whole interval below 1×."
IT_IS_SLOWER = "It is slower than its baseline, with the whole interval below 1×."
NONE_IS_FASTER = "In no group does the whole interval lie above 1×."
SAME_IDS = "{} of {} at temperature 0 {} the baseline's ids."
INTERVAL = " ({:.2f}–{:.2f})"
NO_INTERVAL = " (one text, no interval)"

MACHINE_CHANGED = (
    "the machine changed between cells: the baseline ran at {}–{} tokens a second; compare ratios, not times."
)

# -- what to see: acceptance -----------------------------------------------------------------------

KEPT_BY_DOMAIN = "Of the draft tokens that were judged, {} of {} stay and {} of {}, at T = {:g}."
KEPT_EVERYWHERE = "Of the draft tokens that were judged, {} stay in every domain, at T = {:g}."
KEPT_IN_A_DOMAIN = "Of the draft tokens that were judged, {} of {} stay, at T = {:g}."
FLAT_BY_POSITION = (
    "In {}, a draft token whose forerunners all stayed stays in {} of rounds at position 1 and in {} "
    "at {}: nearly flat, so one α describes a round."
)
ALIKE_BY_POSITION = (
    "In {}, a draft token whose forerunners all stayed stays in {} of rounds at position 1 and as often "
    "at {}: one α describes a round."
)
BENT_BY_POSITION = (
    "In {}, a draft token whose forerunners all stayed stays in {} of rounds at position 1 and in {} "
    "at {}: one α for all positions is an average of unlike ones."
)
TEXTS_RANGE = "Texts of {} reach from {} to {}, at T = {:g}."
TEXTS_ALIKE = "Every text of {} has α̂ = {}, at T = {:g}."
WARMER_KEEPS_LESS = "In {} α̂ falls from {} at T = {:g} to {} at T = {:g}."
WARMER_KEEPS_MORE = "In {} α̂ rises from {} at T = {:g} to {} at T = {:g}."
WARMER_IS_THE_SAME = "In {} α̂ is {} at T = {:g} and at T = {:g}."
WARMER_IS_ALIKE = "In {} α̂ is {} at T = {:g} and {} at T = {:g}; their intervals overlap."

# -- what to see: time -----------------------------------------------------------------------------

TOKENS_COME_WITHIN = (
    "Half of the tokens come within {} ms at {} and within {} ms without a draft; 99 % within {} and "
    "{} ms (T = {:g})."
)
FIRST_TOKENS = "The first token comes after {} ms with the draft and {} ms without."
ROUND_IN_STEPS = (
    "A round at {} takes {:.2f} steps of the baseline and brings {:.2f} tokens; {} of it is "
    "verification, {} drafting and {} neither (T = {:g})."
)
ROUND_BY_PHASES = "A round at {} takes {} ms: {} verification, {} drafting, {} neither (T = {:g})."
ROUNDS_OF_A_TEXT = "The first {} of {} at {}, {}: drafted were {}, of which {} stayed."
WIDE_FORWARD = "A target forward of {} tokens costs {:.2f} forwards of one"
DRAFT_FORWARD = "; a draft forward costs {:.3f} of one (c)."
DRAFT_TOKEN = "; a draft token, for which no model runs, costs {:.3f} of one (c)."
WIDE_ALONE = "."
NO_PEAK = (
    "Weights come at {} GB/s at least. The peak of this machine is not recorded: the slope is what "
    "was measured, and says where memory alone would hold a forward, not what the machine could do."
)
NO_BYTES = "How many bytes and parameters the models have is not recorded, so there is no roofline."
MOST_MEMORY = "Most memory is held in the stage {}: {:,.0f} MiB in the median cell."

# -- what to see: predicted and measured -----------------------------------------------------------

INSIDE = "The prediction lies within the measured interval in {} of {}."
FURTHEST_ABOVE = "The largest difference is {}, at {} in {}, T = {:g}: faster than predicted."
FURTHEST_BELOW = (
    "The largest difference is {}, at {} in {}, T = {:g}: something costs time that α̂, c, v and o do not see."
)
FURTHEST_INSIDE = "The largest difference is {}, at {} in {}, T = {:g}, and lies within its interval."
WITHOUT_OVERHEAD = "Without a profile o is taken as 0, so the prediction is an upper bound."

# -- two files -------------------------------------------------------------------------------------

B_OVER_A = (
    "With the draft, B gives {:.2f} times the tokens a second of A in the median of {} ({:.2f}–{:.2f})."
)
CHANGED_SPEEDUPS = (
    "The speedup rose in {} of them and fell in {}, beyond their intervals; in the others it did not "
    "change visibly."
)
FURTHEST_CHANGE = "The speedup changed most in {}: {:.2f}× → {:.2f}×."
FILES = "A is {}, B is {}."
NOTHING_DIFFERS = "Machine, library, weights, notebook and prompts are the same in both files."
NOTHING_SHARED = "No group is in both files: nothing can be compared."
ONLY_IN = "Only in {}: {}."
AMBIGUOUS = "In several setups of one file, so not compared: {}."
AND_MORE = "{} and {} more"

# -- the page --------------------------------------------------------------------------------------

LEFT_OUT_SETUPS = (
    "{} of {} setups are drawn, those with the most cells. Left out: {}. --json holds the numbers of all."
)
LEFT_OUT_TEMPERATURES = (
    "Drawn are the temperatures {}; {} lie between them and are left out but of α̂ over temperature; "
    "--json holds all."
)
LEFT_OUT_ROWS = "The first {} of {} rows; --json holds all."
TORN_LINES = "Passed over, since no record: {} of {}."
REPEATED_CELLS = "Counted once, since they stand there again: {} of {}."
OTHER_RECORDS = "Passed over, since of another kind: {} of {}."
HOW_TO_AGAIN = (
    "To get it again: with the library at {}, run specdec sweep with the configuration of the sweep {}, then "
    "specdec report with its folder."
)
LIBRARY = "commit {} (hash of its files {})"
COMMIT, HASH = "commit {}", "hash of its files {}"
SETTINGS = "The settings of the sweep, as YAML: {}"
HOW_TO_READ = (
    "Speedup = tokens a second with the draft over those of its baseline, whole texts, both decoded in turn "
    "in the same cell. Intervals are of 95 %, over prompts; cells of different machines, libraries or "
    "weights are never pooled."
)
LEGEND = "Symbols and words"
SYMBOLS = {
    "K": "draft tokens that a round proposes",
    "T": "temperature; at 0 the likeliest token is taken",
    "AR": "decoding without a draft, a token a step: the baseline",
    "α̂": "draft tokens accepted, of those that were judged",
    "conditional": "acceptance at a position, of the rounds in which all draft tokens before it stayed",
    "unconditional": "acceptance at a position, of all rounds that drafted so far",
    "E": "tokens that a round brings on average: (1 − α^(K + 1)) / (1 − α)",
    "c": "what a draft token costs, in target forwards of one token",
    "v(K)": "what a target forward of K + 1 tokens costs, in the same unit",
    "o": "what else a round costs, in the same unit",
    "predicted": "E / (K c + v(K) + o)",
    "setup": "models, verifier, dtype, machine, library: all but K, T and the domain",
    "group": "the cells of one setup, domain, T and K; their seeds and repeats are pooled",
}
NO_SCRIPT = "Figures need a script; every number is in the tables below them."
