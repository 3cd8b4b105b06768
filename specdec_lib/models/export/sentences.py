"""Every sentence about a model that is written for another engine: templates, filled by ``format``."""

from __future__ import annotations

NEEDS_GGUF_TO_WRITE = "writing GGUF files needs the gguf package: pip install gguf"
NEEDS_OPENVINO = (
    "writing for OpenVINO needs its packages: pip install openvino==2026.4.1 openvino-tokenizers==2026.4.1.0 "
    "(it lacks {})"
)
UNKNOWN_FORM = "cannot export to '{}'; choose from: {}"
UNKNOWN_WIDTH = "cannot write weights as '{}' for {}; choose from: {}"

# -- the model -------------------------------------------------------------------------------------

KIND_IS_NOT_WRITTEN = "cannot write '{}' for {}: it is a {}, and what is written here are {}"
HAS_A_WINDOW = (
    "cannot write '{}' for {}: its attention sees a window of {} tokens, which would be written as one that "
    "sees all"
)
IS_PACKED = "cannot write '{}': its weights are packed as {}; pass the model that they were packed from"
IS_CALLED_OTHERWISE = "cannot write '{}' for {}: its {} is {}, and that engine computes {} for a {}"
SCALES_POSITIONS = "cannot write '{}' for {}: its positions are scaled by '{}', which is not written here"
TUNES_ITS_SCALING = "cannot write '{}' for {}: its scaling of positions states {}, which is not written here"
TENSOR_HAS_NO_NAME = "cannot write '{}' as a GGUF file: its tensor {} has no name there"
WEIGHTS_OVERFLOW = "cannot write '{}' in f16: {} of its weights in {} are too large for it; choose f32"

# -- its tokenizer ---------------------------------------------------------------------------------

HAS_NO_FAST_TOKENIZER = "cannot write the tokenizer of '{}': it has no tokenizer.json of its own"
TOKENIZER_IS_NOT_WRITTEN = (
    "cannot write the tokenizer of '{}' as GGUF: its model is {}; what is written is byte-level BPE with a "
    "splitting that llama.cpp has a name for, and sentencepiece-like BPE with bytes for unknown characters"
)
SPLITTING_HAS_NO_NAME = (
    "cannot write the tokenizer of '{}' as GGUF: it splits text by a rule that is none of {}, so that a file "
    "would give other ids"
)
SPLITS_BESIDE_SCORES = (
    "cannot write the tokenizer of '{}' as GGUF: it splits text before it merges, and a file of scores "
    "splits none, so that it would give other ids"
)
FRAMES_TEXTS_OTHERWISE = (
    "cannot write the tokenizer of '{}' as GGUF: around a text it puts {} and {}, and a file can say only "
    "whether the beginning's and the end's own tokens stand there"
)
TOKEN_STRIPS = "cannot write the tokenizer of '{}' as GGUF: its token {!r} {}, which a file cannot say"
SWALLOWS_SPACES = "swallows the white space beside it"
IS_A_WORD = "counts as a whole word alone"
MORE_TOKENS_THAN_ROWS = (
    "cannot write '{}': its tokenizer has ids up to {} and its embedding {} rows; pass the tokenizer it was "
    "trained with"
)
TOO_MANY_ENDS = "cannot write '{}' as GGUF: {} ids end its texts, and a file names three"
READS_BACK_OTHERWISE = (
    "'{}' was not written: read back, it has another {} than the model; pass a model of another kind"
)
ENDS_BY_NAME = (
    "{}: llama.cpp ends texts at {} too, by its name alone; nothing in a file forbids it, so its texts may "
    "end where this model's go on"
)
