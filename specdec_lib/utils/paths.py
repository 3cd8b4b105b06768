"""Where the project's own data lives: the repository's ``data/``, or its copy inside a wheel."""

from __future__ import annotations

import os
from pathlib import Path

FilePath = str | os.PathLike[str]
"""What Python takes for the name of a file."""

_PACKAGE = Path(__file__).resolve().parents[1]


def data_path(*parts: str) -> Path:
    """Path of a file or folder under the project's ``data/`` (it need not exist).

    A source checkout has ``data/`` beside the package; an installed wheel carries the
    shipped part of it as ``specdec_lib/_data``.
    """
    return (_PACKAGE.parent / "data" if _is_checkout() else _PACKAGE / "_data").joinpath(*parts)


def notebook_path(name: str) -> Path:
    """Path of a notebook that papermill runs: under ``notebooks/bench``, or its copy inside a wheel."""
    folder = _PACKAGE.parent / "notebooks" / "bench" if _is_checkout() else _PACKAGE / "_data" / "notebooks"
    return folder / name


def _is_checkout() -> bool:
    return (_PACKAGE.parent / "pyproject.toml").is_file()
