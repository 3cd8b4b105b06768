"""Every sentence about a model that is named, found, loaded, paired and run, its rooms' own aside.

Templates are filled by ``format``, in the order of their braces. What an architecture, a cache, fast
forwards, files, GGUF, Ollama and text have to say stands in a ``sentences.py`` in the room of each.
"""

from __future__ import annotations

# -- names -----------------------------------------------------------------------------------------

UNKNOWN_PAIR = "Unknown pair '{}'. Available pairs: {}"
NAME_AND_MODELS = "a pair's name and models of your own were given; give one of the two"
LACKS_A_MODEL = "a pair of your own needs both its models; the {} is missing"
UNSUPPORTED_DTYPE = "Unsupported dtype '{}'. Choose from: {}"
OTHER_DRAFT = "choose a draft of the target's own family, or one that needs no model (--draft lookup)"

# -- places ----------------------------------------------------------------------------------------

NO_FOLDER = "model folder '{}' does not exist; pass a folder or a hub id"
NO_MODEL_IN_FOLDER = "folder '{}' holds no model: there is no config.json in it"
NO_GGUF_FILE = "GGUF file '{}' does not exist; pass the path of a file on this disk"
GGUF_ON_THE_HUB = (
    "'{}' names a repository of GGUF files, which are not fetched from the hub here; download one (hf "
    "download) and pass its path"
)
WEIGHTS_ALONE = "'{}' is a file of weights alone; pass the folder that holds it, with its config.json"
FILE_AND_NO_FOLDER = "'{}' is a file and no model folder; pass a folder or a hub id"
ADAPTER_ALONE = (
    "{} holds an adapter alone (adapter_config.json), not the model that it adapts; merge it into that "
    "model (merge_and_unload, then save_pretrained) and pass the merged folder"
)
GGUF_IN_A_FOLDER = "{} holds GGUF files and no config.json; pass one, {}, by {}"
ITS_PATH_ONCE_DOWNLOADED = "its path once it is downloaded"
ITS_PATH = "its path"
NO_JSON_OBJECT = "cannot load the {} of {}: it holds no JSON object; fetch it again"
CANNOT_LOAD = "cannot load the {} of {}: {}"
NOT_ENOUGH_MEMORY = "not enough memory; choose a smaller dtype or model"
NOWHERE = "no folder has that name, its files are not in the local cache, and {}"
WEIGHTS_HOLD_CODE = (
    "a file of weights holds other objects, or code, which never runs here; export safetensors"
)
FILE_IS_DAMAGED = "the file is damaged ({})"

# -- the hub ---------------------------------------------------------------------------------------

HUB_UNREACHABLE = "the hub cannot be reached"
GATED = "it is gated; accept its licence on its page on the hub, then log in (hf auth login)"
TOKEN_REFUSED = "the hub refuses the access token (401); log in again (hf auth login) or unset HF_TOKEN"
TOKEN_FORBIDDEN = "the hub forbids it (403); this access token lacks the permission, so log in with another"
HUB_IS_BUSY = "the hub is busy with too many requests (429); wait a minute, or log in (hf auth login)"
HUB_IS_BROKEN = "the hub is out of order or busy ({}); try again later"
NEITHER_FOLDER_NOR_REPOSITORY = (
    "'{}' is neither a local folder nor a public model on the hub; check its name, or log in (hf auth "
    "login) if it is private or the access token has expired"
)
HUB_SILENT = "the hub did not answer"

# -- devices and dtypes ----------------------------------------------------------------------------

NO_DEVICE = "device '{}' is not available here; try 'cpu'"
META_DEVICE = "device 'meta' holds shapes and no numbers; try 'cpu'"
TWO_VOCABULARIES = (
    "{}: {} has other tokens than {}, and here both are read by the same ids; choose a draft of the same ones"
)
N_TOKENS_BELOW_ZERO = "--n-tokens is {}; pass 0 or more"
PROMPT_IS_EMPTY = "--prompt holds no token; pass some text"
PROMPT_IS_TOO_LONG = "--prompt has {} tokens, {} sees {}; shorten it"
NO_FLOAT16_ARITHMETIC = (
    "pair '{}': this processor has no float16 arithmetic, so it runs in {}; ask for a dtype to have another"
)

# -- a draft and its target ------------------------------------------------------------------------

TARGET_LACKS = "draft for {}: it has no {}; load it with load_model, or pass a drafter"
PAIR_IS_TRANSLATED = "pair '{}': draft and target have two vocabularies, {}"
PAIR_DIFFERS_IN_IDS = (
    "pair '{}': the vocabularies are the same but for {}; the draft never proposes these, and texts stay "
    "the target's own"
)
PAIR_IS_ONE_MODEL = "pair '{}': draft and target are the same model, so drafting cannot make it faster"
NO_TRANSLATION = (
    "pair '{}': draft and target have two different tokenizers and do not share a vocabulary ({} and {} "
    "tokens, they differ in {}), so it needs vocabulary translation, which cannot be had ({}); {}"
)
FEW_IN_BOTH = "only {} {} in both"
IDS_WITHOUT_ROWS = (
    "{}: its tokenizer has {} ids and its embedding {} rows, so that {} ids cannot be fed; a prompt that "
    "holds one is refused"
)
DIFFERENT_ID = "{} ({} in the draft, {} in the target)"
AND_MORE = "; and {} more"

# -- a model that runs -----------------------------------------------------------------------------

IS_A_CLASS = "{}: {} is a class; pass an object of it"
NO_CAUSAL_MODEL = (
    "{}: {} is no CausalModel: it lacks {}; add what is missing, or put a model of Transformers into a "
    "ModelWrapper"
)
NO_TEXT = "{}: {} knows token ids and no text; pass ids, and no stop strings"
HOLDS_NO_WEIGHTS = "forward: {} is on the device 'meta', which holds no weights; load it on a cpu or a gpu"
NOT_COMPILED = "forward: {} is not compiled; pass a cache of its own new_cache"
NOT_ONE_SEQUENCE = "forward: input_ids have shape {}; pass one sequence, [1, n] with n >= 1"
NEGATIVE_LOGITS_TO_KEEP = "forward: logits_to_keep is {}; pass 0 (all) or a count"
