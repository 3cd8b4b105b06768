"""Whether speculation emitted the baseline's tokens, where both are deterministic and exact.

At temperature 0 in float32 it must, token for token. In half precision a forward of width K + 1
is not bit-identical to one of width 1 and ties between logits may fall the other way, so there a
difference is a fact to report and no error. Knows results and records, no models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from specdec_lib.bench.records.kinds import PeerRecord, Record, RunRecord, of_kind
from specdec_lib.errors import SpecDecError
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.utils.row import Row

EXACT_DTYPES = ("float32", "float64")


class OutputsDiffer(SpecDecError):
    """Speculation emitted other tokens than the baseline where both are exact: temperature 0, float32."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PartingRow(Row):
    """A run whose ids part from the reference's, at token ``first_difference``; ``logit_gap``: how far apart
    the target's logits of the two tokens are, ``tied``: whether that is within rounding."""

    decoder: str
    prompt_id: str
    repeat: int
    reference: str | None = None
    first_difference: int
    logit_gap: float | None = None
    tied: bool | None = None


@dataclass(frozen=True, eq=False)
class Identity(Row):
    """What the comparison of ids at temperature 0 found: runs that were compared, and those that differ."""

    compared: int
    identical: int
    differing: list[PartingRow]


def first_difference(result: GenerationResult, baseline: GenerationResult) -> int:
    """Index of the first token that is unlike the baseline's, or is missing in one; -1 where none is."""
    ours, theirs = result.generated_ids, baseline.generated_ids
    differing = (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)
    return next(differing, -1 if len(ours) == len(theirs) else min(len(ours), len(theirs)))


def require_identical(records: Sequence[Record]) -> int:
    """Number of speculative runs at temperature 0 whose ids were compared with the baseline's and agree.

    Raises:
        OutputsDiffer: a run in float32 or float64 emitted other ids, naming the first such run.
    """
    compared = [record for record in records if isinstance(record, RunRecord) and record.was_compared]
    for record in compared:
        if not record.is_identical and record.target_dtype in EXACT_DTYPES:
            raise OutputsDiffer(
                f"benchmark: {record.decoder} differs from AR on {record.prompt_id} from token "
                f"{record.first_difference} on, at temperature 0, {record.target_dtype}; "
                "speculation is not exact here, so its speed means nothing: run `specdec verify`"
            )
    return sum(record.is_identical for record in compared)


def identity_of(records: Sequence[Record]) -> Identity:
    """What the comparison of ids at temperature 0 found, over records of kind ``peer``."""
    compared = [record for record in of_kind(records, PeerRecord) if record.was_compared]
    apart = [record for record in compared if not record.is_identical]
    names = PartingRow.__dataclass_fields__
    differing = [PartingRow(**{name: getattr(record, name) for name in names}) for record in apart]
    return Identity(len(compared), len(compared) - len(differing), differing)


def require_same_ids(records: Sequence[Record]) -> Identity:
    """As :func:`identity_of`; in float32 and float64 a difference is an error, in half precision a report.

    So it is with other people's engines, whatever they compute in: their forwards round otherwise.

    Raises:
        OutputsDiffer: naming the arms and the prompts whose ids differ, and how many there are.
    """
    found = identity_of(records)
    own = identity_of([record for record in of_kind(records, PeerRecord) if record.engine is None])
    dtype = next((record.target_dtype for record in records), EXACT_DTYPES[0])
    if own.differing and dtype in EXACT_DTYPES:
        arms = sorted({row.decoder for row in own.differing})
        prompts = sorted({row.prompt_id for row in own.differing})
        first = own.differing[0]
        raise OutputsDiffer(
            f"comparison: {len(own.differing)} of {own.compared} runs at temperature 0 in {dtype} "
            f"differ from {first.reference}: {', '.join(arms)} on {', '.join(prompts)}, the first from "
            f"token {first.first_difference} on (logits {first.logit_gap:.2g} apart); where the work "
            "differs, speed cannot be compared"
        )
    return found
