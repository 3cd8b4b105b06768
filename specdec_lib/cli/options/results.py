"""Which cells of which results files, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from specdec_lib.cli.options.declaring import option

Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="RESULTS...",
        help="Results files of sweeps, or the folders of sweeps; '-' reads standard input.",
        show_default=False,
    ),
]
Where = Annotated[
    list[str] | None,
    option(
        "Cells", "CONDITION", "--where", "-w", help="Only cells of which it holds: k=4, domain=code, "
        "temperature<=0.5, draft~lookup (contains); may be repeated, and all must hold.",
    ),
]  # fmt: skip
Sort = Annotated[
    str | None,
    option(
        "Cells", "COLUMN", "--sort", help="Order of the list; -COLUMN begins with the largest.",
        default="as in the files",
    ),
]  # fmt: skip
Limit = Annotated[int, option("Cells", "N", "--limit", help="Cells to list; all are counted.", min=0)]
Merge = Annotated[
    Path | None,
    option(
        None, "FILE", "--merge", "-m", help="Put the records of all into one file, each once; those that it "
        "holds already stay.",
    ),
]  # fmt: skip
Export = Annotated[
    Path | None,
    option(None, "FILE", "--export", "-e", help="Write a table: .csv, or .parquet with pyarrow installed."),
]
