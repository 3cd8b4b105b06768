"""Which sweep is run, where it is kept, and by whom."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from specdec_lib.cli.options.declaring import option

SweepFile = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG", show_default=False,
        help="A YAML file of a sweep, or the name of one that comes along: pocket, peers, real, specified.",
    ),
]  # fmt: skip
SweepOutput = Annotated[
    Path | None,
    option(
        None, "FOLDER", "--output", "-o", help="Where the sweep is kept; the same goes on where it ended.",
        default="runs/NAME",
    ),
]  # fmt: skip
DryRun = Annotated[
    bool, option(None, None, "--dry-run", help="Run nothing: list the cells, their memory and their time.")
]
_cluster = partial(option, "Several machines")
Workers = Annotated[
    int | None,
    _cluster("N", "--workers", help="Run N cells at a time, each in a worker of its own here.", min=1),
]
Scheduler = Annotated[
    str | None,
    _cluster("ADDRESS", "--scheduler", help="Run the cells on a Dask cluster: tcp://HOST:PORT, or a file."),
]
