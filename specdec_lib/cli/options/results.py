"""Whose results ``specdec explain`` reads, and which of their cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from specdec_lib.cli.options.base import option

Result = Annotated[
    Path | None,
    typer.Argument(
        metavar="RESULT",
        help="A results file of 'specdec bench'. [dim]\\[default: runs/PAIR.jsonl; for pocket, "
        "else the recorded one][/dim]",
        show_default=False,
    ),
]

_RESULTS = "Whose results, without RESULT"
ResultPair = Annotated[
    str | None,
    option(_RESULTS, "NAME", "--pair", help="Those of this pair. [dim]\\[default: pocket][/dim]"),
]
ResultTarget = Annotated[
    str | None, option(_RESULTS, "MODEL", "--target", help="Of models of your own, as 'bench' was given it.")
]
ResultDraft = Annotated[str | None, option(_RESULTS, "MODEL", "--draft", help="The draft of that target.")]
ResultDrafter = Annotated[
    str | None, option(_RESULTS, "MODULE:CLASS", "--drafter", help="The drafter in place of a draft model.")
]

_CELLS = "Cells"
CellDomain = Annotated[
    str | None, option(_CELLS, "NAME", "--domain", help="One domain. [dim]\\[default: all together][/dim]")
]
CellTemperature = Annotated[
    float | None,
    option(_CELLS, "T", "--temperature", "-t", help="One temperature. [dim]\\[default: each][/dim]"),
]
CellK = Annotated[
    int | None, option(_CELLS, "N", "--k", "-k", help="One K. [dim]\\[default: the fastest, in full][/dim]")
]
Reach = Annotated[
    float | None,
    option(_CELLS, "X", "--reach", help="Say how cheap the draft must be for a speedup of X."),
]
