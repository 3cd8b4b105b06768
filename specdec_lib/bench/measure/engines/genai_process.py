"""OpenVINO GenAI in a process of its own: a line of JSON asks, a line of JSON answers.

``python -m specdec_lib.bench.measure.engines.genai_process`` reads from standard input what
:class:`~specdec_lib.bench.measure.engines.genai.GenAiProcess` writes there, and ends with it. Its packages
lie in a folder that this process alone has on its path, and its threads are none of those that are measured
beside it. Whatever its libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from io import TextIOBase
from pathlib import Path
from typing import Any

from specdec_lib.errors import InvalidArgument, in_one_line
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.peers.openvino_genai import GenAiEngine


class GenAiSide:
    """What a process does that was told to: write a model, open a pipeline, continue a prompt."""

    def __init__(self) -> None:
        self._engine: GenAiEngine | None = None

    def done(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one line."""
        told = dict(asked)
        does = {"write": self._write, "open": self._open, "text": self._text}
        return does[told.pop("do")](**told)

    def _write(self, models: Mapping[str, str], folder: str, width: str) -> dict[str, Any]:
        from specdec_lib.models.export.pair import export_models

        written = export_models(models, "openvino", Path(folder), width)
        return {"paths": {model.role: str(model.path) for model in written}}

    def _open(self, target: str, draft: str | None, **options: Any) -> dict[str, Any]:
        options["eos_token_ids"] = tuple(options["eos_token_ids"])
        mode = "plain" if draft is None else "draft"
        self._engine = GenAiEngine(Path(target), mode, None if draft is None else Path(draft), **options)
        return {"options": self._engine.options}

    def _text(self, ids: list[int], number: int, temperature: float, seed: int, k: int) -> dict[str, Any]:
        if self._engine is None:
            raise InvalidArgument("text: no pipeline was opened; send 'open' first")
        self._engine.num_draft_tokens = k
        start = time.perf_counter()
        answer = self._engine.answer(EngineRequest(number, tuple(ids), temperature=temperature, seed=seed))
        seconds = time.perf_counter() - start
        return {"ids": list(answer.ids or ()), "ended": answer.ended, "seconds": seconds}


def serve_lines(lines: Iterable[str], answers: TextIOBase) -> None:
    """Answer each line until there are no more; whatever is raised is the answer ``{"error": …}``."""
    side = GenAiSide()
    for line in lines:
        try:
            told = side.done(json.loads(line))
        except Exception as error:  # this process is one arm's alone, and its reason goes to that arm
            told = {"error": in_one_line(error)}
        print(json.dumps(told), file=answers, flush=True)


def main() -> int:
    """Serve standard input; what anybody else prints goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        serve_lines(sys.stdin, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
