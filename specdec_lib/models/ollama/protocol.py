"""What Ollama's messages mean: addresses, requests, models, generations, errors.

Everything here is a function of text that a server sent or a user typed. Sockets are
:mod:`specdec_lib.models.ollama_loader`'s.
"""

from __future__ import annotations

import json
import urllib.error
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from specdec_lib.errors import InvalidArgument, ServerUnavailable

DEFAULT_PORT = 11434
_SCHEME_PORTS = {"http": 80, "https": 443}
REQUEST_FIELDS = {"context", "format", "images", "keep_alive", "logprobs", "raw", "shift", "suffix", "system"}
REQUEST_FIELDS |= {"template", "think", "top_logprobs", "truncate"}
"""What belongs to a request itself; everything else a caller names is an option of the model's runner."""
CHAT_FIELDS = {"messages", "tools"}
"""What another request takes: among the options the server would leave it out without a word."""
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


def base_url(host: str) -> str:
    """``http://host:port`` of what ``OLLAMA_HOST`` may hold: nothing, a host, host:port or a URL.

    An address that means "every interface" to a server means this machine to a client.
    """
    text = host.strip() or "localhost"
    schemed = "://" in text
    try:
        parts = urlsplit(text if schemed else f"http://{text}")
        port = parts.port or (_SCHEME_PORTS.get(parts.scheme) if schemed else None) or DEFAULT_PORT
        name = parts.hostname
    except ValueError as error:
        raise InvalidArgument(f"Ollama host '{host}' is no address ({error}); pass host:port") from error
    if not name or parts.scheme not in _SCHEME_PORTS:
        raise InvalidArgument(f"Ollama host '{host}' is no address; pass host:port or an http(s) URL")
    name = _ANY_ADDRESS.get(name, name)
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{port}{parts.path.rstrip('/')}"


def generate_request(
    model: str, prompt: str, max_tokens: int, given: dict[str, Any], stream: bool
) -> dict[str, Any]:
    """The body of a ``/api/generate`` request: ``given`` holds its fields and the runner's options.

    Raises:
        InvalidArgument: ``max_tokens`` below 1, which would mean "no limit", a name that is a parameter here,
            or a value that is no JSON.
    """
    if max_tokens < 1:
        raise InvalidArgument(f"Ollama generate: max_tokens is {max_tokens}; pass 1 or more")
    if "stream" in given:
        raise InvalidArgument("Ollama generate: stream is no option; call stream() for a stream")
    more = given.get("options") or {}
    if not isinstance(more, dict):
        raise InvalidArgument(f"Ollama generate: options is {more!r:.60}; pass a dictionary of them")
    if "num_predict" in given or "num_predict" in more:
        raise InvalidArgument("Ollama generate: num_predict is max_tokens here; pass that alone")
    if chat := sorted(CHAT_FIELDS & given.keys()):
        raise InvalidArgument(f"Ollama generate: {', '.join(chat)} belongs to a chat; pass one prompt")
    fields = {name: value for name, value in given.items() if name in REQUEST_FIELDS}
    options = {name: value for name, value in given.items() if name not in (*REQUEST_FIELDS, "options")}
    for name, value in {**fields, **more, **options}.items():
        _require_json(name, value)
    limits = {"num_predict": max_tokens, **more, **options}
    return {"model": model, "prompt": prompt, "stream": stream, **fields, "options": limits}


def _require_json(name: str, value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"Ollama generate: {name} is {value!r}, which is no JSON ({error})") from error


def read_models(answer: dict[str, Any]) -> list[OllamaModel]:
    """The models of an answer of ``/api/tags``; a server without any may send null."""
    entries = read_field(answer, "models", "/api/tags")
    try:
        return [_read_model(entry) for entry in entries or ()]
    except (AttributeError, TypeError, ValueError) as error:
        raise unexpected("/api/tags", "a list of models") from error


def _read_model(entry: dict[str, Any]) -> OllamaModel:
    details = entry.get("details") or {}
    return OllamaModel(
        name=str(entry.get("name") or entry.get("model") or "?"),
        parameter_size=str(details.get("parameter_size") or "?"),
        quantization=str(details.get("quantization_level") or "?"),
        size_bytes=int(entry.get("size") or 0),
    )


def read_generation(answer: dict[str, Any]) -> OllamaGeneration:
    """The answer of ``/api/generate``; nanoseconds become seconds, counts left out are zero."""
    try:
        return OllamaGeneration(
            text=_text(read_field(answer, "response", "/api/generate")),
            num_tokens=int(answer.get("eval_count") or 0),
            generation_time=int(answer.get("eval_duration") or 0) / 1e9,
            total_time=int(answer.get("total_duration") or 0) / 1e9,
            thinking=_text(answer.get("thinking")),
            done_reason=_text(answer.get("done_reason")),
        )
    except (TypeError, ValueError) as error:
        raise unexpected("/api/generate", "counts and durations") from error


def read_piece(line: dict[str, Any]) -> OllamaPiece:
    """One line of a streamed answer."""
    return OllamaPiece(
        text=_text(read_field(line, "response", "/api/generate")),
        thinking=_text(line.get("thinking")),
        done=bool(line.get("done")),
        done_reason=_text(line.get("done_reason")),
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def read_document(body: bytes, path: str) -> dict[str, Any]:
    """The JSON object of an answer; a server says what went wrong in its field ``error``."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise unexpected(path, "JSON") from error
    if not isinstance(document, dict):
        raise unexpected(path, "a JSON object")
    if "error" in document:
        raise ServerUnavailable(f"Ollama reports: {document['error']} ({path})")
    return document


def read_field(document: dict[str, Any], name: str, path: str) -> Any:
    """A field that the protocol promises."""
    if name not in document:
        raise unexpected(path, f"a field '{name}'")
    return document[name]


def unexpected(path: str, wanted: str) -> ServerUnavailable:
    """The error for an answer that is not Ollama's."""
    return ServerUnavailable(f"the answer of {path} is not {wanted}; is the server really Ollama?")


def http_reason(error: urllib.error.HTTPError) -> str:
    """What the server said, or the status it answered with."""
    try:
        return str(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"HTTP {error.code} {error.reason}"
