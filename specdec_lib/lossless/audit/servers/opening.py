"""Which protocol answers at an address, and what model is behind it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from specdec_lib.errors import InvalidArgument, ServerFailed
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.servers import sentences
from specdec_lib.lossless.audit.servers.completions import CompletionsServer
from specdec_lib.lossless.audit.servers.fields import Fields
from specdec_lib.lossless.audit.servers.llama_cpp import LlamaCppServer
from specdec_lib.lossless.audit.servers.server import ServedModel, Server
from specdec_lib.utils.http.client import HttpClient
from specdec_lib.utils.http.exchange import HttpLimits

ServerProtocol = Literal["llama.cpp", "openai"]
_KINDS = {"llamacpp": "llama.cpp", "library": "ollama", "vllm": "vllm", "sglang": "sglang"}
"""By what a server says who owns its models (``owned_by``)."""
_ABSENT = (400, 404, 405, 501)
_MOST_TOKENS = 2**31 - 1


def open_server(
    url: str,
    *,
    model: str | None = None,
    protocol: ServerProtocol | None = None,
    end_ids: Collection[int] = (),
    law_tokens: int | None = None,
    limits: HttpLimits | None = None,
    at_once: int = 16,
) -> Server:
    """The server at an address, as an engine: its protocol is found out, and one token asked for.

    Args:
        url: ``http://host:port``; a ``/v1`` at its end is passed over.
        model: its name there, where the server has several.
        protocol: "llama.cpp" asks ``/completion``, "openai" ``/v1/completions``; None takes the first, which
            tells more, where there is one.
        end_ids: ids that end a text. llama.cpp's server tells the first itself.
        law_tokens: log-probabilities that a law is asked for; None asks for all.
        limits: of every request.
        at_once: connections at most.

    Raises:
        InvalidArgument: no address, or a protocol that is none.
        ServerUnavailable: nothing answers there.
        ServerFailed: neither protocol, no or several models, a server for chats alone, or one that cuts
            the law in spite of what is sent.
    """
    if protocol not in (None, "llama.cpp", "openai"):
        raise InvalidArgument(sentences.NO_SUCH_PROTOCOL.format(protocol))
    client = HttpClient(url.strip().rstrip("/").removesuffix("/v1"), limits, at_once=at_once)
    try:
        server = _found(client, model, protocol, frozenset(end_ids), law_tokens)
        _ask_once(server)
    except BaseException:
        client.close()
        raise
    return server


def _found(
    client: HttpClient,
    model: str | None,
    protocol: ServerProtocol | None,
    end_ids: frozenset[int],
    law_tokens: int | None,
) -> Server:
    """The server, and what has to be said of it before anything is asked."""
    props = _read_if_there(client, "/props")
    is_llama_cpp = props is not None and props.has("default_generation_settings")
    if protocol == "llama.cpp" or (protocol is None and is_llama_cpp):
        if props is None or not is_llama_cpp:
            raise ServerFailed(
                sentences.NO_PROTOCOL.format(client.address.shown(), "/props is not llama.cpp's")
            )
        return LlamaCppServer(client, _llama_cpp_model(client, props, end_ids), law_tokens)
    served = _model_of(client, _models(client), model, end_ids)
    server = CompletionsServer(client, served, law_tokens)
    _note_defaults(server)
    return server


def _ask_once(server: Server) -> None:
    """One token, whatever it is: the door is there, and the settings are echoed as they were sent."""
    try:
        server.answer(EngineRequest(1, prompt_text="a"))
    except ServerFailed as error:
        if error.status in (404, 405) and isinstance(server, CompletionsServer):
            said = sentences.CHAT_ONLY.format(server.client.address.shown(), error.status)
            raise ServerFailed(said, error.status) from error
        raise


def _note_defaults(server: Server) -> None:
    server.notice(sentences.OLLAMA_DEFAULTS if server.model.kind == "ollama" else sentences.NOTHING_ECHOED)
    if not server.model.end_ids:
        server.notice(sentences.ENDS_UNKNOWN)


def _read_if_there(client: HttpClient, path: str) -> Fields | None:
    """A document that a server may not have; one that is no object is none of ours."""
    try:
        read = client.get_json(path)
    except ServerFailed as error:
        if error.status in (*_ABSENT, 200):  # a page for every path is a server of another kind
            return None
        raise
    return Fields(read, client.address.shown()) if isinstance(read, dict) else None


def _models(client: HttpClient) -> list[Fields]:
    """The models that a server lists."""
    shown = client.address.shown()
    try:
        read = Fields(client.get_json("/v1/models"), shown)
    except ServerFailed as error:
        if error.status in _ABSENT:
            raise ServerFailed(sentences.NO_PROTOCOL.format(shown, error), error.status) from error
        raise
    models = read.objects("data")
    if not models:
        raise ServerFailed(sentences.NO_MODEL.format(shown))
    return models


def _model_of(
    client: HttpClient, models: list[Fields], wanted: str | None, end_ids: frozenset[int]
) -> ServedModel:
    """The model that is meant, of those that are listed."""
    names = [model.text("id") for model in models]
    name = names[0] if wanted is None and len(names) == 1 else wanted
    if name not in names:
        shown = client.quoted(", ".join(names[:8]), 120)
        meant = client.quoted(wanted or "")
        said = sentences.WHICH_MODEL.format(client.address.shown(), len(names), shown, meant)
        raise ServerFailed(said)
    found = models[names.index(name)]
    owner = found.text("owned_by") if found.has("owned_by") else ""
    meta = found.inner("meta") if found.has("meta") else found  # where llama.cpp has its numbers
    context = _size(found, "max_model_len") or _size(meta, "n_ctx")
    return ServedModel(name, _KINDS.get(owner.lower(), "openai"), _size(meta, "n_vocab"), context, end_ids)


def _size(fields: Fields, name: str) -> int | None:
    """A number of tokens, where it is told."""
    return fields.whole(name, 1, _MOST_TOKENS) if fields.has(name) else None


def _llama_cpp_model(client: HttpClient, props: Fields, end_ids: frozenset[int]) -> ServedModel:
    """What llama.cpp says of its model: a slot's context, and the vocabulary where it lists it."""
    models = _models(client)
    settings = props.inner("default_generation_settings")
    vocab = _size(models[0].inner("meta"), "n_vocab") if models[0].has("meta") else None
    end = props.text("eos_token") if props.has("eos_token") else ""
    name = client.quoted(models[0].text("id"), 80)
    context = _size(settings, "n_ctx")
    return ServedModel(name, "llama.cpp", vocab, context, end_ids | _end_of(client, end, vocab))


def _end_of(client: HttpClient, end: str, vocab: int | None) -> frozenset[int]:
    """The id of the token that ends a text, if its text is one token."""
    if not end:
        return frozenset()
    asked: dict[str, Any] = {"content": end, "add_special": False, "parse_special": True}
    read = Fields(client.post_json("/tokenize", asked), client.address.shown())
    ids = read.wholes("tokens", 0, (vocab or _MOST_TOKENS) - 1)
    return frozenset(ids) if len(ids) == 1 else frozenset()
