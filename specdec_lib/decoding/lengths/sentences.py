"""Every sentence about a draft length that cannot be read: templates, filled by ``format`` in order."""

from __future__ import annotations

A_LENGTH = "a whole number from 1 on, confidence:0.4, entropy:0.4 or cost-aware"
NO_LENGTH = "draft length is '{}'; give {}"
UNKNOWN_WORD = "draft length '{}': unknown word '{}'; {}give {}"
OPTIONS_BEHIND_A_COLON = "draft length '{}': options stand behind a colon; write {}:{}"
MEANT = "did you mean {}?"
NO_OPTION = "draft length '{}': {} has no option '{}'; {}there is {}"
GIVEN_TWICE = "draft length '{}': {} is given twice; give it once"
MOST_IS_NO_COUNT = "draft length '{}': most is {!r}; give a whole number from 1 on"
THRESHOLD_OUT_OF_RANGE = "draft length '{}': threshold is {!r}; give a number from 0 to 1"
GAMMA_OUT_OF_RANGE = "draft length '{}': gamma is {!r}; give a number above 0"
TOO_LONG_TO_TIME = (
    "draft length cost-aware: most={}, and what drafts of more than {} tokens cost is not timed; give {} "
    "at most"
)
