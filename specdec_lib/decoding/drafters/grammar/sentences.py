"""Every sentence about a draft that cannot be read: templates, filled by ``format`` in order."""

from __future__ import annotations

# -- two that draft --------------------------------------------------------------------------------

TWO_DRAFTS = "draft and drafter both say what drafts; give one of the two"
DTYPE_OF_NO_MODEL = "draft dtype {} is of a draft model, and '{}' {}; leave it out"
NAMES_ITS_OWN = "names {}"
IS_NO_MODEL = "is no model"

# -- words and options -----------------------------------------------------------------------------

PARTS = {
    "layers": "layers:N, the number of the target's first layers, from 1 on",
    "skip": "skip:3,5,7-9, the layers to leave out, counted from 0",
    "head": "head:FOLDER, a folder that 'specdec train --exit' wrote",
}
"""How a draft of the target's own layers is written, by its word."""
MEANT = "did you mean {}?"
THERE_ARE = "{}there are {}"
ONE_SIDE_IS_EMPTY = "draft '{}': write A > B, with a draft on both sides"
UNKNOWN_DTYPE = "draft '{}': unknown dtype '{}'; {}"
WRITE_PART = "draft '{}:{}': write {}"
ODD_RUNS = "draft 'lookup:{}': n is '{}'; write n=3 or n=1-3, from 1 on"
NO_OPTION = "draft '{}:{}': {} has no option '{}'; {}"
GIVEN_TWICE = "draft '{}:{}': {} is given twice; give it once"
NO_COUNT = "draft '{}': {} is '{}'; write {}=N with N at least 1"
UNKNOWN_WORD = "draft '{}': unknown word '{}'; {}, and names of models"
