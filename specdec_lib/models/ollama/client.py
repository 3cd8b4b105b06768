"""A client of an Ollama server: is it running, what does it have, one generation.

Speaks Ollama's HTTP protocol with the standard library. Every failure (nothing listens, no answer in time,
an HTTP error, text that is not JSON) is a :class:`~specdec_lib.errors.ServerUnavailable` of one line. Ollama
gives out neither token ids nor logits: such a model can be listed and timed, never verified against.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from specdec_lib.errors import InvalidArgument, ServerUnavailable
from specdec_lib.models.ollama import sentences
from specdec_lib.models.ollama.connection import documents, unexpected
from specdec_lib.utils.logging import get_logger

REQUEST_FIELDS = {"context", "format", "images", "keep_alive", "logprobs", "raw", "shift", "suffix", "system"}
REQUEST_FIELDS |= {"template", "think", "top_logprobs", "truncate"}
"""What belongs to a request itself; everything else a caller names is an option of the model's runner."""
_REFUSED = {
    ("stream",): sentences.CALL_STREAM,
    ("num_predict",): sentences.PASS_MAX_TOKENS,
    ("messages", "tools"): sentences.PASS_A_PROMPT,
}
_PORTS = {"http": 80, "https": 443}
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True)
class OllamaModel:
    """One model of a server; sizes as the server reports them."""

    name: str
    parameter_size: str
    quantization: str
    size_bytes: int

    @property
    def size_gb(self) -> float:
        """Size on disk in GB of 10**9 bytes, as ``ollama list`` shows it."""
        return self.size_bytes / 1e9


@dataclass(frozen=True)
class OllamaGeneration:
    """One answer and the server's own measurements; times in seconds.

    ``num_tokens`` counts the thinking too. ``done_reason`` is the server's: "stop", "length", "load", …
    """

    text: str
    num_tokens: int
    generation_time: float
    total_time: float
    thinking: str = ""
    done_reason: str = ""

    @property
    def tokens_per_second(self) -> float:
        """Rate of generation, prompt and loading excluded; 0 when the server measured nothing."""
        return self.num_tokens / self.generation_time if self.generation_time > 0 else 0.0


@dataclass(frozen=True)
class OllamaPiece:
    """What one line of a stream adds: text or thinking, and in the last one why it ended."""

    text: str
    thinking: str = ""
    done: bool = False
    done_reason: str = ""


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
        self.url = _base_url(os.environ.get("OLLAMA_HOST", "") if host is None else host)
        self.timeout = timeout
        self.generate_timeout = generate_timeout

    def is_running(self) -> bool:
        """Whether an Ollama server answers there."""
        with suppress(ServerUnavailable):
            self.version()
            return True
        return False

    def version(self) -> str:
        """The server's version, such as "0.5.1"."""
        (answer,) = documents(self.url, "/api/version", "version", self.timeout)
        return str(answer["version"])

    def list_models(self) -> list[OllamaModel]:
        """The models that the server holds, in its order."""
        (answer,) = documents(self.url, "/api/tags", "models", self.timeout)
        try:
            return [_read_model(entry) for entry in answer["models"] or ()]  # without any it may send null
        except (AttributeError, TypeError, ValueError) as error:
            raise unexpected("/api/tags", sentences.A_LIST_OF_MODELS) from error

    def generate(self, model: str, prompt: str, max_tokens: int = 128, **given: Any) -> OllamaGeneration:
        """One generation, waited for as a whole; what the model thought is in ``thinking``.

        ``given`` are fields of Ollama's request (``system``, ``think``, ``format``, ``keep_alive``, …) and
        options of its runner (``temperature``, ``seed``, ``top_k``, …), each by its name there.

        Raises:
            InvalidArgument: fewer than one token, or a value that is no JSON.
            ServerUnavailable: no server, no such model, or an answer that is not Ollama's.
        """
        request = {"model": model, "prompt": prompt, "stream": False, **_fields(max_tokens, given)}
        (answer,) = documents(self.url, "/api/generate", "response", self.generate_timeout, request)
        names, piece = ("eval_count", "eval_duration", "total_duration"), _read_piece(answer)
        try:
            tokens, generating, total = (int(answer.get(name) or 0) for name in names)
        except (TypeError, ValueError) as error:
            raise unexpected("/api/generate", sentences.COUNTS_AND_DURATIONS) from error
        _warn_of_thinking(model, max_tokens, piece.thinking, piece.text)
        times = generating / 1e9, total / 1e9  # from nanoseconds
        return OllamaGeneration(piece.text, tokens, *times, piece.thinking, piece.done_reason)

    def stream(self, model: str, prompt: str, max_tokens: int = 128, **given: Any) -> Iterator[str]:
        """The text of the same generation, piece by piece; arguments and errors as in :meth:`generate`.

        What the model thinks is no part of its text: :meth:`stream_pieces` has both.
        """
        thought = said = ""
        for piece in self.stream_pieces(model, prompt, max_tokens, **given):
            thought, said = thought or piece.thinking, said or piece.text
            if piece.text:
                yield piece.text
        _warn_of_thinking(model, max_tokens, thought, said)

    def stream_pieces(
        self, model: str, prompt: str, max_tokens: int = 128, **given: Any
    ) -> Iterator[OllamaPiece]:
        """The same generation as the server sends it: text, thinking, and why it ended."""
        request = {"model": model, "prompt": prompt, "stream": True, **_fields(max_tokens, given)}
        lines = documents(self.url, "/api/generate", "response", self.generate_timeout, request)
        for piece in map(_read_piece, lines):
            yield piece
            if piece.done:
                return
        raise ServerUnavailable(sentences.STREAM_CUT.format(self.url))


