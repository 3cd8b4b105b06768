"""What a check comes to: one line of the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "bad"]


@dataclass(frozen=True)
class Finding:
    """One line of the report: ``status`` is ok, note (worth knowing) or bad (must be put right)."""

    name: str
    status: Status
    detail: str


def any_bad(findings: Iterable[Finding]) -> bool:
    """Whether something must be put right."""
    return any(finding.status == "bad" for finding in findings)
