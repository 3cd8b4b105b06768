"""What ``specdec doctor`` finds out: of the machine, its memory, a pair and a drafter; a line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One line of the report: ``status`` is ok, note (worth knowing) or bad (must be put right)."""

    name: str
    status: Literal["ok", "note", "bad"]
    detail: str
