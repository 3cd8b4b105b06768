"""Whose engine is audited, against what, and how long."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from specdec_lib.cli.options.declaring import option

AuditedEngine = Annotated[
    str,
    typer.Argument(
        metavar="ENGINE",
        help="hf:MODE (of Transformers' generate), http://HOST:PORT (a server), module:callable (your own "
        "function), ours or plain (this library's, with a draft and without).",
        show_default=False,
    ),
]
OtherEngine = Annotated[
    str | None,
    typer.Argument(metavar="OTHER", help="With --greedy: the engine to compare with.", show_default=False),
]
_audit = partial(option, "Audit")
PlainEngine = Annotated[
    str | None,
    _audit(
        "ENGINE", "--plain", help="Plain decoding of the same engine, the control: of a server, another one "
        "that has no draft.", default="of Transformers and ours, known",
    ),
]  # fmt: skip
Greedy = Annotated[
    bool, _audit(None, "--greedy", help="Compare ENGINE and OTHER at temperature 0: tie or bug?")
]
Exactly = Annotated[
    bool | None,
    _audit(
        None, "--exact/--count", help="Sum the law over every random branch of an engine in this process, "
        "or count answers.", default="--exact for hf:MODE, else --count", show_default=False,
    ),
]  # fmt: skip
AuditSamples = Annotated[
    int | None,
    _audit(
        "N", "--samples", help="Answers of each engine at most; more see smaller deviations.",
        default="40000 of a server, else 4000", min=40, max=10**7,
    ),
]  # fmt: skip
AuditTokens = Annotated[
    int | None,
    _audit("N", "--tokens", "-n", help="Tokens of each answer.", default="3; with --greedy 64", min=1),
]
AuditTemperature = Annotated[float | None, _audit("T", "--temperature", "-t", help="Above 0.", default="0.8")]
AuditTopK = Annotated[
    int | None,
    _audit("N", "--top-k", help="Cut the law to the N most probable tokens.", default="4 for --exact", min=1),
]
AuditK = Annotated[
    int | None,
    _audit("N", "--k", "-k", help="Draft tokens a round.", default="2; with --greedy 4", min=1),
]
Minutes = Annotated[
    float, _audit("M", "--minutes", help="After so long, what was seen until then is judged.", min=0.01)
]
AuditPrompts = Annotated[
    str | None,
    _audit("N|FILE", "--prompts", help="Built-in prompts, or a file.", default="2; with --greedy 30"),
]
AuditSeed = Annotated[int, _audit("N", "--seed", help="Everything random follows from it.", min=0)]
ServedName = Annotated[str | None, option("A server", "NAME", "--model", help="Of several that it has.")]
AtOnce = Annotated[int, option("A server", "N", "--at-once", help="Requests under way.", min=1, max=64)]
