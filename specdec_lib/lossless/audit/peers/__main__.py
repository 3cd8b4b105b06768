"""``make peers``: the embedded pair written for every engine that is installed, and each of them audited.

``python -m specdec_lib.lossless.audit.peers --folder .peers`` does the last three for what the Makefile has
installed there. A verdict is no failure: the exit code is 0 once every engine was asked.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from specdec_lib.lossless.audit.peers import sentences
from specdec_lib.utils.entry_point import OneLineParser, exit_code

_SAID = "[peers] "


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit what is installed; exit code 2 where something cannot be had, 130 for an interruption."""
    parser = OneLineParser(
        f"{_SAID}error: ", hint="see --help", prog="specdec_lib.lossless.audit.peers", description=__doc__
    )
    parser.add_argument("--folder", type=Path, default=Path(".peers"), help="where the engines are installed")
    parser.add_argument("--output", type=Path, default=Path("data/results/engines.jsonl"), help="the table")
    parser.add_argument("--pair", default="pocket", help="a pair that 'specdec pairs' lists")
    parser.add_argument("--engine", action="append", help="only this one: llama.cpp, or 'OpenVINO GenAI'")
    parser.add_argument("--mode", action="append", help="only this way of it")
    parser.add_argument("--samples", type=int, default=4_000, help="answers of each")
    parser.add_argument("--texts", type=int, default=30, help="greedy texts")
    parser.add_argument("--deadline", type=float, default=600.0, help="seconds for each")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupted)  # so that no server outlives this process

    def run() -> None:
        from specdec_lib.lossless.audit.peers.auditing import PeerPlan
        from specdec_lib.lossless.audit.peers.inspection import audit_installed

        plan = PeerPlan(samples=options.samples, texts=options.texts, deadline=options.deadline)
        chosen = options.engine, options.mode
        audit_installed(options.folder, options.output, options.pair, plan, *chosen, report=_report)

    return exit_code(run, f"{_SAID}error: ")


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(sentences.TOLD_TO_END)


def _report(line: str) -> None:
    print(f"{_SAID}{line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
