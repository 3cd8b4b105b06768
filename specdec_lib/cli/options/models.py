"""Which models a command runs, in what, and where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from specdec_lib.cli.options.declaring import option

_model = partial(option, "Models")
Device = Annotated[
    str | None,
    _model("NAME", "--device", help="cpu, cuda, cuda:1, mps; auto: all GPUs.", default="the best there is"),
]
Threads = Annotated[
    int | None, _model("N", "--threads", help="CPU threads.", default="one for a small model", min=1)
]
CompileModels = Annotated[
    bool,
    option(
        None, None, "--compile", help="Run both models compiled: on a CPU by a forward of our own, built "
        "once in seconds; else by torch.compile (a minute or more).",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class ModelOptions:
    """A pair by its name, or a target of the user's own with what drafts for it: what was asked for."""

    pair: Annotated[
        str | None, _model("NAME", "--pair", help="A pair that 'specdec pairs' lists.", default="pocket")
    ] = None
    target: Annotated[
        str | None,
        _model("MODEL", "--target", help="A target of your own: folder, hub id, .gguf file, ollama:NAME."),
    ] = None
    draft: Annotated[
        str | None,
        _model(
            "DRAFT", "--draft", help="What drafts: a model (MODEL, MODEL@int4), self@int4, lookup or suffix "
            "(from the text itself), layers:N, skip:3,5-7 or head:FOLDER (the target's own layers), "
            "module:Class, or 'lookup > MODEL': the first that has something to say.",
        ),
    ] = None  # fmt: skip
    dtype: Annotated[
        str | None,
        _model(
            "TYPE", "--dtype", help="For both: float32, bfloat16, float16, int4, auto.", default="the pair's"
        ),
    ] = None
    draft_dtype: Annotated[
        str | None, _model("TYPE", "--draft-dtype", help="For the draft alone.", default="as --dtype")
    ] = None
    drafter: Annotated[
        str | None,
        _model(
            "MODULE:CLASS", "--drafter", help="A drafter of your own in place of a draft model: a class "
            "that is called with the target.",
        ),
    ] = None  # fmt: skip
    device: Device = None


@dataclass(frozen=True)
class DoctorOptions(ModelOptions):
    """As above, of ``specdec doctor``, which looks at the machine where no pair is named."""

    pair: Annotated[
        str | None,
        _model(
            "NAME", "--pair", help="The pair to look at, one that 'specdec pairs' lists.",
            default="the machine, and all pairs",
        ),
    ] = None  # fmt: skip
