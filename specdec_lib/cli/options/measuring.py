"""What ``specdec bench`` measures, and where its records go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from specdec_lib.cli.options.base import option

_GRID = "Grid"
KValues = Annotated[str, option(_GRID, "N,N,…", "--k-values", "-k", help="Draft lengths.")]
Domains = Annotated[
    str | None,
    option(
        _GRID, "NAME,…", "--domains", help="Of code, conversation, summarization, or of those in the file. "
        "[dim]\\[default: all][/dim]",
    ),
]  # fmt: skip
Temperatures = Annotated[str, option(_GRID, "T,T,…", "--temperatures", "-t", help="Sampling temperatures.")]
RunTokens = Annotated[
    int,
    option(_GRID, "N", "--max-new-tokens", "-n", help="Tokens of every run; the end of text is ignored."),
]
Repeats = Annotated[int, option(_GRID, "N", "--repeats", help="Runs of each prompt.")]
GridSeed = Annotated[int, option(_GRID, "N", "--seed", help="All per-run seeds are derived from it.")]
NoProfile = Annotated[
    bool, option(_GRID, None, "--no-profile", help="Only timed runs: no phases, no single forwards.")
]
Output = Annotated[
    Path | None,
    option(
        None,
        "FILE",
        "--output",
        "-o",
        help="Results file, only ever appended to. [dim]\\[default: runs/PAIR.jsonl][/dim]",
    ),
]

_PEERS = "Comparison"
Peers = Annotated[
    bool,
    option(_PEERS, None, "--peers", help="Side by side with Hugging Face's generate, each arm of both."),
]
Compile = Annotated[
    bool | None,
    option(
        None, None, "--compile/--no-compile", help="Run both models through torch.compile; with --peers: "
        "compare the compiled arms too. [dim]\\[default: only with --peers][/dim]", show_default=False,
    ),
]  # fmt: skip
InProcess = Annotated[
    bool, option(None, None, "--in-process", help="Measure here, without papermill and a notebook.")
]
Resume = Annotated[
    bool,
    option(None, None, "--resume", help="Go on with the newest session of the file: nothing is run twice."),
]
Show = Annotated[
    Path | None,
    option(None, "FILE", "--show", help="Measure nothing: summarise the newest session of FILE."),
]
