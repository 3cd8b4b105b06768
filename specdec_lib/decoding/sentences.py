"""Every sentence about decoding, its rooms' own aside: templates, filled by ``format`` in order."""

from __future__ import annotations

# -- prompts ---------------------------------------------------------------------------------------

EMPTY_PROMPT = "generate: the prompt is empty; give at least one token"
IDS_BEYOND_VOCABULARY = (
    "generate: the prompt holds ids outside [0, {}): {} at place {}; use the tokenizer of this model"
)
PROMPT_IS_A_TEXT = "generate: the prompt is a text; pass target.encode(text), or call generate_text(text, …)"
NO_INPUT_IDS = "generate: the prompt has no input_ids, only {}"
PROMPT_IS_A_CONVERSATION = (
    "generate: the prompt is a conversation ({}), not token ids; pass "
    "target.tokenizer.apply_chat_template(messages, add_generation_prompt=True)"
)
NO_SEQUENCE = "generate: the prompt is {}; pass a sequence of token ids"
SEVERAL_PROMPTS = "generate: {} prompts at once; this decoder takes one sequence"
PROMPT_ON_META = (
    "generate: the prompt is a tensor on the device 'meta', which holds no ids; pass one on a cpu or a gpu"
)
NO_DENSE_TENSOR = "generate: the prompt is a {} tensor; pass a dense one, [n] or [1, n]"
VALUES_ARE_NO_IDS = "generate: the prompt holds values of type {}; pass token ids, whole numbers"
NO_ID = "generate: the prompt holds {} of type {} at place {}; pass token ids, whole numbers"
ODD_MASK_VALUE = "generate: the attention_mask of the prompt holds {}; pass 1 for each id and 0 for padding"
MASK_WITH_HOLES = (
    "generate: the attention_mask of the prompt has {} places for {} ids and shows {}, not in one piece; "
    "pass a sequence without holes"
)

# -- what else a generation is given ---------------------------------------------------------------

PROMPT_IS_TOO_LONG = "generate: the prompt has {} tokens, {} sees {}; shorten it"
TWO_TEMPERATURES = "generate: params {!r} and temperature {!r}; pass one of them"
SET_IN_PARAMS = "generate: params is {!r}; set {} in it, not beside it"
ODD_STOP_STRINGS = "generate: stop_strings are {!r}; pass non-empty texts"

# -- sampling --------------------------------------------------------------------------------------

ODD_PARAMETER = "sampling: {} is {!r}; pass {}"
ROWS_WITHOUT_HISTORY = "penalise: {} rows need {} drafted ids, the history has {}"
NEEDS_HISTORY = "warp logits: repetition_penalty needs history_ids; pass the ids so far"
NO_LAW = "draw: the probabilities sum to {:g}; pass those of a law"

# -- draft lengths ---------------------------------------------------------------------------------

THRESHOLD_OUT_OF_RANGE = "{}: threshold is {!r}; pass a number from 0 to 1"
GAMMA_OUT_OF_RANGE = "entropy: gamma is {!r}; pass a number > 0"
NO_WIDTHS = "cost aware: v is empty; pass T_target(K + 1) / T_target(1) of one K or more"

# -- traces ----------------------------------------------------------------------------------------

NO_TRACE = "read trace: not a trace ({}); pass what Trace.to_json wrote"
ODD_TABLES = "verify: {} draft ids need target_probs [{}, vocab] and draft_probs [{}, vocab], got {} and {}"
