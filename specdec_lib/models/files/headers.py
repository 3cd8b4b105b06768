"""Can a model's files hold what its config.json describes? Found out from their headers, before any memory.

Transformers allocates all that a configuration describes, and then looks for it in the files: with the
configuration of a larger model beside them, the system may end the process without a line. Two things are
looked at here, and neither can be true of a model that loads: files that hold less than half of the weights
described, however they are packed, and tensors of the same name and another size. What the files lack
otherwise is said when they are read (:mod:`specdec_lib.models.files.checkpoint`). It refuses to read weights.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files import sentences
from specdec_lib.models.files.checkpoint import refuse_gaps, refuse_surplus
from specdec_lib.models.files.folder import quantisation_of
from specdec_lib.models.gguf.folder import held_weights
from specdec_lib.models.source import Source
from specdec_lib.utils.numbers import short_count
from specdec_lib.utils.paths import data_path

if TYPE_CHECKING:
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedModel

FLOATS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""The types of plain weights, as a header names them and as torch does."""
_SAFE, _PICKLED = "model.safetensors", "pytorch_model.bin"


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as the header of a file describes it."""

    size: int
    """Number of elements."""
    dtype: str
    """As safetensors names it: F32, BF16, U8, …"""


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a safetensors file by their names; none of them is read.

    Raises:
        ModelUnavailable: the file is damaged or cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as tensors:
            parts = ((name, tensors.get_slice(name)) for name in tensors.keys())  # noqa: SIM118
            return {name: StoredTensor(prod(part.get_shape()), part.get_dtype()) for name, part in parts}
    except (SafetensorError, OSError) as error:
        raise ModelUnavailable(sentences.WEIGHTS_ARE_DAMAGED.format(path.parent.name, error)) from error


def weight_files(model_id: str, whole: str = _SAFE) -> list[Path]:
    """The files that a model would be loaded from, as far as they are all on this disk.

    Args:
        model_id: a folder, an embedded model, or a hub id of which the cache may hold something.
        whole: name of the file that holds all weights; that of shards' index follows from it.

    Raises:
        ModelUnavailable: the index of shards is damaged.
    """
    single = _on_disk(model_id, whole)
    if single is not None:
        return [single]
    index = _on_disk(model_id, f"{whole}.index.json")
    if index is None:
        return []
    try:
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelUnavailable(sentences.INDEX_IS_DAMAGED.format(model_id, index.name, error)) from error
    paths = [index.parent / shard for shard in shards]
    return paths if all(path.is_file() for path in paths) else []


def _on_disk(model_id: str, name: str) -> Path | None:
    """A file of a folder, of an embedded model or of the hub's local cache."""
    for folder in (Path(os.path.expanduser(model_id)), data_path("models", model_id)):
        if folder.is_dir():
            return folder / name if (folder / name).is_file() else None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model_id, name)
    except HFValidationError:  # a path that is not there
        return None
    return Path(found) if isinstance(found, str) else None


def most_weights(source: Source, config: PretrainedConfig) -> int | None:
    """The most weights that the files can hold; None where they are not at hand, or others than usual.

    Raises:
        ModelUnavailable: a file that is there and cannot be read.
    """
    if source.gguf is not None:
        return held_weights(source.gguf, source.model_id)
    quantised = _is_quantised(config)
    if _files(source, config):
        return sum(_most_of(tensor, quantised) for tensor in _tensors(source, config).values())
    paths = _files(source, config, _PICKLED)
    return sum(path.stat().st_size for path in paths) * (8 if quantised else 1) if paths else None


def refuse_too_little(model_id: str, held: int | None, model: nn.Module) -> None:
    """Refuse files that cannot hold even half of a model's weights.

    Half leaves room for weights that Transformers computes itself. What is tied or shared counts once.

    Args:
        held: what :func:`most_weights` says of the files; None passes.
        model: what the configuration describes, on the device "meta".

    Raises:
        ModelUnavailable: with both numbers.
    """
    wanted = sum(parameter.numel() for parameter in model.parameters())
    if held is not None and 2 * held < wanted:
        raise ModelUnavailable(
            sentences.TOO_FEW_WEIGHTS.format(model_id, short_count(held), short_count(wanted))
        )


def refuse_misshapen(source: Source, config: PretrainedConfig, model: PreTrainedModel) -> None:
    """Refuse plain weights whose number differs from that of the model's tensor of the same name.

    The order of dimensions is left aside, and so is what Transformers renames or converts while it loads.

    Raises:
        ModelUnavailable: as when the weights are read, counting such tensors and naming the first.
    """
    stored, changed = _tensors(source, config), _changed_names(model)
    if changed is None or _is_quantised(config):
        return
    plain = {key: t.size for key, t in stored.items() if t.dtype in FLOATS and not changed.search(key)}
    found = []
    for name, parameter in model.named_parameters():
        keys = (name, name.removeprefix(f"{model.base_model_prefix}."))
        found += [name for key in keys if plain.get(key, parameter.numel()) != parameter.numel()]
    refuse_gaps(source.model_id, (), found)


def refuse_more_layers(source: Source, config: PretrainedConfig, model: PreTrainedModel) -> None:
    """Refuse files with tensors of layers behind the last one that a configuration describes.

    Raises:
        ModelUnavailable: as when the weights are read, counting such tensors and naming the first.
    """
    from torch.nn import ModuleList

    ignored = [re.compile(rule) for rule in getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ()]
    lists = {name: len(part) for name, part in model.named_modules() if isinstance(part, ModuleList)}
    keys = [key for key in _tensors(source, config) if not any(rule.search(key) for rule in ignored)]
    prefix = model.base_model_prefix
    beyond = [key for key in keys if any(_is_beyond(name, lists) for name in (key, f"{prefix}.{key}"))]
    if beyond:
        refuse_surplus(source.model_id, model, beyond)


def _is_beyond(key: str, lists: dict[str, int]) -> bool:
    """Whether a tensor belongs to a part of a list of modules that the list does not have."""
    parts = key.split(".")
    places = ((".".join(parts[:at]), part) for at, part in enumerate(parts) if part.isdigit())
    return any(int(part) >= lists.get(path, int(part) + 1) for path, part in places)


def _changed_names(model: PreTrainedModel) -> re.Pattern[str] | None:
    """Names that Transformers changes as it loads this model; None where it does not tell."""
    try:
        from transformers.conversion_mapping import get_model_conversion_mapping

        rules = get_model_conversion_mapping(model)
        patterns = [pattern for rule in rules for pattern in rule.source_patterns]
        return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or "(?!)")
    except Exception:  # no public function: whatever another version does, nothing is compared then
        return None


def _most_of(tensor: StoredTensor, quantised: bool) -> int:
    """An element of plain weights is one weight; packed, it holds at most one a bit, floats included."""
    bits = re.search(r"\d+", tensor.dtype)
    plain = tensor.dtype in FLOATS and not quantised
    return tensor.size * (1 if plain or bits is None else int(bits[0]))


def _is_quantised(config: PretrainedConfig) -> bool:
    stored = quantisation_of(config.to_dict())
    return stored is not None or getattr(config, "quantization_config", None) is not None


def _files(source: Source, config: PretrainedConfig, whole: str = _SAFE) -> list[Path]:
    """The files of a model; none where its configuration names others, which Transformers then reads."""
    named = getattr(config, "transformers_weights", None) is not None
    return [] if named else weight_files(source.location, whole)


def _tensors(source: Source, config: PretrainedConfig) -> dict[str, StoredTensor]:
    """What the headers of these files say, by the names of the tensors."""
    return {name: tensor for path in _files(source, config) for name, tensor in read_header(path).items()}
