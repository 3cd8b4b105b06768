"""What ends ``python -m specdec_lib.…`` becomes a line on standard error and an exit code.

The codes are those of the command line: 0 done, 2 bad input or something that is missing, 130
interrupted from the keyboard, 141 the reader of our output went away. Anything else is a bug and
keeps its traceback. It knows no command.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from specdec_lib.errors import SpecDecError
from specdec_lib.utils.numbers import written_whole

FAILED, BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141
NO_FOLDER = "the working folder does not exist any more; change to another one (cd)"


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line; argparse would print its usage, too.

    Args:
        prefix: opens the line, as in :func:`exit_code`.
        hint: ends it, in brackets.
        **options: those of ``argparse.ArgumentParser``.
    """

    def __init__(self, prefix: str, hint: str = "--help shows the options", **options: Any) -> None:
        super().__init__(**options)
        self._prefix, self._hint = prefix, hint
        self.register("type", int, _whole)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and exit with :data:`BAD_INPUT`."""
        self.exit(BAD_INPUT, f"{self._prefix}{message} ({self._hint})\n")


def _whole(text: str) -> int:
    if (number := written_whole(text)) is None:
        raise ValueError(text)
    return number


def exit_code(run: Callable[[], None], prefix: str) -> int:
    """Call ``run``, write its output out, and return the exit code; ``prefix`` opens the line of an error."""
    reason = ""
    try:
        if working_folder_is_gone():  # libraries below torch end the whole process there
            raise SpecDecError(NO_FOLDER)
        run()
        sys.stdout.flush()
        return 0
    except SpecDecError as error:  # some are an OSError too
        code, reason = BAD_INPUT, str(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = BROKEN_PIPE
    except OSError as error:
        code, reason = BAD_INPUT, os_reason(error)
    if reason:
        print(f"{prefix}{' '.join(reason.split())}", file=sys.stderr)
    flush_or_discard()
    return code


def os_reason(error: OSError) -> str:
    """What the system refused, and on which file; without a file it was the output, or there is no folder."""
    if isinstance(error, FileNotFoundError) and working_folder_is_gone():
        return NO_FOLDER
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else f"writing the output: {reason}"


def working_folder_is_gone() -> bool:
    """Whether the process stands in a folder that was removed: nothing relative can be found or written."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def leave_a_gone_folder() -> None:
    """End the process in a line where its folder is gone, before a library below torch ends it."""
    if working_folder_is_gone():
        print(f"error: {NO_FOLDER}", file=sys.stderr)
        sys.exit(BAD_INPUT)


def flush_or_discard() -> None:
    """Write out what is left, or point standard output at nothing so that its flush at exit cannot fail."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):  # a stream that is no file has no descriptor, and no flush at exit either
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)
