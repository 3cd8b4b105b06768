"""What was measured is read, counted and explained without torch: one process loads all four rooms."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import specdec_lib.bench

ROOMS = ("records", "tables", "explain", "foreign")


def test_records_tables_and_explain_import_neither_torch_nor_transformers() -> None:
    package = Path(specdec_lib.bench.__file__).parent
    names = [
        f"specdec_lib.bench.{room}.{module.name}"
        for room in ROOMS
        for module in pkgutil.iter_modules([str(package / room)])
    ]
    assert {"specdec_lib.bench.records.schema", "specdec_lib.bench.tables.scaling"} <= set(names)
    assert {name.split(".")[2] for name in names} == set(ROOMS)
    program = (
        f"import importlib, sys\nfor name in {names!r}:\n    importlib.import_module(name)\n"
        "    print(name, sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} []" for name in names]
