"""The errors of the library: one base class, a few children that are also the built-in
exception a Python user would expect.

Every message names the operation, what it received, and what to do about it. The command
line turns any :class:`SpecDecError` into one line on standard error and exit code 2.
"""

from __future__ import annotations


class SpecDecError(Exception):
    """Base class of every error raised on purpose by this library."""


class InvalidArgument(SpecDecError, ValueError):
    """A value outside what the operation accepts (also a ``ValueError``)."""


class UnknownPair(SpecDecError, KeyError):
    """A model pair that the registry does not hold (also a ``KeyError``)."""

    def __str__(self) -> str:  # KeyError would print the repr of its argument
        return str(self.args[0]) if self.args else ""


class ModelUnavailable(SpecDecError, OSError):
    """Weights or a tokenizer that cannot be loaded: no such folder, no network, a gated repository."""


class VocabularyMismatch(SpecDecError, ValueError):
    """A draft and a target whose token ids do not mean the same text."""


class UnsupportedCache(SpecDecError, TypeError):
    """A key-value cache that cannot be rolled back, refused by name."""


class ServerUnavailable(SpecDecError, ConnectionError):
    """A model server (Ollama) that does not answer, or answers with an error."""


class RecordError(SpecDecError, ValueError):
    """A results file that cannot be read or written as records."""


class PromptError(SpecDecError, ValueError):
    """A prompt set that cannot be built, read or written."""


class TimerMisuse(SpecDecError, RuntimeError):
    """A timer started twice, stopped without a start, or read before its stop (also a ``RuntimeError``)."""
