"""The modules of ``book/``, which no package holds, loaded from their files."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

BOOK = Path(__file__).resolve().parents[1] / "book"


def load(path: str) -> ModuleType:
    """The module ``book/<path>``, anew; what it imports may lie beside it."""
    place = BOOK / path
    spec = importlib.util.spec_from_file_location(place.stem, place)
    assert spec is not None and spec.loader is not None, place
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place.parent)
        spec.loader.exec_module(module)
    return module
