"""An Ollama server: is it running, what does it have, one generation.

Speaks Ollama's HTTP protocol with the standard library: ``/api/version``, ``/api/tags`` and
``/api/generate``, whole or streamed as one JSON document a line. Every failure (nothing
listens, no answer in time, an HTTP error, text that is not JSON) is a
:class:`~specdec_lib.errors.ServerUnavailable` of one line. It refuses to know about token ids and logits,
which Ollama does not give out: such a model can be listed and timed, never verified against.

``python -m specdec_lib.models.ollama_loader`` prints what the server has.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from specdec_lib.errors import ServerUnavailable
from specdec_lib.models.ollama.protocol import (
    OllamaGeneration,
    OllamaModel,
    OllamaPiece,
    base_url,
    generate_request,
    http_reason,
    read_document,
    read_field,
    read_generation,
    read_models,
    read_piece,
)
from specdec_lib.utils.entry_point import exit_code
from specdec_lib.utils.logging import get_logger

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class OllamaClient:
    """A client of one server.

    Args:
        host: ``host``, ``host:port`` or a URL; None takes ``OLLAMA_HOST``, else localhost:11434.
        timeout: seconds to wait for an answer about the server.
        generate_timeout: seconds to wait for (the next piece of) a generation, loading included.

    Raises:
        InvalidArgument: a host that is no address.
    """

    def __init__(
        self, host: str | None = None, timeout: float = 5.0, generate_timeout: float = 300.0
    ) -> None:
        self.url = base_url(os.environ.get("OLLAMA_HOST", "") if host is None else host)
        self.timeout = timeout
        self.generate_timeout = generate_timeout
        local = urlsplit(self.url).hostname in _LOOPBACK
        proxies = [urllib.request.ProxyHandler({})] if local else []  # no proxy reaches our own machine
        self._opener = urllib.request.build_opener(*proxies)

    def is_running(self) -> bool:
        """Whether an Ollama server answers there."""
        try:
            self.version()
        except ServerUnavailable:
            return False
        return True

    def version(self) -> str:
        """The server's version, such as "0.5.1"."""
        return str(read_field(self._get("/api/version"), "version", "/api/version"))

    def list_models(self) -> list[OllamaModel]:
        """The models that the server holds, in its order."""
        return read_models(self._get("/api/tags"))

    def generate(self, model: str, prompt: str, max_tokens: int = 128, **given: Any) -> OllamaGeneration:
        """One generation, waited for as a whole; what the model thought is in ``thinking``.

        ``given`` are fields of Ollama's request (``system``, ``think``, ``format``, ``keep_alive``, …) and
        options of its runner (``temperature``, ``seed``, ``top_k``, …), each by its name there.

        Raises:
            InvalidArgument: fewer than one token, or a value that is no JSON.
            ServerUnavailable: no server, no such model, or an answer that is not Ollama's.
        """
        request = generate_request(model, prompt, max_tokens, given, stream=False)
        with self._open("/api/generate", request, self.generate_timeout) as response:
            answer = read_generation(read_document(response.read(), "/api/generate"))
        if answer.thinking and not answer.text:
            _warn_of_thinking(model, max_tokens)
        return answer

    def stream(self, model: str, prompt: str, max_tokens: int = 128, **given: Any) -> Iterator[str]:
        """The text of the same generation, piece by piece; arguments and errors as in :meth:`generate`.

        What the model thinks is no part of its text: :meth:`stream_pieces` has both.
        """
        thought = said = False
        for piece in self.stream_pieces(model, prompt, max_tokens, **given):
            thought, said = thought or bool(piece.thinking), said or bool(piece.text)
            if piece.text:
                yield piece.text
        if thought and not said:
            _warn_of_thinking(model, max_tokens)

    def stream_pieces(
        self, model: str, prompt: str, max_tokens: int = 128, **given: Any
    ) -> Iterator[OllamaPiece]:
        """The same generation as the server sends it: text, thinking, and why it ended."""
        request = generate_request(model, prompt, max_tokens, given, stream=True)
        with self._open("/api/generate", request, self.generate_timeout) as response:
            for line in response:
                if line.strip():
                    piece = read_piece(read_document(line, "/api/generate"))
                    yield piece
                    if piece.done:
                        return
        raise ServerUnavailable(f"Ollama at {self.url} ended the stream before the text was done; try again")

    def _get(self, path: str) -> dict[str, Any]:
        with self._open(path, None, self.timeout) as response:
            return read_document(response.read(), path)

    @contextmanager
    def _open(self, path: str, request: dict[str, Any] | None, timeout: float) -> Iterator[HTTPResponse]:
        """The answer to a request; what goes wrong while it is read is named too."""
        body = None if request is None else json.dumps(request).encode()
        call = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        try:
            with self._opener.open(call, timeout=timeout) as response:
                yield response
        except ServerUnavailable:  # said by who reads the answer; it is an OSError too
            raise
        except (OSError, HTTPException) as error:
            raise ServerUnavailable(self._reason(error, path, timeout)) from error

    def _reason(self, error: Exception, path: str, timeout: float) -> str:
        """What a request came to, in a line."""
        if isinstance(error, urllib.error.HTTPError):
            return f"Ollama at {self.url}: {http_reason(error)} ({path})"
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, TimeoutError):
            return f"Ollama at {self.url} did not answer within {timeout:g} s; is it busy?"
        what = str(reason) or type(reason).__name__
        return f"no Ollama server at {self.url} ({what}); start it (ollama serve) or set OLLAMA_HOST"


def _warn_of_thinking(model: str, max_tokens: int) -> None:
    """An answer without text looks like a fault of ours."""
    get_logger(__name__).warning(
        f"{model} thought and wrote no text within {max_tokens} tokens; allow more, or pass think=False"
    )


def table(models: list[OllamaModel]) -> str:
    """The models as aligned text columns: model, params, quant, size (GB)."""
    header = ("model", "params", "quant", "size (GB)")
    rows = [header, *((m.name, m.parameter_size, m.quantization, f"{m.size_gb:.1f}") for m in models)]
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = ["  ".join([name.ljust(first), *map(str.rjust, cells, others)]) for name, *cells in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def main() -> int:
    """Print what the server has; exit code 2 with one line on standard error when there is none."""
    return exit_code(_show, "[ollama] ✗ ")


def _show() -> None:
    client = OllamaClient()
    print(f"[ollama] checking server at {client.url} …", flush=True)
    client.version()
    print("[ollama] ✓ server is running.\n", flush=True)
    models = client.list_models()
    print(table(models) if models else "no models yet; fetch one with: ollama pull llama3.2:1b")


if __name__ == "__main__":
    sys.exit(main())
