"""A server that runs already, as one arm: what it says of itself is what is known of it."""

from __future__ import annotations

from contextlib import ExitStack

from specdec_lib.bench.measure.arm import Arm, Facts
from specdec_lib.bench.measure.engines import sentences
from specdec_lib.bench.measure.engines.llama_cpp import TEXT_LIMITS
from specdec_lib.bench.measure.engines.timed import TimedEngine
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.servers.fields import Fields
from specdec_lib.lossless.audit.servers.llama_cpp import LlamaCppServer
from specdec_lib.lossless.audit.servers.opening import open_server
from specdec_lib.lossless.audit.servers.server import Server
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult

_TOLD = {"model_ftype": "weights", "build_info": "version", "total_slots": "slots"}
"""Of llama.cpp's ``/props``, and what records call it."""


def server_arm(name: str, url: str, target: ModelWrapper, stack: ExitStack) -> Arm[GenerationResult]:
    """The arm of a server, which is asked one token, and closed with ``stack``.

    Raises:
        InvalidArgument: it has another vocabulary than ``target``.
        ServerUnavailable, ServerFailed: it does not answer, or not as it should.
    """
    server = open_server(url, end_ids=target.eos_token_ids, limits=TEXT_LIMITS, at_once=1)
    stack.callback(server.close)
    told = server.model.vocab_size
    if told is not None and told < target.vocab_size:
        raise InvalidArgument(sentences.OTHER_MODEL.format(server.name, told, target.vocab_size))
    return Arm(name, _server_facts(server), lambda: TimedEngine(server))


def _server_facts(server: Server) -> Facts:
    options = {"url": server.client.address.shown(), "model": server.model.name, "prompt_cache": False}
    drafting = ""
    if isinstance(server, LlamaCppServer):
        drafting = server.drafting
        props = Fields(server.client.get_json("/props"), server.name)
        options |= {name: props.read[told] for told, name in _TOLD.items() if props.has(told)}
    if not drafting:
        return Facts(server.model.kind, "autoregressive", options=options)
    return Facts(server.model.kind, "speculative", options=options | {"drafting": drafting})
