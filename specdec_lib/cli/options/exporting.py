"""Which models are written for which engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from specdec_lib.cli.options.declaring import option

ExportTo = Annotated[
    str,
    option(None, "FORM", "--to", help="gguf (llama.cpp, Ollama) or openvino (OpenVINO GenAI)."),
]
ExportFolder = Annotated[
    Path, option(None, "FOLDER", "--out", help="Where target and draft go; files there are replaced.")
]
ExportWidth = Annotated[
    str,
    option(None, "TYPE", "--dtype", help="What matrices are written in: f32, f16, and in a GGUF file bf16."),
]


@dataclass(frozen=True)
class ExportedPair:
    """A pair by its name, or a target of the user's own, with or without a draft."""

    pair: Annotated[
        str | None,
        option("Models", "NAME", "--pair", help="A pair that 'specdec pairs' lists.", default="pocket"),
    ] = None
    target: Annotated[
        str | None, option("Models", "MODEL", "--target", help="A target of your own: folder or hub id.")
    ] = None
    draft: Annotated[
        str | None,
        option("Models", "MODEL", "--draft", help="Its draft model.", default="the target alone is written"),
    ] = None
