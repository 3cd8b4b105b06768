"""Every sentence about the files of a model: templates, filled by ``format`` in the order of their braces."""

from __future__ import annotations

# -- what lies in a folder -------------------------------------------------------------------------

NO_MODEL_OF_CONFIG = (
    "no model with a cache can be made of the config.json of {} ({}); correct it, or choose another model"
)
IS_AN_ENCODER = (
    "{} ({}) is not causal: an encoder, whose logits depend on tokens that come later; choose a "
    "decoder-only language model, or set is_decoder in its configuration"
)
LFS_POINTER = (
    "folder '{}': {} is a Git LFS pointer, not the file itself ({} such files); run 'git lfs pull' there, "
    "or fetch the model from the hub"
)
ADAPTER_BESIDE_WEIGHTS = (
    "'{}' holds an adapter ({}) beside the weights of a model, and does not say which of the two is meant; "
    "merge it (merge_and_unload, then save_pretrained) and pass the merged folder, or move the adapter's "
    "files elsewhere"
)
ASKS_FOR_KERNELS = (
    "'{}' asks for code from the hub ({} '{}' in config.json), which is never run here; remove {} from its "
    "config.json"
)
ASKS_FOR_OWN_CODE = "'{}' asks for Python code of its own ({}), which is never run here"
UNKNOWN_MODEL_TYPE = "{}; Transformers does not know its model type '{}', so choose another model"
OWN_CODE_STANDS_IN = "{}; Transformers' own code stands in for it"
METHOD_WITHOUT_NAME = "a method without a name"
UNKNOWN_QUANTISATION = (
    "the weights of '{}' are quantised by {}, which Transformers does not know; pass the model that they "
    "were quantised from"
)
OTHER_QUANTISATION = (
    "the weights of '{}' are stored quantised ({}) and cannot be had as {}; ask for dtype 'auto', or pass "
    "the model that they were quantised from"
)
SINGLE_FILE_BESIDE_SHARDS = (
    "'{}' holds model.safetensors beside shards ({}); the single file is read, the shards are not; remove "
    "what is not meant"
)

# -- weights before they are read ------------------------------------------------------------------

WEIGHTS_ARE_DAMAGED = "{}: its weights are damaged ({}); restore them"
INDEX_IS_DAMAGED = "{}: {} is damaged ({}); restore it"
TOO_FEW_WEIGHTS = (
    "the weights of {} lack most of the model that its config.json describes (at most {} in its files, {} "
    "described); fetch or export the model again"
)

# -- weights as they are read ----------------------------------------------------------------------

TENSORS_ARE_LACKING = (
    "the weights of {} lack {} tensors of the right shape, {} first; fetch or export the model again"
)
TENSORS_WITHOUT_PLACE = (
    "the files of {} hold {} tensors that its config.json has no place for, {} first: part of the model "
    "would be left out; fetch or export the model again"
)
TENSORS_NOT_USED = "{}: {} tensors are no part of the language model and are not used, {} first"
LAYER_TOO_NARROW = (
    "{}: int4 cannot pack {} ({} × {} weights) for this cpu: it is too narrow; choose float32, bfloat16 or "
    "float16"
)
SMALL_PACKED_SHARE = (
    "{}: int4 packs {:.0%} of the weights; the rest (embeddings, experts of a mixture) stays in 16 bits, "
    "and so does most of its memory"
)
INT4_CANNOT_PACK = (
    "int4 cannot pack {} ({} × {} weights) for this {}: it is too narrow ({}); choose float32, bfloat16 or "
    "float16"
)
INT4_NEEDS = "dtype 'int4' needs {}: pip install bitsandbytes accelerate, or choose another dtype"
UNPACKED_GGUF = "{}: its weights are stored as {} (GGUF) and unpacked here, with the memory that takes"
UNPACKED_FOR_DEVICE = (
    "{}: this device does not compute in its stored weights ({}), so they are unpacked to {}, with the "
    "memory that takes"
)
PLAIN_CALLED_QUANTISED = (
    "the config.json of {} calls its weights quantised ({}), and its files hold {} as plain {}; remove "
    "quantization_config from config.json, or fetch the model again"
)

NO_WEIGHTS_HERE = "{}: its weights are not on this disk; fetch it first"
FILE_UNREADABLE = "{}: cannot be read: {}"
