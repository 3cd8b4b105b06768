"""A listener on this machine whose every answer is bytes that a test chose, proper or not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answering = Callable[[socket.socket, bytes, bytes], None]
"""Given a connection, the head of a request and its body, writes what it likes; then the connection ends."""


@dataclass
class Listener:
    """Where it listens, and what it was asked."""

    url: str
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])


def whole(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An answer as it should be, but for what ``headers`` say."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextmanager
def listening(answer: Answering | bytes) -> Iterator[Listener]:
    """A listener that gives every request the same bytes, or has ``answer`` write them."""
    write = answer if callable(answer) else lambda connection, head, body: connection.sendall(answer)
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener, open_ones = Listener(f"http://127.0.0.1:{server.getsockname()[1]}"), []
        arguments = server, listener, write, open_ones
        accepting = threading.Thread(target=_accept, args=arguments, daemon=True)
        accepting.start()
        try:
            yield listener
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            accepting.join(5)
            for connection, thread in open_ones:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                thread.join(5)
                connection.close()


def _accept(server: socket.socket, listener: Listener, write: Answering, open_ones: list) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            thread = threading.Thread(target=_serve, args=(connection, listener, write), daemon=True)
            open_ones.append((connection, thread))
            thread.start()


def _serve(connection: socket.socket, listener: Listener, write: Answering) -> None:
    with suppress(OSError):
        came = b""
        while b"\r\n\r\n" not in came:
            if not (part := connection.recv(65536)):
                return
            came += part
        head, _, body = came.partition(b"\r\n\r\n")
        length = next(
            (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), b":0"
        )
        while len(body) < int(length.split(b":")[1]):
            body += connection.recv(65536)
        listener.heads.append(head)
        listener.bodies.append(body)
        write(connection, head, body)
        connection.shutdown(socket.SHUT_RDWR)
