"""A model of Transformers' as one GGUF file, for llama.cpp and whatever reads its files.

A file that was written is read back by this library's own reader before it takes its name: the same weights
to the last bit (in float32), and the same ids for the prompts that come with the library. Otherwise there is
no file.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import gguf
import numpy as np
from gguf import GGUFWriter, LlamaFileType
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from specdec_lib.data.sources import DOMAINS, builtin_texts
from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.architecture.module import embedding_rows, text_config
from specdec_lib.models.export import sentences
from specdec_lib.models.export.gguf_numbers import ENGINE, KINDS, add_numbers
from specdec_lib.models.export.gguf_tokenizer import add_tokenizer, ends_by_name
from specdec_lib.models.export.gguf_weights import WIDTHS, add_weights
from specdec_lib.models.export.llama_like import require_exported
from specdec_lib.models.gguf.folder import unpacked_folder, unpacked_weights
from specdec_lib.models.source import find_source
from specdec_lib.models.text.ends import end_of_text_ids
from specdec_lib.models.text.tokenizer import load_tokenizer
from specdec_lib.utils.logging import get_logger

_TEXTS = [
    "",
    "a",
    " a",
    "  two  spaces\n\tand lines\n\n",
    "3333333 4 55",
    "naïve 漢字 🙂 été",
    "It's WE'LL x",
]


def write_gguf(
    path: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    width: str = "f32",
    model_id: str | None = None,
) -> Path:
    """Write a model in float32 and its tokenizer as one file, and read it back.

    Args:
        path: the file, which is replaced as a whole.
        width: of the matrices, one of ``WIDTHS``.
        model_id: what it is called in messages; None takes its configuration's name.

    Returns:
        The path.

    Raises:
        InvalidArgument: an unknown width.
        ModelUnavailable: what llama.cpp would compute in another way, or what cannot be written, by name.
    """
    model_id = model_id or str(model.config.name_or_path or model.config.model_type)
    require_exported(model, model_id, ENGINE, KINDS, width, WIDTHS)
    config = text_config(model)
    rows = embedding_rows(model) or config.vocab_size
    ends = end_of_text_ids(model, tokenizer, rows)
    for name in ends_by_name(tokenizer, ends):
        get_logger(__name__).warning(sentences.ENDS_BY_NAME.format(model_id, name))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.gguf")
    try:
        writer = GGUFWriter(str(unfinished), gguf.MODEL_ARCH_NAMES[KINDS[config.model_type]])
        writer.add_name(Path(model_id).name)
        writer.add_file_type(LlamaFileType[WIDTHS[width]])
        add_tokenizer(writer, model_id, tokenizer, rows, ends)
        add_numbers(writer, model_id, config)
        add_weights(writer, model_id, model, width)
        _write(writer)
        _require_same(unfinished, path, model, tokenizer, width)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _write(writer: GGUFWriter) -> None:
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _require_same(
    file: Path, meant: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, width: str
) -> None:
    """Refuse a file that this library's reader understands otherwise."""
    read = load_tokenizer(find_source(str(file)))
    differs = {
        "vocabulary": lambda: read.get_vocab() != tokenizer.get_vocab(),
        "way of cutting texts": lambda: any(_ids(read, text) != _ids(tokenizer, text) for text in _probes()),
        "set of weights": lambda: not _same_weights(file, model, width),
        "configuration": lambda: not _same_numbers(file, model),
    }
    for what, does in differs.items():
        if does():
            raise ModelUnavailable(sentences.READS_BACK_OTHERWISE.format(meant, what))


@cache
def _probes() -> tuple[str, ...]:
    return (*_TEXTS, *(text for domain in DOMAINS for text in builtin_texts(domain)))


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer(text)["input_ids"])


def _same_weights(file: Path, model: PreTrainedModel, width: str) -> bool:
    """To the last bit; in a narrower width by name and shape, and to that width's rounding."""
    read = unpacked_weights(file, str(file))
    ours = {name: weight.detach().float().cpu().numpy() for name, weight in model.named_parameters()}
    if read.keys() != ours.keys():
        return False
    if width == "f32":
        return all(np.array_equal(read[name].numpy(), ours[name]) for name in ours)
    return all(np.allclose(read[name].numpy(), ours[name], rtol=2.0**-7, atol=1e-6) for name in ours)


def _same_numbers(file: Path, model: PreTrainedModel) -> bool:
    """Fields that the reader states, where the model states them too."""
    folder = unpacked_folder(file, str(file))
    read = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    ours = text_config(model).to_dict()
    asked = ("head_dim", "num_key_value_heads", "hidden_size", "num_hidden_layers", "max_position_embeddings")
    same = all(read[name] == ours[name] for name in asked if name in read and ours.get(name) is not None)
    rope, meant = read.get("rope_parameters") or {}, ours.get("rope_parameters") or {}
    return same and all(_near(rope.get(name), value) for name, value in meant.items() if value is not None)


def _near(one: object, other: object) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return bool(np.isclose(one, other, rtol=1e-6))
    return one == other
