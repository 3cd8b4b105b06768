"""A request to an Ollama server, and the documents of its answer."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from specdec_lib.errors import ServerUnavailable
from specdec_lib.models.ollama import sentences


def documents(
    url: str, path: str, field: str, timeout: float, request: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """The JSON documents of an answer: one, or one a line of a stream, each with the ``field`` it promises.

    ``request`` is what to post; ``timeout`` the seconds to wait for the next piece of the answer.

    Raises:
        ServerUnavailable: no server, a refusal, or an answer that is not Ollama's.
    """
    body = json.dumps(request).encode() if request else None
    local = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")  # no proxy reaches our own machine
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
    try:
        call = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
        with opener.open(call, timeout=timeout) as response:
            streamed = request and request["stream"]
            for line in filter(bytes.strip, response) if streamed else [response.read()]:
                yield _read_document(line, path, field)
    except ServerUnavailable:  # said by who reads the answer; it is an OSError too
        raise
    except HTTPError as error:
        raise ServerUnavailable(sentences.REFUSED.format(url, _refusal(error), path)) from error
    except (OSError, HTTPException, ValueError) as error:  # a ValueError is of the host's name
        reason = getattr(error, "reason", error)
        what = str(reason) or type(reason).__name__
        said = sentences.NO_SERVER.format(url, what)
        if isinstance(reason, TimeoutError):
            said = sentences.TOO_SLOW.format(url, timeout)
        raise ServerUnavailable(said) from error


def _refusal(error: HTTPError) -> str:
    """What the server said with an HTTP error, or its status."""
    with suppress(KeyError, TypeError, ValueError, OSError):
        return str(json.loads(error.read())["error"])
    return f"HTTP {error.code} {error.reason}"


def _read_document(body: bytes, path: str, field: str) -> dict[str, Any]:
    """The JSON object of an answer; a server says what went wrong in its field ``error``."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise unexpected(path, "JSON") from error
    if not isinstance(document, dict):
        raise unexpected(path, sentences.A_JSON_OBJECT)
    if "error" in document:
        raise ServerUnavailable(sentences.REPORTS.format(document["error"], path))
    if field not in document:
        raise unexpected(path, sentences.A_FIELD.format(field))
    return document


def unexpected(path: str, wanted: str) -> ServerUnavailable:
    """The error for an answer that is not Ollama's."""
    return ServerUnavailable(sentences.NOT_OLLAMAS.format(path, wanted))
