"""What a cell is: a hash of its parameters, and of the notebook, the library, the weights and the prompts.

Two cells of one key ask the same of the same code and weights, so one that is recorded is not run again; a
change in any of these makes another cell. The machine is not in the key: the same cell may be run on several,
and records say on which.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import specdec_lib
from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK
from specdec_lib.bench.sweep.cells import SweepCell, prompt_set_of
from specdec_lib.decoding.drafters.grammar.pairs import AskedPair

_DIGITS = 16


def made_of(cell: SweepCell, fetch: bool = False) -> dict[str, str]:
    """Hashes of what a cell is made of, by name.

    Args:
        fetch: have models of the hub brought to this disk.

    Raises:
        ModelUnavailable: one of its models is not on this disk.
    """
    texts = prompt_set_of(cell.parameters["prompts"], cell.parameters["chat"])
    return {
        "notebook": notebook_hash(BENCHMARK_NOTEBOOK),
        "library": library_hash(),
        "weights": weights_hash(cell.asked, fetch),
        "prompts": texts.describe()["hash"],
    }


def weights_hash(asked: AskedPair, fetch: bool = False) -> str:
    """Of what a pair is made of: models and their dtypes, heads, and the files of classes.

    Raises:
        ModelUnavailable: as :func:`made_of`.
    """
    from specdec_lib.models.files.identity import model_hash

    weights = [[dtype, model_hash(model_id, fetch)] for model_id, dtype in asked.models]
    weights += [["", _folder_hash(Path(head))] for head in asked.heads]
    weights += [["", _class_hash(name)] for name in asked.classes]
    return _digest(weights)


def key_of(cell: SweepCell, parts: Mapping[str, str]) -> str:
    """The key of a cell that is made of ``parts``."""
    return _digest([cell.parameters, parts])


def library_has_changed() -> bool:
    """Whether the library's files are others by now than when its hash was first asked for."""
    return library_hash.__wrapped__() != library_hash()


@cache
def notebook_hash(path: Path) -> str:
    """Of the code of a notebook; its words and outputs do not count."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return _digest(["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"])


@cache
def library_hash() -> str:
    """Of the library's own code, as it lies on this disk, committed or not."""
    root = Path(specdec_lib.__file__).parent
    files = sorted(path for path in root.rglob("*.py") if "_data" not in path.parts)
    return _digest([[str(path.relative_to(root)), _file(path)] for path in files])


def _folder_hash(folder: Path) -> str:
    return _digest([[path.name, _file(path)] for path in sorted(folder.iterdir()) if path.is_file()])


def _class_hash(name: str) -> str:
    """Of the file that defines ``module:Class``."""
    found = importlib.util.find_spec(name.partition(":")[0])
    return "" if found is None or found.origin is None else _file(Path(found.origin))


def _file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(told: Any) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:_DIGITS]
