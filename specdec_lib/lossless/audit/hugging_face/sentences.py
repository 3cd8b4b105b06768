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
NEEDS_DRAFT = "audit: hf:{} takes a draft model; give --draft"
OWN_MODELS = "audit: hf:{} is tried on small models of its own; leave --target and --draft out"
