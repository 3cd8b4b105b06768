"""The lower floors start without torch, in one process that loads them all."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import specdec_lib

ROOMS = ("theory", "utils", "profiling")


def test_theory_utils_and_profiling_import_neither_torch_nor_transformers() -> None:
    package = Path(specdec_lib.__file__).parent
    names = [
        f"specdec_lib.{room}.{module.name}"
        for room in ROOMS
        for module in pkgutil.iter_modules([str(package / room)])
    ]
    assert {"specdec_lib.theory.speedup", "specdec_lib.profiling.metrics", "specdec_lib.utils.paths"} <= set(
        names
    )
    program = (
        f"import importlib, sys\nfor name in {names!r}:\n    importlib.import_module(name)\n"
        "    print(name, sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} []" for name in names]
