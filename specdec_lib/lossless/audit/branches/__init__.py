"""Exact laws of any decoder in this process that draws from torch: every random branch is taken."""

from specdec_lib.lossless.audit.branches.replaying import (
    Branches,
    ReplayedDistance,
    ReplayedLaw,
    distances_of,
    law_of,
)

__all__ = ["Branches", "ReplayedDistance", "ReplayedLaw", "distances_of", "law_of"]
