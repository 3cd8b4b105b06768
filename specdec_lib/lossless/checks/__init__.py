"""Every check says what it found and what it could have found, of whichever decoder is on trial."""

from specdec_lib.lossless.checks.exact import (
    check_one_position,
    check_small_law,
    check_tables,
    one_position_difference,
)
from specdec_lib.lossless.checks.identity import check_caches, check_endings, check_greedy
from specdec_lib.lossless.checks.sampled import (
    check_efficiency,
    check_independence,
    check_joint_law,
    check_uniformity,
)

__all__ = [
    "check_caches",
    "check_efficiency",
    "check_endings",
    "check_greedy",
    "check_independence",
    "check_joint_law",
    "check_one_position",
    "check_small_law",
    "check_tables",
    "check_uniformity",
    "one_position_difference",
]
