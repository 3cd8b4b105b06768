"""Every sentence about a server that is audited: templates, filled in the order of their braces."""

from __future__ import annotations

# -- which server it is ----------------------------------------------------------------------------

NO_PROTOCOL = (
    "{}: a server answers, but neither as llama.cpp (/props) nor with models (/v1/models): {}; pass the"
    " address of vLLM, SGLang, llama.cpp, TGI or Ollama"
)
NO_SUCH_PROTOCOL = "open server: protocol is '{}'; pass llama.cpp, openai, or None to find out"
NO_MODEL = "{}: the server has no model; start it with one"
WHICH_MODEL = "{}: the server has {} models ({}), and none is '{}'; name one of them"
CHAT_ONLY = (
    "{}: /v1/completions is not there (status {}); a chat's template and parser stand between us and the law:"
    " start a server that completes plain text"
)

# -- what an answer has to have --------------------------------------------------------------------

NO_FIELD = "{}: the answer has no '{}'; is it the server that was meant?"
WRONG_FIELD = "{}: '{}' of the answer is {}, not {}; is it the server that was meant?"
AN_OBJECT, A_LIST, A_TEXT, A_FLAG, A_NUMBER = (
    "an object",
    "a list",
    "a text",
    "true or false",
    "a finite number",
)
A_WHOLE_NUMBER = "a whole number from {} to {}"
ONE_CHOICE = "a list of one choice"
AN_ENDING = "one of {}"
TOO_MANY_TOKENS = "{}: {} tokens came where {} were asked for; the server does not keep max_tokens"
TOO_FEW_TOKENS = (
    "{}: {} of {} tokens came, and the server names no end of the text; is its context full, or its time?"
)
OTHER_PROMPT = (
    "{}: the server read {} tokens of a prompt of {}; what it answers is behind another prompt: switch off"
    " what adds or cuts tokens"
)
CONTEXT_TOO_SMALL = (
    "{}: a prompt of {} tokens and {} more are asked for, the context has {}; ask for fewer, or start the"
    " server with a larger one"
)
WAS_CUT = "{}: the server cut the text, its context of {} is full; start it with a larger one"
NO_PROMPT = "{}: the request has no prompt; give ids or a text"
IDS_OR_TEXT = (
    "{}: ids cannot follow a prompt that is a text in this server's requests; name the model (--target MODEL"
    " or --pair PAIR), whose tokenizer makes ids of it, or give its ids (prompt_ids in Python)"
)
NEGATIVE_TOKENS = "{}: {} tokens are asked for; ask for one or more"
NO_TEMPERATURE = "{}: the temperature is {}; pass 0 or more"
NO_TOP_K = "{}: top_k is {}; pass 1 or more, or None"

# -- what has to be off ----------------------------------------------------------------------------

STILL_ON = "{}: {} was sent as {}, and the server used {}; start it without, or it samples another law"
NOT_ECHOED = "not echoed by the server: {}; held against plain decoding instead"
NOTHING_ECHOED = (
    "the server does not say what it sampled with; that everything else is off is held against plain decoding"
    " instead"
)
FIELDS_REFUSED = (
    "the server takes no {}; what it does by default there is held against plain decoding instead ({})"
)
NO_CUT = "{}: the server takes no top_k, and {} is asked for; leave the law whole (top_k None)"
OLLAMA_DEFAULTS = (
    "Ollama passes over top_k, min_p and repetition_penalty in /v1/completions, and its own defaults stay on:"
    " set them to off in a Modelfile, or compare with plain decoding alone"
)

ENDS_UNKNOWN = (
    "the server does not tell which ids end a text: an answer's last id is taken for its end where it"
    " stopped, and a law holds the end among its tokens; name the model (--target MODEL), or the"
    " ids (end_ids in Python)"
)

# -- traps -----------------------------------------------------------------------------------------

SPECULATING_LAW = (
    "{}: the server speculates ({}), and then its log-probabilities are no law (a drafted token has 0.0);"
    " take the law from the same server started without a draft"
)
BY_ITS_SETTINGS = "speculative.types is '{}'"
BY_ITS_COUNTS = "it counts {} draft tokens"
BY_ITS_LAW = "read {} times, a law was certain each time, and not of the same token"
BY_AN_EMPTY_LAW = "it tells a token with certainty, and no other"
REMEMBERS = "the server drafts from earlier requests ({}): answers of one request may depend on others"
PROMPTS_REUSED = (
    "the server reuses the prompts of earlier requests (cached_tokens): last digits of a law may differ by"
    " what was asked before"
)
CACHES_PROMPTS = "the server reused {} tokens of an earlier prompt although cache_prompt was false"
SAME_ANSWERS = (
    "{}: {} different seeds gave one and the same answer, which the law gives with probability {:.1e} at"
    " most; the seed is fixed: start the server without one"
)
SAME_ANSWERS_UNJUDGED = (
    "{} different seeds gave one and the same answer; either the law is nearly certain, or the seed is fixed"
)

# -- laws ------------------------------------------------------------------------------------------

NO_LAW = (
    "{}: the server tells no log-probabilities; take the law from local weights (--target MODEL), or compare"
    " with a control"
)
TEXT_LAW = (
    "{}: the server tells log-probabilities by a token's text, which no id can be read from ('{}'); take the"
    " law from local weights (--target MODEL)"
)
NOT_A_LAW = (
    "{}: the log-probabilities are no law ({}); take it from another server, or from weights (--target)"
)
ADDS_UP_TO = "they add up to {:.6g}"
TOLD_TWICE = "token {} comes twice"
ABOVE_ONE = "token {} has {:.6g}, above 0"
FEWER_TOLD = "the server told {} of {} log-probabilities asked for: {:.3g} of the law is untold"
CANNOT_WARP = (
    "{}: {} tokens with {:.4f} of the law are told, which is not enough for temperature {:g} and top_k {};"
    " ask at temperature 1, or have the server tell more (vLLM: --max-logprobs)"
)

# -- many requests ---------------------------------------------------------------------------------

REQUEST_FAILED = "request {} of {}: {}"
