"""How a text is decoded: speculation, sampling, and where it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from specdec_lib.cli.options.base import option

_SPECULATION = "Speculation"
K = Annotated[int, option(_SPECULATION, "N", "--k", "-k", help="Draft tokens a round.", min=1)]
Verifier = Annotated[
    str, option(_SPECULATION, "RULE", "--verifier", help="How drafts are accepted: token or block.")
]
BothVerifiers = Annotated[
    str, option(_SPECULATION, "RULE", "--verifier", help="What to prove: token, block or both.")
]
Autoregressive = Annotated[
    bool, option(_SPECULATION, None, "--autoregressive", help="No draft: the target alone.")
]

_SAMPLING = "Sampling"
Temperature = Annotated[
    float,
    option(
        _SAMPLING,
        "T",
        "--temperature",
        "-t",
        help="0 takes the most probable token. Only options count: the "
        "generation settings that come with a model are not applied.",
    ),
]
TopK = Annotated[int | None, option(_SAMPLING, "N", "--top-k", help="Only the N most probable tokens.")]
TopP = Annotated[float | None, option(_SAMPLING, "P", "--top-p", help="Only the nucleus of mass P.")]
MinP = Annotated[
    float | None,
    option(_SAMPLING, "P", "--min-p", help="Only tokens at least P times as probable as the best."),
]
RepetitionPenalty = Annotated[
    float | None, option(_SAMPLING, "X", "--repetition-penalty", help="Above 1 discourages repeats.")
]
Seed = Annotated[int | None, option(_SAMPLING, "N", "--seed", help="The same seed gives the same text.")]

_ENDING = "Where the text ends"
MaxNewTokens = Annotated[int, option(_ENDING, "N", "--max-new-tokens", "-n", help="Tokens at most.", min=0)]
Stop = Annotated[
    list[str] | None, option(_ENDING, "TEXT", "--stop", help="End after this text; may be repeated.")
]
IgnoreEos = Annotated[bool, option(_ENDING, None, "--ignore-eos", help="Go on past an end of text.")]
Compare = Annotated[
    bool,
    option(None, None, "--compare", help="Run the target alone too, and print the ratio of the speeds."),
]
Steps = Annotated[
    Path | None,
    option(
        None, "FILE", "--steps", help="Write a page (HTML) on which every decision can be walked through."
    ),
]
