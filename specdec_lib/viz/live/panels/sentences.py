"""Every sentence of the panels: templates, filled by ``format`` in the order of their braces."""

from __future__ import annotations

# -- any panel ---------------------------------------------------------------------------------------

NEEDS_A_KERNEL = (
    "The controls need a kernel: run `make lab` and open this page there. What stands here is {}."
)
BUSY = "this panel is at work; stop it first"
WAITING = "another panel is using the models; this one is next …"
LOADING = "reading {} …"
READY = "{}: ready, read in {:.1f} s"
STOPPING = "stopping …"
STOPPED = "stopped"
FAILED = "{}: {}"
WENT_WRONG = "could not: {}"

# -- naming a pair -----------------------------------------------------------------------------------

PAIR_SAID = "a pair of the registry; not used while a target is named"
A_TARGET = "a model of your own"
TARGET_SAID = "a folder, a hub id, a .gguf file, ollama:NAME or an embedded name; it needs a draft"
A_DRAFT = "the pair's own"
DRAFT_SAID = "a model, lookup, suffix, self@int4, layers:2, 'lookup > pocket-draft'"

# -- try it ------------------------------------------------------------------------------------------

A_RECORDED_TEXT = "a recorded text"
EMPTY_PROMPT = "the prompt is empty; write something that the models can continue"
NO_TOKENS = "max tokens is {}; give 1 or more"
MEASURING_COSTS = "measuring what a draft costs …"
COSTS_NOT_MEASURED = "nobody measured what a draft costs here; the policy goes by guessed costs"
WRITING = "writing …"
BASELINE = "now without speculation, the same number of tokens: {} of {} …"
STEPPING = "once more with the same seed, every step noted …"
DONE = "done"
CONTEXT_FULL = "the context is full after {} tokens"
STOPPED_AFTER = "stopped after {}"
STEPS_TOO_LONG = "Every step is shown of texts of up to {} tokens; this one has {}."
STEPS_OF_NO_MODEL = "Every step shows the laws of two models over one vocabulary, and {} is no such draft."
STEPS_OF_ANOTHER = "The second run wrote another text, so its steps are not those of this one."
STEPS_TITLE = "{} drafts for {}, {} verification, T = {:g}"
SPEEDS = "{:.1f} tokens/s with speculation, {:.1f} without: {:.2f}×"
SPEED_ALONE = "{:.1f} tokens/s with speculation"
SPEED_SAID = (
    "One text each, one after the other, the same number of tokens: an impression. `specdec bench` measures."
)
SPEED_ELSEWHERE = "speeds are measured where it runs"
NOTHING_JUDGED = "–"
INTERVAL = "{:.2f} ({:.2f}–{:.2f})"
INTERVAL_SAID = "95 % interval, of this text alone"

# -- predict -----------------------------------------------------------------------------------------

A_LAW_TO_PLAY_WITH = "the law, which needs none: its sliders work here too"
MEASURING = "timing forwards of {} …"
OBSERVING = "decoding {} texts, for α and o …"
OBSERVED = "text {} of {} decoded …"
MEASURED = "measured here: α = {:.2f}, c = {:.3f}, v(K) = 1 + {:.3f} K, o = {:.2f}"
BEST_MEASURED = "by the v(K) measured, the best K is {}: {:.2f}× expected"
NO_K_PAYS = "by the v(K) measured, no K pays: {:.2f}× at K = {}"

# -- watch a sweep -----------------------------------------------------------------------------------

RECORDED_CELLS = "what was recorded"
WATCHING = "watching {}"
NO_RECORDS = "no records in {} yet"
NOT_THERE = "{} is not there yet; name the folder of a sweep, or its results file"
SOME_FAILED = "no cell of {} is done yet; {} failed: see {}"
ALL_FAILED = "{}, all failed: see {}"
BELOW_RECORDED = "{}; below is what was recorded elsewhere"
CELLS = "{} at {}"
NOT_WATCHING = "not watching"
CANNOT_READ = "cannot be read now: {}"

# -- audit -------------------------------------------------------------------------------------------

A_RECORDED_VERDICT = "a recorded verdict"
AUDITING = "{} …"
CHECKED = "{} done"
NO_SUCH_ENGINE = "no engine '{}' to audit; there is {}"
