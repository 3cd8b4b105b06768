"""The one address that is asked, and how it is written where others may read it."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import httpx

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.http import sentences
from specdec_lib.utils.http.documents import in_a_line

_PORTS = {"http": 80, "https": 443}
_ANY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # to a server; a client means this machine
_LONGEST_NAME = 253
_SCHEMELESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}(/\S*)?", re.ASCII)
MASK = "***"


@dataclass(frozen=True)
class Address:
    """Where a server is, without what is secret about it.

    Attributes:
        scheme: "http" or "https".
        host: a name or an address; of IPv6 without brackets.
        port: 1 to 65535.
        path: of every request, before its own; no slash at its end.
        query: behind every path, as it was given; not shown.
        login: user and password as a header carries them, or ""; not shown.
        secrets: what must not be shown where an answer repeats it.
    """

    scheme: str
    host: str
    port: int
    path: str = ""
    query: str = field(default="", repr=False)
    login: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def target(self, path: str) -> str:
        """Path and query of a request to ``path`` there."""
        return f"{self.path}{path}" + (f"?{self.query}" if self.query else "") or "/"

    def shown(self, path: str = "") -> str:
        """The address as messages show it: user, password and the values of the query are masked."""
        query = "&".join(f"{name}={MASK}" for name, _ in parse_qsl(self.query, keep_blank_values=True))
        login = f"{MASK}@" if self.login else ""
        url = f"{self.scheme}://{login}{self.origin.split('://')[1]}{self.path}{path}"
        return in_a_line(url + (f"?{query or MASK}" if self.query else ""), 200)


def read_address(url: str) -> Address:
    """The address that a URL means; ``host:port`` means http.

    Raises:
        InvalidArgument: no address; what may be secret in it is not repeated.
    """
    text = url.strip()
    try:
        if any(not character.isprintable() or character.isspace() for character in text):
            raise ValueError(sentences.ODD_CHARACTERS)
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if parts.scheme not in _PORTS:
            raise ValueError(sentences.NOT_HTTP)
        if not parts.hostname:
            raise ValueError(sentences.NO_HOST)
        host = parts.hostname.encode("idna").decode()
        if len(host) > _LONGEST_NAME:
            raise ValueError(sentences.LONG_HOST)
        port = _port(parts)
    except (ValueError, UnicodeError) as error:
        raise InvalidArgument(sentences.NO_ADDRESS.format(_masked(text), in_a_line(str(error)))) from error
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    login = b64encode(f"{user}:{password}".encode()).decode() if parts.username is not None else ""
    hidden = [password, parts.password or "", login, *(value for _, value in parse_qsl(parts.query))]
    secrets = tuple(sorted({part for part in hidden if len(part) > 2}, key=len, reverse=True))
    host = _ANY_INTERFACE.get(host, host)
    address = Address(parts.scheme, host, port, parts.path.rstrip("/"), parts.query, login, secrets)
    try:  # httpx has to mean the same by it, and be able to write it
        request = httpx.Request("GET", address.origin + address.target("/"))
        if request.url.raw_host.decode() != host:
            raise ValueError(host)
    except (httpx.InvalidURL, ValueError) as error:  # which may repeat the query
        raise InvalidArgument(sentences.NO_ADDRESS.format(_masked(text), sentences.ODD_ADDRESS)) from error
    return address


def lacks_scheme(name: str) -> bool:
    """Whether a name is that of a host with a port, which no function and hardly a file has."""
    return _SCHEMELESS.fullmatch(name) is not None


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError as error:  # whose message repeats what stands there
        raise ValueError(sentences.NO_PORT) from error
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError(sentences.NO_PORT)
    return port or _PORTS[parts.scheme]


def _masked(text: str) -> str:
    """What may be shown of a text that is no address: neither what is before an @ nor a query."""
    scheme, separator, rest = text.rpartition("://")
    before, at, rest = rest.rpartition("@")
    rest, mark, _ = rest.partition("?")
    return in_a_line(f"{scheme}{separator}{MASK if at else before}{at}{rest}{mark}{MASK if mark else ''}", 80)
