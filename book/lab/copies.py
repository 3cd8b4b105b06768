"""Copies of the chapters, to open, run and change in JupyterLab: `make lab` makes them in runs/lab.

A copy that nobody changed follows its chapter. One that was changed (edited, or only run: an autosave keeps
its outputs) is never overwritten: where its chapter has a new version since, that is laid beside it as
``NAME.new.ipynb``, and a line says so. The book's pages come along, so that the links lead somewhere.

It knows files, nothing of Jupyter. What a copy was when it was made stands in ``.copied.json``.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEDGER = ".copied.json"


def sources() -> Iterator[Path]:
    """What is copied, relative to the repository."""
    for pattern in ("notebooks/*.ipynb", "book/*.md", "book/api/*.md"):
        yield from sorted(path.relative_to(ROOT) for path in ROOT.glob(pattern))


def refresh(folder: Path) -> list[str]:
    """Bring the copies in ``folder`` up to date; returns what a reader should know, a line each."""
    ledger_file = folder / LEDGER
    known = json.loads(ledger_file.read_text(encoding="utf8")) if ledger_file.is_file() else {}
    said = []
    for path in sources():
        content = (ROOT / path).read_bytes()
        copy, name, new = folder / path, path.as_posix(), digest(content)
        held = digest(copy.read_bytes()) if copy.is_file() else None
        if held in (None, known.get(name)) or held == new:
            write(copy, content)
        elif known.get(name) != new:
            beside = copy.with_name(f"{copy.stem}.new{copy.suffix}")
            write(beside, content)
            said.append(f"kept your {name}; the new version lies beside it as {beside.name}")
        known[name] = new
    write(ledger_file, (json.dumps(known, indent=1) + "\n").encode())
    return said


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    for line in refresh(place):
        print(f"== {line}")
    print(f"== the chapters are copies in {place.resolve()}: what you change there stays there")
