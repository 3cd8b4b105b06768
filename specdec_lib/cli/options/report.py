"""What is put on a page, and where that goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from specdec_lib.cli.options.declaring import option

ReportResults = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="The folder of a sweep, or its results file.")
]
ReportOther = Annotated[
    Path | None,
    typer.Argument(metavar="OTHER", help="Another, to be put over the first.", show_default=False),
]
ReportOutput = Annotated[
    Path | None,
    option(None, "FILE", "--output", "-o", help="The page.", default="report.html beside RESULTS"),
]
