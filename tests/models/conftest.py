"""An Ollama server that runs, and an address where none does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from tests.models.ollama_server import Server


@pytest.fixture
def server(monkeypatch) -> Iterator[str]:
    monkeypatch.setattr(Server, "raw", {})
    monkeypatch.setattr(Server, "delay", 0.0)
    monkeypatch.setattr(Server, "requests", [])
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    address = f"127.0.0.1:{listening.server_port}"
    monkeypatch.setenv("OLLAMA_HOST", address)
    yield address
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def nobody(monkeypatch) -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("OLLAMA_HOST", address)
    return address
