"""A GGUF file as a model's folder: config.json and the tokenizer's files, written for this process alone.

Whatever looks at a folder (its configuration, ends, tokenizer, vocabulary) then looks at a file in the same
way. Weights stay where they are, and are unpacked when they are loaded.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from specdec_lib.models.gguf.architectures import described_config, weight_of
from specdec_lib.models.gguf.header import GgufFile, open_gguf
from specdec_lib.models.gguf.tokenizer import described_tokenizer, named_ends


def unpacked_folder(path: Path, model_id: str) -> Path:
    """A folder with what a file says of its model, but for the weights; made once, gone with the process.

    Raises:
        ModelUnavailable: whatever keeps the file from being a model that can be loaded, in one line.
    """
    open_gguf(path, model_id)
    return _unpacked(path, model_id, path.stat().st_mtime_ns)


def unpacked_weights(path: Path, model_id: str) -> dict[str, Any]:
    """The weights of a file in float32, as Transformers names them.

    Raises:
        ModelUnavailable: a tensor that cannot be unpacked.
    """
    import numpy as np
    import torch

    file = open_gguf(path, model_id)
    config = described_config(file)
    named = (weight_of(file, name, config) for name in file.tensors)
    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in filter(None, named)}


def held_weights(path: Path, model_id: str) -> int:
    """The number of weights in a file, by its header."""
    return sum(tensor.size for tensor in open_gguf(path, model_id).tensors.values())


def packed_as(path: Path, model_id: str) -> str | None:
    """The quantisation of a file, by its usual name; None where its weights are plain numbers."""
    return open_gguf(path, model_id).packed_as


@cache
def _unpacked(path: Path, model_id: str, changed: int) -> Path:
    file = open_gguf(path, model_id)
    config, (tokenizer, settings) = described_config(file), described_tokenizer(file)
    contents = {
        "config.json": config | _ids(file),
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": settings,
    }
    place = Path(tempfile.mkdtemp(prefix="specdec-gguf-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    folder = place / Path(model_id).name.replace(":", "-")  # by which a model and its tokenizer are called
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder


def _ids(file: GgufFile) -> dict[str, Any]:
    """The special ids of a config.json."""
    bos, padding = (file.metadata.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "padding"))
    ends = named_ends(file)
    return {
        "bos_token_id": bos,
        "pad_token_id": padding,
        "eos_token_id": ends[0] if len(ends) == 1 else ends or None,
    }
