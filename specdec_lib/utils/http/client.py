"""A client of one server that trusts nothing of what it answers."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.http import sentences
from specdec_lib.utils.http.address import Address, read_address
from specdec_lib.utils.http.documents import in_a_line, strict_document
from specdec_lib.utils.http.exchange import API_KEY, Exchange, HttpLimits
from specdec_lib.utils.http.transport import OneAddress
from specdec_lib.utils.numbers import whole_number


class HttpClient:
    """Asks one server; threads may share it.

    Nothing is sent to anybody else: redirects are refused, proxies of the environment are passed over,
    cookies are not kept. ``SPECDEC_API_KEY``, or ``key``, goes along as a bearer key. Every failure is a
    :class:`~specdec_lib.errors.ServerUnavailable` (no answer) or :class:`~specdec_lib.errors.ServerFailed`
    (one that cannot be used): one line with the address, in which what is secret is masked.

    Args:
        url: ``http://host:port``, with the path before all others where there is one.
        limits: of every request that brings none of its own.
        key: in the place of the environment's; "" sends none.
        at_once: connections at most.

    Raises:
        InvalidArgument: no address, or a key that no header can carry.
    """

    def __init__(
        self, url: str, limits: HttpLimits | None = None, key: str | None = None, at_once: int = 16
    ) -> None:
        self.address: Address = read_address(url)
        self.limits = limits or HttpLimits()
        whole_number(at_once, "HTTP client: at_once", least=1)
        key = (os.environ.get(API_KEY, "") if key is None else key).strip()
        if not (key.isascii() and key.isprintable()):
            raise InvalidArgument(sentences.ODD_KEY.format(API_KEY))
        self._secrets = (*([key] if key else ()), *self.address.secrets)
        self._headers = {"Accept-Encoding": "identity", "Accept": "*/*", "User-Agent": "specdec"}
        if key or self.address.login:
            self._headers["Authorization"] = f"Bearer {key}" if key else f"Basic {self.address.login}"
        self._transport = OneAddress(self.address, at_once)
        weakref.finalize(self, self._transport.close)

    def __repr__(self) -> str:
        return f"HttpClient({self.address.shown()!r})"

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; a later request opens one anew."""
        self._transport.close()

    def get_text(self, path: str, limits: HttpLimits | None = None) -> str:
        """What stands at ``path`` as text in UTF-8, such as Prometheus' metrics; "" is the address itself.

        Raises:
            ServerUnavailable, ServerFailed: as the class says.
        """
        return _text(self._exchange("GET", path, limits))

    def get_json(self, path: str, limits: HttpLimits | None = None) -> Any:
        """The JSON document at ``path``, read by :func:`~specdec_lib.utils.http.documents.strict_document`.

        Raises:
            ServerUnavailable, ServerFailed: as the class says.
        """
        return _document(self._exchange("GET", path, limits))

    def post_json(self, path: str, document: Mapping[str, Any], limits: HttpLimits | None = None) -> Any:
        """The JSON document that answers ``document``.

        Raises:
            InvalidArgument: ``document`` is no JSON.
            ServerUnavailable, ServerFailed: as the class says.
        """
        try:
            body = json.dumps(document, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            reason = in_a_line(str(error))
            raise InvalidArgument(sentences.SEND_NO_JSON.format(self.address.shown(path), reason)) from error
        return _document(self._exchange("POST", path, limits, body))

    def quoted(self, came: object, most: int = 120) -> str:
        """What a server sent, as a message can quote it: one line, shortened, the key masked."""
        return in_a_line(came if isinstance(came, str) else repr(came), most, self._secrets)

    def _exchange(
        self, method: str, path: str, limits: HttpLimits | None, body: bytes | None = None
    ) -> Exchange:
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        given = self._transport, self.address, headers, self._secrets
        return Exchange(*given, method, path, limits or self.limits, body)


def _document(asked: Exchange) -> Any:
    text = _text(asked)
    try:
        return strict_document(text)
    except InvalidArgument as error:
        raise asked.failed(sentences.NOT_JSON, error, asked.quoted(text, 80)) from error


def _text(asked: Exchange) -> str:
    content = asked.content()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise asked.failed(sentences.NOT_TEXT, asked.quoted(repr(content[:60]))) from error
