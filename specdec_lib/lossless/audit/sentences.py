"""What is said of an engine whose law was summed over its random branches."""

from __future__ import annotations

EXACT_LAW = "exact law"
CONTROL_LAW = "exact law, no draft"
DISTANCE = "TV = {:.1e}"
BETWEEN = "TV {:.1e} to {:.1e}"
LAW_SAYS = "{}: {} tokens, up to {} a text"
BROKE = "{}: it raised {}"
REPLAYING = "{}, {}: {} replays, {:.1e} not visited"
EXACT = (
    "{} is exact on what it was tried on: its law, summed over every random branch, is the target's within "
    "{:.0e} in total variation."
)
BOUNDED = (
    "{} is exact as far as seen: of its law, summed over random branches, all but {:.1e} was visited in {} "
    "replays, and no event of it can be off by more than that."
)
NOT_EXACT = "{} is not exact: its law, summed over every random branch, is off by {:.2g} in total variation."
INTERRUPTED = "{} It was interrupted, after {} of {} cases."
TIME_UP = "{} Its time was up, after {} of {} cases."
LOSSY = "{} It is documented to change the law."
OPEN = (
    "{} could not be settled: of its law, {:.1e} was not visited after {} replays, and nothing was found in "
    "the rest; give it more time."
)
CONTROL_FAILS = "{} could not be asked: plain decoding of the same is off by {:.2g} already."
RAISED = "{} could not be asked: it raised {}."
NO_CASES = "audit: nothing to try {} on; pass at least one case"
DRAWS_ELSEWHERE = (
    "its texts differ, and it draws nothing from torch: draws from elsewhere cannot be followed, but its "
    "answers can be counted (--count)"
)
