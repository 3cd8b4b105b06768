"""Connections to one address alone, each read and write of which ends at the deadline of the request."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

from specdec_lib.utils.http.address import Address

DEADLINE: ContextVar[float] = ContextVar("DEADLINE")
"""When the request of this thread has to be done, on the clock of ``time.monotonic``."""


_PIECE = 1 << 14


class OneAddress(httpx.BaseTransport):
    """What httpx sends through: no proxy, no redirect, no cookie, and no connection to anybody else.

    Args:
        address: the only one to which a connection is opened.
        at_once: connections at most.
    """

    def __init__(self, address: Address, at_once: int) -> None:
        self._address = address
        self._pool = httpcore.ConnectionPool(
            max_connections=at_once, keepalive_expiry=4.0, network_backend=_Dialler(address)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer's status and headers; its body is read where it is iterated."""
        url = request.url
        if (url.scheme, url.raw_host.decode(), url.port or self._address.port) != _place(self._address):
            raise httpcore.ConnectError("another address")
        place = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=self._address.port, target=url.raw_path
        )
        asked = httpcore.Request(
            request.method,
            place,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        response = self._pool.handle_request(asked)
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


def _place(address: Address) -> tuple[str, str, int]:
    return address.scheme, address.host, address.port


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Dialler(httpcore.NetworkBackend):
    """Opens connections to the address, and refuses any other."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if (host, port) != (self._address.host, self._address.port):
            raise httpcore.ConnectError("another address")
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Timed(self._sockets.connect_tcp(host, port, left, local_address, socket_options))


class _Timed(httpcore.NetworkStream):
    """A connection that waits no longer than the request has left, however slowly bytes come."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):  # whoever reads slowly holds up a piece, not all of them
            piece = buffer[start : start + _PIECE]
            self._stream.write(piece, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _left(timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
    left = DEADLINE.get() - time.monotonic()
    if left <= 0.0:
        raise error("the deadline")
    return left if timeout is None else min(timeout, left)
