"""Which models a command runs, in what, and where."""

from __future__ import annotations

from typing import Annotated

from specdec_lib.cli.options.base import option

_MODELS = "Models"
Pair = Annotated[
    str | None,
    option(
        _MODELS, "NAME", "--pair", help="A pair that 'specdec pairs' lists. [dim]\\[default: pocket][/dim]"
    ),
]
DoctorPair = Annotated[
    str | None,
    option(
        _MODELS, "NAME", "--pair", help="The pair to look at, one that 'specdec pairs' lists. "
        "[dim]\\[default: the machine, and all pairs][/dim]",
    ),
]  # fmt: skip
Target = Annotated[
    str | None, option(_MODELS, "MODEL", "--target", help="A target of your own: a folder or a hub id.")
]
Draft = Annotated[str | None, option(_MODELS, "MODEL", "--draft", help="The draft of that target.")]
Dtype = Annotated[
    str | None,
    option(
        _MODELS, "TYPE", "--dtype", help="For both: float32, bfloat16, float16, int4, auto. "
        "[dim]\\[default: the pair's][/dim]",
    ),
]  # fmt: skip
DraftDtype = Annotated[
    str | None,
    option(_MODELS, "TYPE", "--draft-dtype", help="For the draft alone. [dim]\\[default: as --dtype][/dim]"),
]
Drafter = Annotated[
    str | None,
    option(
        _MODELS, "MODULE:CLASS", "--drafter", help="A drafter of your own in place of a draft model: a class "
        "that is called with the target.",
    ),
]  # fmt: skip
Device = Annotated[
    str | None,
    option(
        _MODELS, "NAME", "--device", help="cpu, cuda, cuda:1, mps. [dim]\\[default: the best there is][/dim]"
    ),
]
Threads = Annotated[
    int | None,
    option(
        _MODELS, "N", "--threads", help="CPU threads. [dim]\\[default: one for a small model][/dim]", min=1
    ),
]
CompileModels = Annotated[
    bool, option(None, None, "--compile", help="Run both models through torch.compile (a minute or more).")
]
