"""The page on several machines: its script for SLURM prints the job that the page tells of."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book" / "clusters.md").read_text(encoding="utf8")


def printed(*arguments: str) -> str:
    run = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_pages_own_dry_run_prints_a_job_of_one_worker_with_one_gpu() -> None:
    (command,) = re.findall(r"^python (book/cluster/slurm\.py .*--dry-run)$", PAGE, re.MULTILINE)
    script = printed(*shlex.split(command))
    assert script.startswith("#!/usr/bin/env bash")
    for line in ("#SBATCH -p gpu", "#SBATCH --gres=gpu:1", "#SBATCH --cpus-per-task=4"):
        assert line in script.splitlines()
    (worker,) = (line for line in script.splitlines() if "dask_worker" in line)
    assert "--nthreads 1 " in worker and worker.endswith("--resources GPU=1")


def test_without_gpus_a_job_asks_for_none_and_its_lines_come_first() -> None:
    lines = printed(
        "book/cluster/slurm.py", "pocket", "--prologue", "module load x", "--dry-run"
    ).splitlines()
    assert not any("gpu" in line.lower() for line in lines)
    (worker,) = (number for number, line in enumerate(lines) if "dask_worker" in line)
    assert lines.index("module load x") < worker
