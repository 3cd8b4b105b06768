"""One shelf for the tests of a room, so that the embedded pair is read once."""

from __future__ import annotations

import pytest

from specdec_lib.viz.live.panels.shelf import ModelShelf


@pytest.fixture(scope="session")
def shelf() -> ModelShelf:
    return ModelShelf()
