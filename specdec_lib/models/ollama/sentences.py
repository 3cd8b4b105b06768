"""Every sentence about Ollama: templates, filled by ``format`` in the order of their braces."""

from __future__ import annotations

# -- its models on this machine --------------------------------------------------------------------

NOT_DOWNLOADED = "'{}' is not among the models that Ollama has downloaded {}"
NEAREST_NAMES = "(it has {}); run: ollama pull {}"
NOTHING_DOWNLOADED = "(none in {}); run: ollama pull {}, or set OLLAMA_MODELS"
HAS_AN_UNREAD_PART = "'{}' has {}; choose a model without"
ADAPTER = "an adapter on top of a model's weights, which are not merged"
PROJECTOR = "a part that sees images beside its language model"
SEVERAL_FILES = "'{}' has {} files of weights in GGUF form, and one is read here; choose another model"
WEIGHTS_ARE_LACKING = "the weights of '{}' are not in Ollama's store; run: ollama pull {}"
MANIFEST_IS_DAMAGED = "the manifest of '{}' is damaged ({}: {}); pull the model again"

# -- its server ------------------------------------------------------------------------------------

REFUSED = "Ollama at {}: {} ({})"
NO_SERVER = "no Ollama server at {} ({}); start it (ollama serve) or set OLLAMA_HOST"
TOO_SLOW = "Ollama at {} did not answer within {:g} s; is it busy?"
REPORTS = "Ollama reports: {} ({})"
NOT_OLLAMAS = "the answer of {} is not {}; is the server really Ollama?"
A_JSON_OBJECT = "a JSON object"
A_FIELD = "a field '{}'"

# -- a generation ----------------------------------------------------------------------------------

NO_ADDRESS = "Ollama host '{}' is no address ({}); pass host:port or an http(s) URL"
NO_HOST = "no host"
NO_TOKENS = "Ollama generate: max_tokens is {}; pass 1 or more"
NO_OPTIONS = "Ollama generate: options is {!r:.60}; pass a dictionary of them"
REFUSED_OPTION = "Ollama generate: {} {}"
CALL_STREAM = "is no option; call stream() for a stream"
PASS_MAX_TOKENS = "is max_tokens here; pass that alone"
PASS_A_PROMPT = "belongs to a chat; pass one prompt"
NO_JSON = "Ollama generate: {} is {!r}, which is no JSON ({})"
STREAM_CUT = "Ollama at {} ended the stream before the text was done; try again"
ONLY_THOUGHT = "{} thought and wrote no text within {} tokens; allow more, or pass think=False"
A_LIST_OF_MODELS = "a list of models"
COUNTS_AND_DURATIONS = "counts and durations"
