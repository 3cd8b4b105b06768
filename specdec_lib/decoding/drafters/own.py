"""A drafter of one's own, by the name of its class: ``module:Class``, found as Python finds modules.

The class is called with the target, a :class:`~specdec_lib.models.base.CausalModel`, and what comes back has
to keep the protocol of :mod:`specdec_lib.decoding.drafters.base`. Nothing here knows what it does.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from traceback import walk_tb
from typing import Any

from specdec_lib.decoding.drafters import sentences
from specdec_lib.decoding.drafters.base import Drafter, checked_drafter
from specdec_lib.errors import InvalidArgument, causes
from specdec_lib.models.base import CausalModel

_ROOTS: set[str] = set()
"""Packages and modules of drafters that were asked for by name; never this library itself."""


def find_drafter(spec: str) -> Any:
    """What ``spec`` names: something to be called with the target. Modules of the working folder count.

    Raises:
        InvalidArgument: no such module or name, or a module that cannot be imported; in one line.
    """
    module_name, _, name = spec.partition(":")
    if not module_name or not name:
        raise InvalidArgument(sentences.WRITE_MODULE_AND_CLASS.format(spec))
    if (root := module_name.partition(".")[0]) != __name__.partition(".")[0]:
        _ROOTS.add(root)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the user's module raises: the line says what
        raise InvalidArgument(sentences.CLASS_FAILED.format(spec, failure(error))) from error
    return found


def load_drafter(spec: str, target: CausalModel) -> Drafter:
    """The drafter that ``module:Class`` names, made for ``target``.

    Raises:
        InvalidArgument: it cannot be found or made, or does not keep the protocol.
    """
    make = find_drafter(spec)
    try:
        drafter = make(target)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InvalidArgument(sentences.CALL_FAILED.format(spec, failure(error))) from error
    if not isinstance(getattr(drafter, "vocab_size", 0), int):
        raise InvalidArgument(sentences.ODD_VOCAB_SIZE.format(spec, drafter.vocab_size))
    return checked_drafter(drafter)


def failure(error: BaseException) -> str:
    """What was raised, in one line; with file and line where a drafter's own code raised it."""
    return own_failure(error) or _said(error)


def own_failure(error: BaseException) -> str | None:
    """What a drafter of the user's own raised, in which file and line; None if none of its code was running.

    The innermost line of that code counts: what a library says to it is often told far from there.
    """
    for link in causes(error):
        frames = [
            (frame.f_code.co_filename, line)
            for frame, line in walk_tb(link.__traceback__)
            if str(frame.f_globals.get("__name__")).partition(".")[0] in _ROOTS
        ]
        if frames:
            return f"{_said(link)} ({frames[-1][0]}, line {frames[-1][1]})"
    return None


def _said(error: BaseException) -> str:
    """Kind and message in one line; the kind alone where there is no message."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
