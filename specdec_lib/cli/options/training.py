"""What ``specdec train`` makes a pair from, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from specdec_lib.cli.options.base import option

Corpus = Annotated[
    Path,
    option(None, "FILE", "--corpus", help='JSON lines {"domain", "text"}; .jsonl, .jsonl.xz or .jsonl.gz.'),
]
Out = Annotated[Path, option(None, "DIR", "--out", help="Folder for the pair and the work in progress.")]
RecipeFile = Annotated[
    Path | None,
    option(None, "FILE", "--recipe", help="TOML recipe. [dim]\\[default: data/configs/pocket.toml][/dim]"),
]
NoCompile = Annotated[bool, option(None, None, "--no-compile", help="Train without torch.compile.")]
