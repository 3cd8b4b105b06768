"""The kinds of records: a frozen dataclass each, which says what a line holds and what its fields must hold.

By attribute a record gives objects (``record.config``, ``record.result``), by name what its line says
(``record["result"]["generated_ids"]``). Whoever reads lines may rely on both: a line that a kind does not
describe makes no record. Knows records and no file; what makes one of a line is
:mod:`specdec_lib.bench.records.schema`.
"""

from __future__ import annotations

from specdec_lib.bench.records.kinds.base import SCHEMA_VERSION, AnyRecord, Name, Optional, Record, of_kind
from specdec_lib.bench.records.kinds.cells import CellRecord
from specdec_lib.bench.records.kinds.measured import (
    ArmRecord,
    CostsRecord,
    PeerRecord,
    ProfileRecord,
    RunRecord,
    ScalingRecord,
    ShapeRecord,
    StagesRecord,
)

KINDS: dict[str, type[Record]] = {
    kind.kind: kind
    for kind in (
        RunRecord, ProfileRecord, CostsRecord, ArmRecord, PeerRecord, ScalingRecord, ShapeRecord,
        StagesRecord, CellRecord,
    )
}  # fmt: skip
"""By its name in a line."""

__all__ = [
    "KINDS",
    "SCHEMA_VERSION",
    "AnyRecord",
    "ArmRecord",
    "CellRecord",
    "CostsRecord",
    "Name",
    "Optional",
    "PeerRecord",
    "ProfileRecord",
    "Record",
    "RunRecord",
    "ScalingRecord",
    "ShapeRecord",
    "StagesRecord",
    "of_kind",
]
