"""A drafter of one's own, by the name of its class: ``module:Class``, found as Python finds modules.

The class is called with the target, a :class:`~specdec_lib.models.wrapper.ModelWrapper`, and what comes back
has to keep the protocol of :mod:`specdec_lib.decoding.drafters.base`. Nothing here knows what it does.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from specdec_lib.decoding.drafters.base import Drafter, checked_drafter
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper


def find_drafter(spec: str) -> Any:
    """What ``spec`` names: something to be called with the target. Modules of the working folder count.

    Raises:
        InvalidArgument: no such module or name, or a module that cannot be imported; in one line.
    """
    module_name, _, name = spec.partition(":")
    if not module_name or not name:
        raise InvalidArgument(f"drafter '{spec}': write module:Class, such as my_drafts:Lookup")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever the user's module raises: the line says what
        raise InvalidArgument(f"drafter '{spec}': {type(error).__name__}: {error}") from error
    return found


def load_drafter(spec: str, target: ModelWrapper) -> Drafter:
    """The drafter that ``module:Class`` names, made for ``target``.

    Raises:
        InvalidArgument: it cannot be found or made, or does not keep the protocol.
    """
    make = find_drafter(spec)
    try:
        drafter = make(target)
    except Exception as error:
        raise InvalidArgument(
            f"drafter '{spec}': calling it with the target failed: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(getattr(drafter, "vocab_size", 0), int):
        raise InvalidArgument(
            f"drafter '{spec}': its vocab_size is {drafter.vocab_size!r}; the class is called with the "
            "target, so take target.vocab_size"
        )
    return checked_drafter(drafter)
