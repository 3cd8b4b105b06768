"""Every sentence about modules and logits: templates, filled by ``format`` in the order of their braces."""

from __future__ import annotations

# -- what is wrapped -------------------------------------------------------------------------------

NO_MODULE = "wrap: the model is {}; pass what load_model gives for a model's name"
OF_TYPE = "of type {}"
WRAPPED = "wrap: the model is wrapped in {}; pass {}.{}{}"
WITH_COMPILE = ", with compile=True to have it compiled"
NO_CONFIGURATION = "wrap: {} has no configuration of Transformers; pass the causal language model itself"
NO_OUTPUT_EMBEDDINGS = (
    "wrap: {} has no get_output_embeddings, which tells how wide logits are; pass {}, or let it hand on "
    "the attributes of the model that it holds"
)
MODEL_ITSELF = "the causal language model itself"
NO_WEIGHTS = "wrap: {} holds no weights; pass the causal language model itself"
INT4_CANNOT_MOVE = "int4 weights are packed for {} and cannot be moved to {}; load the model there"

# -- texts across the border of a rope -------------------------------------------------------------

TEXT_CROSSES = (
    "generate: the text may grow from {} to {} tokens, and the {} of {} changes its factors at {}; ask for "
    "at most {} new tokens, or begin with more than {}"
)
FEED_CROSSES = (
    "forward: {} tokens behind {} cross {}, where the {} of {} changes its factors; feed the whole text "
    "again without the cache"
)

# -- logits that are no numbers --------------------------------------------------------------------

UNSOUND_LOGITS = "forward: {} gave logits of {} at position {} ({}); {}"
NO_TOKEN_POSSIBLE = "-inf for every token"
WEIGHTS_OR_CONFIG = (
    "its weights may be damaged, or a number of its config.json wrong (rope_theta, rms_norm_eps, a scale): "
    "fetch or export both again"
)
FLOAT16_OVERFLOWS = "float16 overflows above 65504: load it as bfloat16 or float32"

# -- some of a model's layers ----------------------------------------------------------------------

NO_SUCH_LAYERS = (
    "layers of {}: asked for {}; name some of its {} layers, from 0 to {}, each once and in order"
)
LAYERS_CANNOT_BE_LEFT_OUT = "layers of {} ({}) cannot be left out: {}; choose another draft"
OTHER_LISTS = "it has {} lists of {} layers, and one is needed"
LOOKS_AT_OTHER_KEYS = "some of its layers look at the keys of others"
FORWARD_REPLACED = "a forward of its parts was replaced, as where weights are offloaded"
ROWS_ON_BOTH_SIDES = (
    "forward: rows of {} to {} tokens lie on both sides of {}, where the {} of {} changes its factors; "
    "decode shorter and longer texts apart"
)
