"""In which form the library's log events are shown, where a program has one of its own.

It imports nothing, so that the command line can set its form before anything heavy is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Form = Callable[[str, Mapping[str, object]], str]
"""(level, event with its fields) -> the line to show."""

_forms: list[Form] = []


@contextmanager
def shown_as(form: Form) -> Iterator[None]:
    """Events take this form, instead of text or JSON lines, until the context ends."""
    _forms.append(form)
    try:
        yield
    finally:
        _forms.remove(form)


def current_form() -> Form | None:
    """The form set last; None where nobody set one."""
    return _forms[-1] if _forms else None