def _base_url(host: str) -> str:
    """``http://host:port`` of what ``OLLAMA_HOST`` may hold: nothing, a host, host:port or a URL.

    An address that means "every interface" to a server means this machine to a client.
    """
    text = host.strip() or "localhost"
    schemed = "://" in text
    try:
        parts = urlsplit(text if schemed else f"http://{text}")
        default = _PORTS[parts.scheme] if schemed else 11434
        name, port = parts.hostname or "", parts.port or default
        if not name:
            raise ValueError(sentences.NO_HOST)
    except (KeyError, ValueError) as error:
        said = sentences.NO_ADDRESS.format(host, error)
        raise InvalidArgument(said) from error
    name = _ANY_ADDRESS.get(name, name)
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{port}{parts.path.rstrip('/')}"


def _fields(max_tokens: int, given: dict[str, Any]) -> dict[str, Any]:
    """``given`` as fields of a request and options of its runner; what a server would misread is refused."""
    if max_tokens < 1:  # to a server it means "no limit"
        raise InvalidArgument(sentences.NO_TOKENS.format(max_tokens))
    options = given.pop("options", None) or {}
    if not isinstance(options, dict):
        raise InvalidArgument(sentences.NO_OPTIONS.format(options))
    fields = {name: given.pop(name) for name in sorted(REQUEST_FIELDS & given.keys())}
    options = options | given
    for names, advice in _REFUSED.items():
        if found := ", ".join(name for name in names if name in options):
            raise InvalidArgument(sentences.REFUSED_OPTION.format(found, advice))
    for name, value in (fields | options).items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidArgument(sentences.NO_JSON.format(name, value, error)) from error
    return {**fields, "options": {"num_predict": max_tokens, **options}}


def _read_piece(line: dict[str, Any]) -> OllamaPiece:
    text, thinking, reason = (str(line.get(name) or "") for name in ("response", "thinking", "done_reason"))
    return OllamaPiece(text, thinking, bool(line.get("done")), reason)


def _read_model(entry: dict[str, Any]) -> OllamaModel:
    name, details = entry.get("name") or entry.get("model"), entry.get("details") or {}
    known = (name, details.get("parameter_size"), details.get("quantization_level"))
    return OllamaModel(*(str(fact or "?") for fact in known), size_bytes=int(entry.get("size") or 0))


def _warn_of_thinking(model: str, max_tokens: int, thought: str, said: str) -> None:
    """An answer of nothing but thinking looks like a fault of ours."""
    if thought and not said:
        get_logger(__name__).warning(sentences.ONLY_THOUGHT.format(model, max_tokens))
