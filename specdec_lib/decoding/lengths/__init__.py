"""The one grammar of draft lengths: what ``--k`` takes, and ``read_length`` makes a policy of::

    4                               so many tokens in every round
    confidence, confidence:0.4      on while the draft's largest probability is at least 0.4
    entropy, entropy:0.4            AdaEDL: on while 1 - sqrt(0.2 H) of the draft is at least 0.4
    cost-aware                      as many as pay, by the costs measured here and the text's acceptance
    confidence:0.4,most=16          at most 16 tokens a round, where a word alone stops at 8
    entropy:0.4,gamma=0.3           another factor of the entropy

The policies themselves are those of :mod:`specdec_lib.decoding.draft_length` and
:mod:`specdec_lib.decoding.cost_aware`. Reading a draft length loads nothing, no torch either.
"""

from specdec_lib.decoding.lengths.reading import read_length, read_lengths
from specdec_lib.decoding.lengths.specs import LengthCosts, LengthSpec

__all__ = ["LengthCosts", "LengthSpec", "read_length", "read_lengths"]
