"""What an engine's name means: an address, a function, a mode, or a decoder of this library."""

from __future__ import annotations

import ipaddress
import re

from specdec_lib.cli.auditing import sentences
from specdec_lib.errors import InvalidArgument

OURS, PLAIN = "ours", "plain"
"""Engines of this library: with a draft, and without."""
MODE = "hf:"
_URLS = ("http://", "https://")


def is_server(name: str) -> bool:
    """Whether an engine's name is an address."""
    return name.lower().startswith(_URLS)


def is_function(name: str) -> bool:
    """Whether an engine's name is that of a function, ``module:callable``."""
    return ":" in name and "://" not in name and not name.startswith(MODE)


def is_same_server(one: str, other: str) -> bool:
    """Whether two addresses lead to one server, as far as they are written; no name is looked up.

    Raises:
        InvalidArgument: one is no address.
    """
    return _place(one) == _place(other)


def require_engine(name: str) -> None:
    """Refuse what names no engine: no address, no mode, or a function that is not there.

    Raises:
        InvalidArgument: in one line.
    """
    if name in (OURS, PLAIN):
        return
    if is_server(name):
        from specdec_lib.utils.http.address import read_address

        read_address(name)
    elif name.startswith(MODE):
        from specdec_lib.lossless.audit.hugging_face.modes import find_mode

        find_mode(name)
    elif is_function(name):
        from specdec_lib.utils.http.address import lacks_scheme

        if lacks_scheme(name):
            raise InvalidArgument(sentences.NO_SCHEME.format(name=name))
        from specdec_lib.lossless.audit.sampled.callables import CallableEngine

        CallableEngine.named(name)
    else:
        raise InvalidArgument(sentences.NO_ENGINE.format(name))


def _place(name: str) -> tuple[str, int, str, str]:
    """Host, port, path and query: one machine's own names are one, and a path may name the protocol."""
    from specdec_lib.utils.http.address import read_address

    address = read_address(name)
    host = address.host.lower().rstrip(".")
    path = re.sub(r"(^|/)v1$", "", re.sub("/+", "/", address.path))
    return ("localhost" if _is_loopback(host) else host), address.port, path, address.query


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
