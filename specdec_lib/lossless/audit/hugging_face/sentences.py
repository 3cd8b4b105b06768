"""What is said of the modes of ``generate``."""

from __future__ import annotations

PLAIN = "no draft"
DRAFT = "a draft model, K tokens a round"
DRAFT_DEFAULTS = "a draft model, as its configuration says"
LOOKUP = "drafts from the text itself (prompt_lookup_num_tokens)"
EARLY_EXIT = "the target's own first layers (assistant_early_exit)"
UNIVERSAL = "a draft of another vocabulary (both tokenizers given)"
ENSEMBLE = "a mixture of both laws (assistant_ensemble_weight 0.5), documented to differ from the target's"
UNKNOWN_MODE = "audit: unknown mode 'hf:{}'; there are {}"
SMALL_PAIR = "random models of {} words, seed {}"
OWN_PAIR = "behind a prompt of {} tokens, temperature {}, top-k {}"
WARPED = "{}, temperature {}, top-k {}"
LISTED = "{}, vocabulary listed {}"
ENGINE = "Transformers {}, {}"
EXACT_LAW = "exact law"
CONTROL_LAW = "exact law, no draft"
DISTANCE = "TV = {:.1e}"
BETWEEN = "TV {:.1e} to {:.1e}"
LAW_SAYS = "{}: {} tokens, {} in {}"
BROKE = "{}: it raised {}"
EXACT = (
    "{} is exact on what it was tried on: its law, summed over every random branch, is the target's within "
    "{:.0e} in total variation."
)
NOT_EXACT = "{} is not exact: its law, summed over every random branch, is off by {:.2g} in total variation."
LOSSY = "{} It is documented to change the law."
BOUNDED = (
    "{} is exact as far as seen: of its law, summed over random branches, all but {:.1e} was visited in {} "
    "replays, and no event of it can be off by more than that."
)
OPEN = (
    "{} could not be settled: of its law, {:.1e} was not visited after {} replays, and nothing was found in "
    "the rest; give it more time"
)
CONTROL_FAILS = "{} could not be asked: plain decoding of the same is off by {:.2g} already."
RAISED = "{} could not be asked: it raised {}"
NEEDS_DRAFT = "audit: hf:{} takes a draft model; give --draft"
OWN_MODELS = "audit: hf:{} is tried on small models of its own; leave --target and --draft out"
