"""Exact laws of any decoder in this process that draws from torch: every random branch is taken."""

from specdec_lib.lossless.audit.branches.replaying import Branches, ReplayedLaw, law_of

__all__ = ["Branches", "ReplayedLaw", "law_of"]
