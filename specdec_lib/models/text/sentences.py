"""Every sentence about text and ids: templates, filled by ``format`` in the order of their braces."""

from __future__ import annotations

# -- ends of texts ---------------------------------------------------------------------------------

END_IS_NO_ID = "cannot load the {} of {}: its {} is {!r:.60}; write one token id, or a flat list of them"
MODELS_END_IS_NO_ID = "eos_token_id of the model is {!r}; its configuration must name ids"
END_BEYOND_VOCABULARY = (
    "{}: {} names {} {} outside the vocabulary [0, {}), so that no text will end there; correct it, or set "
    "a stop string"
)

# -- chats -----------------------------------------------------------------------------------------

NO_CHAT_TEMPLATE = "chat: the tokenizer has no chat template; pass the text as it is"
NO_MESSAGES = "chat: got {!r:.80}; pass a text, or messages such as {{'role': 'user', 'content': '…'}}"
TEMPLATE_REFUSES = "chat: the template refuses the messages ({:.240})"
NO_TOKENIZER = "{}: {} was wrapped without a tokenizer; pass one"

# -- tokenizers as their files describe them -------------------------------------------------------

NEEDS_OWN_CODE = (
    "the tokenizer of '{}' needs Python code of its own, which is never run here, and there is no {} that "
    "could do without; choose another model"
)
LENGTH_IS_NO_NUMBER = (
    "cannot load the tokenizer_config.json of {}: its model_max_length is {!r:.60}; write a number of "
    "tokens, or leave the field out"
)
TIKTOKEN_TAKES_LONG = (
    "{}: its tokenizer is {} alone, in tiktoken's form, which is converted at each start and takes a "
    "minute or two for a large vocabulary; to convert it once, run "
    "AutoTokenizer.from_pretrained({!r}).save_pretrained(folder) and put its tokenizer.json beside the "
    "weights"
)
TIKTOKEN_IS_MISREAD = (
    "Transformers {} misreads {}, the tokenizer of {} in tiktoken's form: texts change; take 5.3 or newer, "
    "or put a {} beside the weights"
)
CLASS_REPLACES_PARTS = (
    "{}: the class {} replaces parts of its {} ({}), so that texts can have other ids; the file's own are "
    "used"
)

# -- bytes of tokens, and translation by them ------------------------------------------------------

WRITTEN_IN_PYTHON = (
    "bytes of tokens: {} is written in Python, and does not say what its ids stand for; save it with a "
    "tokenizer.json"
)
BYTES_NOT_KNOWN = (
    "bytes of tokens: not known for a tokenizer that decodes by {} and cuts by {}; known are byte-level "
    "ones and those that spell as SentencePiece does"
)
TRANSLATED = (
    "translated by bytes ({} byte strings are in both, of {} ids of text in the draft and {} in the "
    "target: {} of a sample text); {} ({} draft tokens that are right bring {})"
)
WAYS_CHOSEN = "greedy drafts go {}, sampled ones {}"
TOKEN_BY_TOKEN = "token by token"
BY_TEXT = "by text"
