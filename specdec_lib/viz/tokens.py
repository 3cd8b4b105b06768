"""A token's text as a reader sees it: white space and control characters visible, markup harmless."""

from __future__ import annotations

import html

_SHOWN = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}


def visible(token: str) -> str:
    """A token's text with white space and control characters made visible."""
    shown = "".join(
        _SHOWN.get(char) or (char if char.isprintable() else f"\\x{ord(char):02x}") for char in token
    )
    return shown or "∅"


def shown_token(text: str) -> str:
    """A token's text for a figure: white space made visible, markup made harmless."""
    return html.escape(visible(text))
