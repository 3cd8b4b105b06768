"""Finds the Chromium that draws the EPUB's pictures and tests the built book; run by itself, names it.

In this order: the path in ``SPECDEC_CHROMIUM``, the usual names on the path, the usual places on a Mac, and
the one that Playwright keeps for itself.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

VARIABLE = "SPECDEC_CHROMIUM"
_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC = ("Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome")
MISSING = (
    "no Chromium was found; install one (Debian: apt-get install chromium), or set "
    f"{VARIABLE} to the path of a Chromium or Chrome"
)
# Fonts are drawn alike everywhere, and a name that a page asks for is never looked up.
_NAMES = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
_FLAGS = ["--disable-gpu", "--font-render-hinting=none", f"--host-resolver-rules={_NAMES}"]


class NoChromium(RuntimeError):
    """There is no browser to run."""


def find() -> str:
    """The path of a Chromium.

    Raises:
        NoChromium: there is none, or ``SPECDEC_CHROMIUM`` names something that cannot be run.
    """
    asked = os.environ.get(VARIABLE)
    if asked:
        path = shutil.which(asked)
        if path is None:
            raise NoChromium(f"{VARIABLE} is {asked!r}, which is no program")
        return path
    candidates = [*_COMMANDS, *(f"/Applications/{place}" for place in _MAC)]
    found = next(filter(None, map(shutil.which, candidates)), None) or _of_playwright()
    if found is None:
        raise NoChromium(MISSING)
    return found


def _of_playwright() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium that reaches no other host.

    Raises:
        NoChromium: as :func:`find` does.
    """
    from playwright.sync_api import sync_playwright

    path = find()
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=_FLAGS)


if __name__ == "__main__":
    try:
        print(find())
    except NoChromium as missing:
        sys.exit(str(missing))
