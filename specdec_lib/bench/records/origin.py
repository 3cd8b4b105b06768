"""Where records come from: which machine and which models, and whether two of them can be compared.

Which machines are the same says :mod:`specdec_lib.utils.machine`; which models, this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from specdec_lib.bench.records.kinds import Record, ScalingRecord
from specdec_lib.errors import RecordError
from specdec_lib.utils import machine

_UNSTABLE = frozenset({"memory_mb", "products"})
"""What the description of one model may say differently from one session to the next."""


def require_one_machine(records: Sequence[Record]) -> None:
    """Refuse records that do not pair, because they are not of one machine.

    Raises:
        RecordError: naming the session and what tells the machines apart.
    """
    first = records[0].environment
    for record in records:
        if changes := machine.difference(first, record.environment):
            raise RecordError(
                f"session {record.session} was measured on several machines ({changes}); its runs do not "
                "pair, so measure again"
            )


def are_comparable(record: ScalingRecord, other: ScalingRecord) -> bool:
    """Whether two of these records are of the same pair, with the same models, on the same machine."""
    return record.pair == other.pair and not (
        model_difference(record.models, other.models)
        or machine.difference(record.environment, other.environment)
    )


def model_difference(then: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """What tells the models of two sessions apart, in a few words; None where they are the same."""
    for role in dict.fromkeys([*now, *then]):
        before: Mapping[str, Any] = then.get(role) or {}
        here: Mapping[str, Any] = now.get(role) or {}
        if here.get("weights_hash") == "":  # offloaded
            return f"other models, or the same: the {role}'s weights are not at hand to be compared"
        for name in dict.fromkeys([*here, *before]):
            if name in _UNSTABLE or before.get(name) == here.get(name):
                continue
            if name == "weights_hash" and before.get(name) is None:
                return f"other models, or the same: nothing was recorded of the {role}'s weights"
            return f"other models ({role}: {name} {before.get(name)!r} is now {here.get(name)!r})"
    return None
