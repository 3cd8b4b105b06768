"""Results files of sweeps for tests: lines as they are appended, written in one go."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from specdec_lib.bench.records.appending import to_line
from specdec_lib.bench.records.kinds import CellRecord
from tests.made_cells import MACHINE, made_cell

OTHER_MACHINE = MACHINE | {"cores": 8, "hash": "bbbbbbbbbbbb"}
SMALL = {"num_prompts": 1, "num_tokens": 12}


def small_cell(
    number: int = 0, k: int = 4, domain: str = "code", temperature: float = 0.0, **more
) -> CellRecord:
    """A cell of one short block; its session and its key are numbered."""
    session = more.pop("session", f"session-{number}")
    cell = made_cell(k, domain, temperature, **SMALL, **more)
    return cell | {"session": session, "key": f"{number:016x}"}


def write_cells(path: Path, cells: Iterable[CellRecord], *foreign: bytes) -> Path:
    """A line each, and lines of something else behind them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"".join([*(to_line(cell, path) for cell in cells), *(line + b"\n" for line in foreign)])
    )
    return path
