"""One browser a module, for the figures that need no kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from viz.live import modules


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with modules.opened_browser() as opened:
        yield opened
