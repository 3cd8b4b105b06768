"""A sweep on SLURM: as many jobs as are asked for, a worker in each, through dask-jobqueue.

    python book/cluster/slurm.py pocket --dry-run
    python book/cluster/slurm.py mine.yaml --jobs 8 --partition gpu --gpus 1 --output runs/mine

The scheduler runs where this is started, on a login node say, as long as the sweep does. What this does not
know is passed on to ``specdec sweep``. Kill it whenever you like: the same command goes on.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Any

import dask.config
from dask_jobqueue.slurm import SLURMCluster


def options_of(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """What is asked of SLURM, and what is left for ``specdec sweep``."""
    parser = argparse.ArgumentParser(description="A sweep on SLURM, a worker a job.", allow_abbrev=False)
    parser.add_argument("config", help="a YAML file of a sweep, or the name of one that comes along")
    parser.add_argument("--jobs", type=int, default=2, help="workers at a time (2)")
    parser.add_argument("--partition", help="the partition to ask")
    parser.add_argument("--account", help="whom to charge")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs a job; more than one for device: auto (0)")
    parser.add_argument("--cpus", type=int, default=4, help="cores a job (4)")
    parser.add_argument("--memory", default="32 GiB", help="main memory a job (32 GiB)")
    parser.add_argument("--walltime", default="04:00:00", help="of a job; another follows it (04:00:00)")
    parser.add_argument("--interface", help="the network that nodes share, such as ib0")
    parser.add_argument(
        "--prologue", action="append", default=[], help="a line before the worker: module load …"
    )
    parser.add_argument("--patience", default="6 h", help="how long a sweep waits for its first job (6 h)")
    parser.add_argument("--dry-run", action="store_true", help="print the job's script and submit nothing")
    return parser.parse_known_args(arguments)


def cluster_of(options: argparse.Namespace) -> Any:
    """A cluster without jobs yet; each will be one worker of one cell at a time."""
    return SLURMCluster(
        queue=options.partition,
        account=options.account,
        cores=1,  # threads of a worker, and so cells at a time
        processes=1,
        job_cpu=options.cpus,
        memory=options.memory,
        walltime=options.walltime,
        interface=options.interface,
        python=sys.executable,
        job_name="specdec",
        job_extra_directives=[f"--gres=gpu:{options.gpus}"] if options.gpus else [],
        job_script_prologue=options.prologue,
        worker_extra_args=["--resources", "GPU=1"] if options.gpus else [],
        log_directory="runs/slurm",
    )


def main(arguments: list[str]) -> int:
    """Run the sweep; its exit code."""
    options, rest = options_of(arguments)
    dask.config.set({"distributed.scheduler.allowed-failures": 2})  # workers that a cell may end, less one
    with cluster_of(options) as cluster:
        if options.dry_run:
            print(cluster.job_script())
            return 0
        cluster.adapt(minimum_jobs=options.jobs, maximum_jobs=options.jobs)  # one that ends is replaced
        command = [sys.executable, "-m", "specdec_lib", "sweep", options.config, *rest]
        patience = {"DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": options.patience}
        sweep = subprocess.Popen(
            [*command, "--scheduler", cluster.scheduler_address], env={**os.environ, **patience}
        )
        while True:
            try:
                return sweep.wait()
            except KeyboardInterrupt:  # the sweep heard it too, and ends
                continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
