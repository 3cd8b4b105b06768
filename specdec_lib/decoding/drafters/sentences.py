"""Every sentence about what drafts, its rooms' own aside: templates, filled by ``format`` in order."""

from __future__ import annotations

# -- what is no drafter, and no proposal -----------------------------------------------------------

IS_A_CLASS = "drafter {} is a class; pass an object of it, such as {}(target)"
HAS_NO_START = (
    "drafter {} has propose but no start: each text has a state of its own, so write start(self, "
    "prompt_ids, end=0), which returns an object with propose and roll_back (in place of reset; a drafter "
    "that keeps nothing returns self)"
)
LACKS = "{} is no drafter: it lacks {}"
STATE_LACKS = "drafter {}: start returned {}, which has {}; return an object that has both"
ODD_TENSOR = (
    "drafter {}: propose answered with a tensor of {} on {}; return real numbers on the target's device or "
    "the cpu"
)
NO_PROPOSAL = "drafter {}: propose answered with {}; return a Proposal(ids, probs) of dense tensors"
ODD_SHAPE = (
    "drafter {}: propose answered with ids of shape {} and type {}; return one row of at most {} token ids"
)
IDS_BEYOND_VOCABULARY = "drafter {}: propose answered with ids {}; they must lie in [0, {})"
NO_PROBS = (
    "drafter {}: propose gave no probs at temperature {:g}; return the distributions that its ids were "
    "drawn from, one-hot where nothing was drawn"
)
ODD_SUM = (
    "drafter {}: row {} of its probs sums to {:.6g}, from {:.3g} on; give distributions, such as a softmax "
    "in float32"
)
PROPOSED_THE_IMPOSSIBLE = (
    "drafter {}: it proposes id {}, to which row {} of its probs gives 0; give the distributions that the "
    "ids were drawn from, one-hot where nothing was drawn"
)

# -- cascades --------------------------------------------------------------------------------------

NO_DRAFTERS = "cascade: no drafters; pass at least one"
TWO_TARGETS = "cascade: {} has {} logits, {} has {}; the drafters of a cascade draft for one target"

# -- draft models ----------------------------------------------------------------------------------

NOT_ROLLED_BACK = (
    "propose: k = {}, {} tokens of text, {} in the cache; pass k >= 1 and roll the drafter back to the "
    "accepted text first"
)
BELONGS_TO_A_STATE = (
    "drafter {}: {} belongs to the state of a text; write class state(DraftModelState) inside {} and put "
    "it there"
)

# -- the target's own layers -----------------------------------------------------------------------

ALL_LAYERS_KEPT = "draft for {}: {} of its {} layers are kept; leave some out"
NO_SUCH_LAYER = "draft for {}: layer {} is to be left out; it has layers 0 to {}"
ALL_LAYERS_LEFT_OUT = "draft for {}: all of its {} layers are left out; keep some"
HAS_NO_LAYERS = (
    "draft for {}: {} has no layers that could draft; pass a ModelWrapper, or choose another draft"
)

# -- the text itself -------------------------------------------------------------------------------

INDEX_NOT_ROLLED_BACK = (
    "propose: {} tokens of text, {} in the index of {}; roll the drafter back to the accepted text first"
)
CORPUS_HOLDS_STRANGE_ID = "suffix: the corpus holds id {}; pass ids of {}, in [0, {})"

# -- classes of one's own --------------------------------------------------------------------------

WRITE_MODULE_AND_CLASS = "drafter '{}': write module:Class, such as my_drafts:Lookup"
CLASS_FAILED = "drafter '{}': {}"
CALL_FAILED = "drafter '{}': calling it with the target failed: {}"
ODD_VOCAB_SIZE = (
    "drafter '{}': its vocab_size is {!r}; the class is called with the target, so take target.vocab_size"
)
