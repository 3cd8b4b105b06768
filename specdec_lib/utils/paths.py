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
    checkout = _PACKAGE.parent / "data"
    root = checkout if (_PACKAGE.parent / "pyproject.toml").is_file() else _PACKAGE / "_data"
    return root.joinpath(*parts)
