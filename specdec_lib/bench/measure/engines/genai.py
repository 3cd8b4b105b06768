"""OpenVINO GenAI as an arm: a process of its own, asked through a pipe (see ``genai_process``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import specdec_lib
from specdec_lib.bench.measure.engines import sentences
from specdec_lib.errors import ServerFailed, ServerUnavailable
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.peers.server_process import end_group, last_line

_MODULE = "specdec_lib.bench.measure.engines.genai_process"
COMMAND = (sys.executable, "-m", _MODULE)


class GenAiProcess:
    """The other end of the pipe.

    Args:
        name: in messages.
        packages: the folder of OpenVINO's packages, on the path of that process alone.
        log: what it prints goes there.
        command: that starts it.

    Raises:
        ServerUnavailable: it cannot be started.
    """

    def __init__(self, name: str, packages: Path, log: Path, command: Sequence[str] = COMMAND) -> None:
        self.name, self._log = name, log
        log.parent.mkdir(parents=True, exist_ok=True)
        ours, before = Path(specdec_lib.__file__).parents[1], os.environ.get("PYTHONPATH")
        path = os.pathsep.join(filter(None, [str(packages.resolve()), str(ours), before]))
        with log.open("wb") as printed:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=printed,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": path},
            )

    def write(self, models: Mapping[str, str], folder: Path, width: str) -> dict[str, Path]:
        """Write models for OpenVINO: the folder of each, by its role."""
        told = self._answer({"do": "write", "models": dict(models), "folder": str(folder), "width": width})
        return {role: Path(path) for role, path in told["paths"].items()}

    def open(
        self, target: Path, draft: Path | None, ends: Sequence[int], threads: int, precision: str
    ) -> str:
        """Open the pipeline; returns its options in words."""
        asked = {"do": "open", "target": str(target), "draft": None if draft is None else str(draft)}
        more = {"eos_token_ids": list(ends), "threads": threads, "precision": precision}
        return str(self._answer(asked | more)["options"])

    def text(self, request: EngineRequest, k: int) -> Answer:
        """One text with ``k`` drafted tokens a round."""
        asked = {"do": "text", "ids": list(request.prompt_ids), "number": request.num_tokens, "k": k}
        told = self._answer(asked | {"temperature": request.temperature, "seed": request.seed})
        return Answer(tuple(told["ids"]), "", told["ended"], decode_seconds=told["seconds"])

    def close(self) -> None:
        """End it: its input ends, and it is told to."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:  # it has gone before
                    continue
        end_group(self._process)

    def _answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        told = self._line(json.dumps(asked))
        if "error" in told:
            raise ServerFailed(sentences.RAISED.format(self.name, told["error"]))
        return told

    def _line(self, asked: str) -> dict[str, Any]:
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise AssertionError("both are pipes")
        try:
            to.write(asked.encode() + b"\n")
            to.flush()
            line = back.readline()
        except (OSError, ValueError):  # ValueError: a pipe that was closed
            line = b""
        if not line.endswith(b"\n"):
            said = sentences.ENDED.format(self.name, sentences.HUNG_UP, self._log, last_line(self._log))
            raise ServerUnavailable(said)
        return json.loads(line)


class GenAiArm:
    """One draft length of a pipeline that several arms may share, as an engine that answers."""

    def __init__(self, process: GenAiProcess, k: int) -> None:
        self._process, self._k = process, k
        self.name = process.name

    def answer(self, request: EngineRequest) -> Answer:
        """One text; of a pipeline without a draft ``k`` is not looked at."""
        return self._process.text(request, self._k)
