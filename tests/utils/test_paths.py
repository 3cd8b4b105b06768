"""Where data lies: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from specdec_lib.utils import paths


@pytest.mark.parametrize("checkout", [True, False], ids=["checkout", "wheel"])
def test_data_path(checkout: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "specdec_lib"
    monkeypatch.setattr(paths, "_PACKAGE", package)
    if checkout:
        (tmp_path / "pyproject.toml").touch()
    root = tmp_path / "data" if checkout else package / "_data"
    assert paths.data_path("models", "pocket-target") == root / "models" / "pocket-target"
    assert paths.data_path() == root
