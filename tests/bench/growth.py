"""Records of kind ``scaling`` made by arithmetic: times that are known, without a model."""

from __future__ import annotations

from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.schema import record_of

SHARED = {
    "schema": 1,
    "kind": "scaling",
    "session": "s",
    "time": "2026-01-01T00:00:00+00:00",
    "environment": {"cpu": "arithmetic"},
    "models": {},
    "pair": "pocket",
}


def block(vary: str, value: int, repeat: int, seconds: dict[str, list[float]], **fields) -> Record:
    """One record."""
    asked = {"vary": vary, "value": value, "repeat": repeat, "seconds": seconds}
    return record_of(SHARED | asked | fields)


def session(repeats: int = 2) -> list[Record]:
    """All three axes: ours grows by 1 µs a token of context, Hugging Face's by 4 µs."""
    records = []
    for repeat in range(repeats):
        for n in (128, 256, 1024, 4096):
            own = {"ours round": [0.020 + 1e-6 * n] * 3, "HF round": [0.025 + 4e-6 * n] * 3}
            own |= {"ours token": [0.010 + 1e-6 * n] * 5, "HF token": [0.0101 + 1e-6 * n] * 5}
            records.append(block("context", n, repeat, own, beyond_training=n > 1024))
        for k in (1, 2, 4, 8):
            own = {"ours round": [0.010 + 0.003 * k], "ours forward": [0.009 + 0.001 * k, 0.02]}
            records.append(block("k", k, repeat, own | {"draft forward": [0.002, 0.002]}))
        for depth in (5, 10, 20):
            own = {"ours token": [0.0005 * depth], "HF token": [0.0006 * depth]}
            records.append(block("depth", depth, repeat, own | {"ours token, compiled": [0.0003 * depth]}))
    return records
