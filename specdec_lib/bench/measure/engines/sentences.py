"""What is said of other people's engines as arms of a comparison: templates, filled by ``format``."""

from __future__ import annotations

UNKNOWN = "--engines names '{}', which is no engine; did you mean {}? A running server goes in by its address"
WITHOUT_PEERS = "--engines stand beside the arms of a comparison; give --peers too"
NO_ADDRESS = "--engines: {}= names no address; give http://HOST:PORT behind it"
NAMED_TWICE = "--engines names {} twice; two servers take names of their own, as in one=http://…,two=http://…"
NOT_INSTALLED = (
    "{} is not installed in {} ({} is missing): make peers installs it, --engines-folder says where"
)
WIDTH_IS_NOT_WRITTEN = "{} is given weights in {}, and this pair's are {}; choose --dtype"
ON_THE_CPU = "--engines compute on the CPU, and the pair is on {}; choose --device cpu"
WRITING = "writing {} for {} …"
STARTING = "{} starts …"
TELLS_NO_IDS = "{} tells text and no ids, so that nobody knows what it was timed on"
OTHER_MODEL = "{} serves a vocabulary of {} tokens, and the target has {}: another model"
ENDED = "{} ended: {}; its log, {}, ends with: {}"
RAISED = "{} raised an error: {}"
HUNG_UP = "its process hung up"
WAS_CUT = "{}: {} at T = {:g} ended after {} of {} tokens by itself; it is left out"
