"""One session of measurements: its name, what ran where, and the file that its records are appended to.

Every record of a session carries the same environment and models, so that a line of a results file says by
itself what it is about. It does not know what was measured.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from specdec_lib.bench.records import SCHEMA_VERSION, Record, append_record
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils.reproducibility import environment_fingerprint


class Session:
    """Stamps records and appends them, each as soon as it is given."""

    def __init__(self, output_path: str | Path, target: ModelWrapper, draft: ModelWrapper) -> None:
        self.output_path = Path(output_path)
        self.name = f"{_now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self.environment = environment_fingerprint()
        self.models = {"target": _describe(target), "draft": _describe(draft)}
        self._shared = {
            "schema": SCHEMA_VERSION,
            "session": self.name,
            "environment": self.environment,
            "models": self.models,
        }

    def append(self, records: Sequence[Record]) -> list[Record]:
        """Append ``records``, stamped with the session and the time; returns them as written.

        Raises:
            RecordError: one of them cannot be written; those before it are kept.
        """
        stamped = [
            self._shared | {"time": _now().isoformat(timespec="seconds")} | record for record in records
        ]
        for record in stamped:
            append_record(self.output_path, record)
        return stamped


def _describe(model: ModelWrapper) -> dict[str, Any]:
    return {
        "name": model.name,
        "parameters": model.param_count,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": str(model.device),
        "memory_mb": round(model.memory_footprint_mb, 2),
        "compiled": model.compiled is not None and model.compiled.active,
    }


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
