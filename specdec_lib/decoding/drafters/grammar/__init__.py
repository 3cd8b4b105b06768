"""The one grammar of drafts: what ``--draft`` takes, and ``open_draft`` makes a drafter of::

    MODEL, MODEL@int4           a draft model: a folder, a GGUF file, ollama:NAME, a hub id, an embedded name;
                                in a dtype of its own
    self@int4                   the target itself, in another dtype
    lookup, lookup:n=2-3        prompt lookup, by runs of 1 to 3 tokens, or of 2 to 3
    suffix, suffix:least=4      the longest run that stood before, of at least 2 tokens, or of 4
    lookup:tokens=10            no more draft tokens a round than that (suffix too; options: n=3,tokens=10)
    layers:20                   the target's own first 20 layers and its head; they share its cache
    skip:3,5,7-9                the target without these of its layers, counted from 0
    head:FOLDER                 its first layers and an exit that 'specdec train --exit' has trained
    module:Class                a class of one's own, called with the target
    A > B                       A where it has something to say, else B

Words come first, then what lies in the folder, then the parts of a name: ``./lookup`` is a folder, and so is
``a@int4`` where there is one of that name. Reading a draft loads nothing, no torch either.
"""

from specdec_lib.decoding.drafters.grammar.reading import read_draft
from specdec_lib.decoding.drafters.grammar.specs import DraftSpec, open_draft

__all__ = ["DraftSpec", "open_draft", "read_draft"]
