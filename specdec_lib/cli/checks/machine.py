"""What this machine has, and which pairs run on it.

Every check ends by itself: those that ask another machine run beside each other and are given up after a
moment, so that the report comes offline too. Only the embedded pair must be there; everything else is a fact.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from specdec_lib.cli import sentences
from specdec_lib.cli.checks import Finding
from specdec_lib.cli.checks.memory import Memory, PairFit, fit_of, free_memory
from specdec_lib.errors import ModelUnavailable, SpecDecError
from specdec_lib.models.files.sizes import parameters_of
from specdec_lib.models.registry import DEFAULT_PAIR, REGISTRY
from specdec_lib.utils.numbers import counted, short_count

PATIENCE = 4.0
"""Seconds to wait for other machines, all together."""


@dataclass(frozen=True)
class MachineReport:
    """All findings, the memory that models would run in, and what each pair needs of it."""

    findings: list[Finding]
    memory: Memory
    pairs: list[PairFit]

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "checks": [asdict(finding) for finding in self.findings],
            "memory": asdict(self.memory),
            "pairs": [
                {"pair": pair.pair_name, **self.memory.against(pair.needs), "state": pair.state}
                for pair in self.pairs
            ],
        }


def examine_machine() -> MachineReport:
    """Everything that can be found out here in a moment."""
    hub, ollama = ask({"hub": check_hub, "Ollama": check_ollama})
    findings = [*_environment(), check_compiler(), check_embedded(), hub, ollama]
    memory = free_memory()
    pairs = [fit_of(pair, hub.status == "ok") for pair in REGISTRY.values()]
    return MachineReport(findings, memory, pairs)


def _environment() -> list[Finding]:
    from specdec_lib import __version__
    from specdec_lib.utils.reproducibility import environment_fingerprint

    found = environment_fingerprint()
    int4 = found["bitsandbytes"]
    return [
        Finding("specdec", "ok", __version__),
        Finding("Python", "ok", f"{found['python']} on {found['os']}"),
        Finding("torch", "ok", f"{found['torch']}, {counted(found['threads'], 'thread')}"),
        Finding("transformers", "ok", found["transformers"]),
        Finding("int4", "ok", f"bitsandbytes {int4}") if int4 else Finding("int4", "note", sentences.NO_INT4),
        Finding("processor", "ok", f"{found['cpu']}, {counted(found['cores'], 'core')}"),
        _gpu(found),
    ]


def _gpu(found: Mapping[str, Any]) -> Finding:
    if not found["gpu"]:
        return Finding("GPU", "note", sentences.NO_GPU)
    memory = f"{found['gpu_memory_mb'] / 1024:.0f} GiB"
    return Finding("GPU", "ok", f"{found['gpu']}, {memory}, CUDA {found['cuda']}")


def check_compiler() -> Finding:
    """Whether ``torch.compile`` finds a C++ compiler."""
    compiler = find_compiler()
    if compiler:
        return Finding("compiler", "ok", f"{compiler}, for torch.compile")
    return Finding("compiler", "note", sentences.NO_COMPILER)


def find_compiler() -> str | None:
    """The C++ compiler that ``torch.compile`` would call; None where there is none."""
    return os.environ.get("CXX") or next(filter(shutil.which, ("g++", "clang++", "c++", "cl")), None)


def check_embedded() -> Finding:
    """Whether both models of the default pair are there and readable."""
    pair, sizes = REGISTRY[DEFAULT_PAIR], []
    for model_id in (pair.target_model_id, pair.draft_model_id):
        try:
            parameters = parameters_of(model_id)
        except ModelUnavailable as error:
            return Finding("embedded pair", "bad", str(error))
        if parameters is None:
            return Finding("embedded pair", "bad", sentences.embedded_is_missing(model_id))
        sizes.append(short_count(parameters))
    return Finding("embedded pair", "ok", f"target {sizes[0]}, draft {sizes[1]} parameters")


def check_hub() -> Finding:
    """Whether the Hugging Face hub answers."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return Finding("hub", "note", sentences.HUB_IS_OFF)
    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=PATIENCE).close()
    except (OSError, ValueError, HTTPException):
        return Finding("hub", "note", sentences.HUB_IS_AWAY)
    return Finding("hub", "ok", f"{constants.ENDPOINT} answers")


def check_ollama() -> Finding:
    """Whether an Ollama server runs, and how many models it has."""
    from specdec_lib.models.ollama.client import OllamaClient

    try:
        client = OllamaClient(timeout=PATIENCE / 2)
        version, models = client.version(), client.list_models()
        return Finding("Ollama", "ok", f"{version} at {client.url}, {counted(len(models), 'model')}")
    except SpecDecError as error:
        return Finding("Ollama", "note", str(error))


def ask(checks: Mapping[str, Callable[[], Finding]]) -> list[Finding]:
    """The checks that wait for others, beside each other; one that takes too long is given up."""
    answers: dict[str, Finding] = {}

    def answer(name: str, check: Callable[[], Finding]) -> None:
        answers[name] = check()

    threads = [threading.Thread(target=answer, args=item, daemon=True) for item in checks.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return [answers.get(name) or Finding(name, "note", sentences.no_answer(PATIENCE)) for name in checks]
