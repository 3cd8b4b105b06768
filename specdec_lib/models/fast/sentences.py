"""Every sentence about running a model: templates, filled by ``format`` in the order of their braces."""

from __future__ import annotations

# -- what a model cannot be fed --------------------------------------------------------------------

ID_WITHOUT_ROW = (
    "{} was fed token id {}, and its embedding has {} rows: ids go from 0 to one less; use the tokenizer "
    "of this model"
)
NEEDS_MORE_THAN_IDS = (
    "{} cannot be fed token ids alone ({}); choose a decoder-only language model, or see whether its "
    "config.json is the one of its weights"
)
ONE_TOKEN_AT_A_TIME = (
    "{} cannot be fed several tokens behind a cache ({}), as rounds of drafting do; choose another model, "
    "or decode it with AutoregressiveDecoder"
)
NOT_CAUSAL = (
    "{} is not causal: its logits depend on tokens that come later; choose a decoder-only language model, "
    "or set is_decoder in its configuration"
)

# -- why eager mode goes on ------------------------------------------------------------------------

GAVE_UP = "torch.compile gave up, running eager"
LOGITS_DIFFER = "compiled logits differ from eager ones by {:.2g}"
NUMBER_OF_IDS_UNKNOWN = "{} does not say how many ids it can be fed"
LAYERS_SEE_A_PART = "{} has layers that do not see the whole text ({})"

# -- why there is no native forward ----------------------------------------------------------------

NO_COMPILER = "no C++ compiler ({})"
NO_CACHE_FOLDER = "no folder that built code can be kept in; set SPECDEC_CACHE"
OTHER_SIZES = "the compiler lays structures out otherwise"
OTHER_SIZES_OF = "{} of sizes that do not fit"
OTHER_LAYER = "a part of the model is {}"
OTHER_NUMBERS = "weights of {}"
SEVERAL_TYPES = "weights of several types"
HAS_HOOKS = "{} has hooks"
ATTENDS_OTHERWISE = "attention of {} depends on more than positions"
SWITCHED_OFF = "{} is 0"
NO_ROW = "a token id has no row in the embedding"
NO_POSITION = "a position lies beyond the model's or the cache's"
NO_NATIVE = "no native forward, compiling by torch"
CHANGED = "{} was changed, and cannot be run compiled any more ({}); wrap it anew, without compile"

# -- products and threads --------------------------------------------------------------------------

UNKNOWN_FORM = "{}: unknown form {!r} of matrix products; choose from {}"
NO_PACKED_PRODUCTS = (
    '{}: this build of torch cannot multiply with packed weights here; choose "plain" or "transposed"'
)
THREADS_WAIT = "{} threads share {} processors, where they wait for each other; ask for {} at most"
THREADS_ARE_NO_NUMBER = "{} is {!r} in the environment; set a whole number >= 1, or unset it"
THREADS_OUT_OF_RANGE = "{} is {}; pass 1 to {}, or {}"
PASS_NONE = "None to let it be chosen"
UNSET = "unset {}"

# -- several texts in one forward ------------------------------------------------------------------

ROWS_ONE_BY_ONE = "no forward for several texts, running them one by one"
CANNOT_BE_TOLD_POSITIONS = "{} cannot be told positions"
OTHER_LAYERS = "{} has layers of {}"
TOGETHER_DIFFERS = "logits of texts together differ from those of each alone by {:.2g}"
ODD_LENGTHS_OF_ROWS = "truncate rows: lengths {} of rows that hold {}"
ODD_FEEDS = (
    "forward: feeds of {} tokens and {} logits for {} rows; pass one feed a row, a token at least, and no "
    "more logits than tokens"
)
