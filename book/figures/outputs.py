"""Records what the commands print, for the book's page *Command line*.

    python book/figures/outputs.py book/outputs.json         # all: minutes on a quiet machine
    python book/figures/outputs.py book/outputs.json bench   # one command's

Each runs as a user runs it, one after the other in one folder with ``data`` in it, on the embedded pair,
without colours and 80 columns wide. Only standard output is kept.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = {
    "pairs": ["specdec pairs"],
    "doctor": ["specdec doctor"],
    "generate": [
        "specdec generate 'def fibonacci(n):' -n 32",
        "specdec generate 'def fibonacci(n):' -n 32 --compare",
    ],
    "bench": ["specdec bench -k 2,4 -t 0 -n 32 --prompts 2 --repeats 1 --output runs/short.jsonl"],
    "sweep": ["specdec sweep pocket --dry-run"],
    "results": [
        "specdec results data/results/sweep.jsonl --limit 6",
        "specdec results data/results/sweep.jsonl --where 'k>=4' --sort -speedup --limit 3",
    ],
    "report": ["specdec report data/results/sweep.jsonl --output sweep.html"],
    "explain": [
        "specdec explain data/results/pocket.jsonl",
        "specdec explain --from data/results/foreign/before.prom --from data/results/foreign/after.prom "
        "--step-plain 1.97 --step 6.59 --draft-step 0.152",
    ],
    "verify": ["specdec verify"],
    "audit": [
        "specdec audit hf:universal -n 2 -k 1",
        "specdec audit ours --samples 400 --top-k 4 --prompts 1",
        "specdec audit --greedy plain ours --prompts 6 -n 32",
    ],
    "export": ["specdec export --to gguf --out runs/gguf"],
    "train": ["specdec train --exit 8 --target pocket-target --tokens 40000 --out runs/exit"],
}
"""What is shown of each command."""


def printed(command: str, folder: str) -> str:
    """What ``command`` prints when it runs in ``folder``, without spaces at the ends of lines."""
    plain = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    program = [sys.executable, "-m", "specdec_lib", *shlex.split(command)[1:]]
    run = subprocess.run(program, cwd=folder, env=plain, stdout=subprocess.PIPE, text=True)
    if run.returncode not in (0, 1):  # 1 is a verdict
        run.check_returncode()
    return "\n".join(line.rstrip() for line in run.stdout.strip("\n").splitlines())


def main(path: str, *names: str) -> None:
    """Record anew what ``names`` print, or all commands."""
    file = Path(path)
    recorded = json.loads(file.read_text(encoding="utf8")) if file.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").symlink_to(Path(__file__).resolve().parents[2] / "data")
        for name in names or RUNS:
            runs = [{"command": command, "prints": printed(command, folder)} for command in RUNS[name]]
            recorded[name] = runs
            text = json.dumps(
                {name: recorded[name] for name in RUNS if name in recorded}, ensure_ascii=False, indent=1
            )
            file.write_text(text + "\n", encoding="utf8")


if __name__ == "__main__":
    main(*sys.argv[1:])
