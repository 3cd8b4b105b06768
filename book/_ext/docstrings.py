"""A Sphinx extension: docstrings and signatures read as they are meant.

The docstring of a property or an attribute is a sentence, also with a colon in it: napoleon reads "Memory:
weights and buffers" there as a type and its description, so the colons of the first line step aside while it
reads. A default that a dataclass makes anew is "...", which Sphinx can parse, unlike "<factory>".
"""

from __future__ import annotations

from sphinx.application import Sphinx

_ASIDE = "\ue000"  # a character of no meaning
_BEFORE_NAPOLEON, _AFTER_NAPOLEON = 400, 600
_SENTENCES = ("property", "attribute", "data")


def hide_colons(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Take the colons out of a first line that is a sentence."""
    if what in _SENTENCES and lines:
        lines[0] = lines[0].replace(":", _ASIDE)


def show_colons(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Put them back."""
    lines[:] = [line.replace(_ASIDE, ":") for line in lines]


def name_factories(
    app: Sphinx,
    what: str,
    name: str,
    obj: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Write defaults that are made anew as an ellipsis."""
    return signature and signature.replace("<factory>", "..."), returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect around napoleon, and behind the reading of signatures."""
    app.connect("autodoc-process-signature", name_factories)
    app.connect("autodoc-process-docstring", hide_colons, priority=_BEFORE_NAPOLEON)
    app.connect("autodoc-process-docstring", show_colons, priority=_AFTER_NAPOLEON)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
