"""Whether speculation emitted the baseline's tokens, where both are deterministic and exact.

At temperature 0 in float32 it must, token for token. In half precision a forward of width K + 1
is not bit-identical to one of width 1 and ties between logits may fall the other way, so there a
difference is a fact to report and no error. Knows results and records, no models.
"""

from __future__ import annotations

from collections.abc import Sequence

from specdec_lib.bench.records import Record
from specdec_lib.errors import SpecDecError
from specdec_lib.profiling.metrics import GenerationResult

EXACT_DTYPES = ("float32", "float64")


class OutputsDiffer(SpecDecError):
    """Speculation emitted other tokens than the baseline where both are exact: temperature 0, float32."""


def first_difference(result: GenerationResult, baseline: GenerationResult) -> int:
    """Index of the first token that is unlike the baseline's, or is missing in one; -1 where none is."""
    ours, theirs = result.generated_ids, baseline.generated_ids
    differing = (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)
    return next(differing, -1 if len(ours) == len(theirs) else min(len(ours), len(theirs)))


def require_identical(records: Sequence[Record]) -> int:
    """Number of speculative runs at temperature 0 whose ids were compared with the baseline's and agree.

    In half precision a forward of width K + 1 is not bit-identical to one of width 1, so there a
    difference is a fact of the record and no error.

    Raises:
        OutputsDiffer: a run in float32 or float64 emitted other ids, naming the first such run.
    """
    compared = [record for record in records if record.get("first_difference") is not None]
    for record in compared:
        if record["first_difference"] >= 0 and record["models"]["target"]["dtype"] in EXACT_DTYPES:
            raise OutputsDiffer(
                f"benchmark: {record['decoder']} differs from AR on {record['prompt_id']} from token "
                f"{record['first_difference']} on, at temperature 0, {record['models']['target']['dtype']}; "
                "speculation is not exact here, so its speed means nothing: run `specdec verify`"
            )
    return sum(record["first_difference"] < 0 for record in compared)
