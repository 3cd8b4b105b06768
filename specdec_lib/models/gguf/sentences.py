"""Every sentence about a GGUF file: templates, filled by ``format`` in the order of their braces."""

from __future__ import annotations

# -- the file itself -------------------------------------------------------------------------------

NEEDS_GGUF_PACKAGE = "'{}' is a GGUF file, which needs the gguf package: pip install gguf"
CANNOT_READ = "cannot read {}: {}"
IS_NO_GGUF = "'{}' is no GGUF file: it does not begin with GGUF; fetch it again"
IS_TRUNCATED = "'{}' is truncated: its header describes {} bytes and it has {}; fetch it again"
HEADER_IS_DAMAGED = "'{}' is damaged: its header makes no sense at byte {}; fetch it again"
VERSION_IS_NOT_READ = "'{}' is {}, which is not read here; convert it again"
OF_OTHER_BYTE_ORDER = "for a machine of the other byte order"
OF_VERSION = "of GGUF version {}"
IS_ONE_PART = (
    "'{}' is one part of a split model; join the parts (llama-gguf-split --merge FIRST OUT) and pass the "
    "whole file"
)
HOLDS_A_PART = "'{}' holds no language model but a part of one ({})"
HOLDS_A_VOCABULARY = "'{}' holds a vocabulary alone, and no weights; pass a model"
TYPE_IS_UNKNOWN = (
    "'{}' holds tensors of type {}, which this version of the gguf package does not know; upgrade it (pip "
    "install --upgrade gguf), or fetch the file again"
)
TYPE_IS_NOT_UNPACKED = (
    "{}: the gguf package does not unpack its tensors of type {} ({}); take a file of another quantisation"
)

# -- its model -------------------------------------------------------------------------------------

KIND_IS_NOT_READ = (
    "'{}' holds a model of the kind '{}', which is not read from GGUF files here (but {}); pass the folder "
    "or hub id that it was made from"
)
STATES_THE_UNREAD = (
    "'{}' states {}.{}, which is not read here: without it the model would be another; pass the folder or "
    "hub id that it was made from"
)
LACKS_EMBEDDING = "'{}' lacks the tensor token_embd.weight; fetch it again"
LACKS_NUMBER = "'{}' lacks {}.{}; convert or fetch it again"
DIFFERS_BY_LAYER = "'{}' has {} {!r:.60}, one for each layer or none; such a model is not read here"
ROTATES_A_PART = "'{}' rotates a part of each head, which is not read here"
SCALES_OTHERWISE = (
    "'{}' scales its positions by {}, which is not read here; pass the folder or hub id that it was made from"
)
LACKS_PART_OF_LONGROPE = "'{}' lacks a part of its longrope; fetch or convert it again"
FACTORS_ARE_NOT_LLAMAS = (
    "'{}' scales its positions by factors that are not Llama 3's, which are not read here; pass the folder "
    "or hub id that it was made from"
)

# -- its tokenizer ---------------------------------------------------------------------------------

HOLDS_NO_TOKENIZER = "'{}' holds no tokenizer; pass the folder that it was made from"
TOKENIZER_IS_NOT_READ = (
    "'{}' has a tokenizer of the kind '{}', which is not read from GGUF files here (but {}); pass the "
    "folder or hub id that it was made from"
)
NAMES_NO_TOKEN = "'{}' names {}_token_id {}, and it has {} tokens; fetch or convert it again"
SPLITS_UNKNOWN = (
    "'{}' {}, so that texts could have other ids than the model was trained on; pass the folder or hub id "
    "that it was made from"
)
DOES_NOT_SAY_HOW = "does not say how text is split (tokenizer.ggml.pre)"
SPLITS_AS = "splits text as '{}', which is not known here"
LACKS_MERGES = "'{}' lacks tokenizer.ggml.merges; fetch or convert it again"
LACKS_SCORES = "'{}' lacks tokenizer.ggml.scores; fetch or convert it again"
