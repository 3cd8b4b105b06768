"""The errors of the library: one base class, a few children that are also the built-in
exception a Python user would expect.

Every message names the operation, what it received, and what to do about it. The command
line turns any :class:`SpecDecError` into one line on standard error and exit code 2.
"""

from __future__ import annotations

import errno
import textwrap
from collections.abc import Iterator


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


class UnsoundLogits(SpecDecError, ArithmeticError):
    """Logits that are no numbers: NaN, plus infinity, or a row in which no token is possible."""


class ServerUnavailable(SpecDecError, ConnectionError):
    """A server that does not answer, or not in time; of Ollama's also one that answers with an error."""


class ServerFailed(SpecDecError, ConnectionError):
    """A server whose answer cannot be used: a refusal, or something other than its protocol promises.

    Attributes:
        status: of HTTP; 200 where the answer itself is what cannot be used.
    """

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.status = status


class LawNotTold(ServerFailed):
    """A server that tells no log-probabilities of its plain law, or too few; what it does tell is sound."""


class Unfollowed(SpecDecError, NotImplementedError):
    """A random draw, or what is made of one, whose branches cannot be taken: only sampling can see it."""


class NotRepeatable(SpecDecError, RuntimeError):
    """A decoder that does something else when it is asked the same again."""


class RecordError(SpecDecError, ValueError):
    """A results file that cannot be read or written as records; a notebook shows it as one line."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in the place of a traceback: no line of the cell is at fault."""
        return [f"{type(self).__name__}: {self}"]


class PromptError(SpecDecError, ValueError):
    """A prompt set that cannot be built, read or written."""


class TimerMisuse(SpecDecError, RuntimeError):
    """A timer started twice, stopped without a start, or read before its stop (also a ``RuntimeError``)."""


_NO_MEMORY = ("DefaultCPUAllocator", "out of memory", "Cannot allocate memory", "ALLOC_FAILED")
"""What the messages of torch and of the system say: on a CPU it raises a plain ``RuntimeError``."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, means that there was not enough memory.

    Python raises ``MemoryError``, torch ``OutOfMemoryError`` on a GPU and a ``RuntimeError`` on a CPU (also
    for a tensor whose size in bytes no integer holds), the system an ``OSError``.
    """
    for link in causes(error):
        named = isinstance(link, MemoryError) or type(link).__name__ == "OutOfMemoryError"
        named = named or getattr(link, "errno", None) == errno.ENOMEM
        if named or (isinstance(link, (RuntimeError, OSError)) and _says_no_memory(str(link))):
            return True
    return False


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what it was raised from, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _says_no_memory(message: str) -> bool:
    return any(words in message for words in _NO_MEMORY) or "Storage size calculation overflowed" in message


def first_line(text: str) -> str:
    """The first line of a message that may have many."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")


def in_one_line(error: BaseException) -> str:
    """The kind of an error and what it says, or as much of it as a line has room for."""
    try:
        said = textwrap.shorten(str(error), 240, placeholder=" …")
    except Exception:  # somebody's error that cannot say what it is: its kind is what there is to tell
        said = ""
    return f"{type(error).__name__}: {said}".removesuffix(": ")


def reason_of(error: BaseException) -> str:
    """An exception in one line: its message's first line, or its type where it has none."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    if not lines or isinstance(error, KeyError):  # whose message is only the key
        return f"{type(error).__name__} {error}".strip()
    return lines[0]
