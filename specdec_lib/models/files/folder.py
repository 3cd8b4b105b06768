"""What lies in a model's folder, found out before any weights are read.

Transformers passes over much in silence: an adapter beside the weights it adapts, a quantisation that it does
not know, a damaged generation_config.json, code that a folder brings along. Here each is refused or said in
one line, by the name of the file. Code that comes with a model is never run, and nobody is asked whether it
should be.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files import sentences
from specdec_lib.models.source import Source, loading, one_line, quiet
from specdec_lib.models.text.ends import ends_beyond, refuse_odd_ends
from specdec_lib.utils.logging import get_logger

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_LFS = b"version https://git-lfs"
_READ = (".json", ".jinja", ".model", ".txt", ".safetensors", ".bin")
_ADAPTERS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
_IMPLEMENTATIONS = ("attn_implementation", "experts_implementation")
_GENERATION = "generation_config.json"
_INDEX = "model.safetensors.index.json"


def check_folder(source: Source, dtype: str = "auto") -> None:
    """Refuse a folder or repository that is not what it says, or that cannot be loaded as ``dtype``.

    Raises:
        ModelUnavailable: pointers in place of files, a damaged config.json or generation_config.json (without
            which texts may have no end), an adapter beside the weights, a model that only runs with code of
            its own, a quantisation that is unknown or was not asked for, an end of text that is no id.
    """
    _refuse_pointers(source)
    _refuse_adapter(source)
    config = source.read_json("config.json") or {}
    _refuse_own_code(source, config)
    _refuse_quantisation(source, config, dtype)
    refuse_odd_ends(source)
    _refuse_odd_generation(source)
    read_config(source)


def _refuse_odd_generation(source: Source) -> None:
    """Transformers reads these settings with the weights, and does not say which file is at fault."""
    from transformers import GenerationConfig

    if source.read_json(_GENERATION) is not None:
        with loading(source, _GENERATION):
            GenerationConfig.from_pretrained(source.location, **source.options)


def read_config(source: Source) -> PretrainedConfig:
    """The configuration, as a Transformers object; never by code of the folder's own.

    Raises:
        ModelUnavailable: it is damaged, or of a model that Transformers does not know.
    """
    from transformers import AutoConfig

    with loading(source, "configuration" if source.on_hub else "config.json"):
        return AutoConfig.from_pretrained(source.location, **source.options)


def described_model(source: Source, config: PretrainedConfig) -> PreTrainedModel:
    """The model that a configuration describes, without weights: its sizes, and whether it can be made.

    Raises:
        ModelUnavailable: Transformers makes no model or no cache of it; in one line, with the cause.
    """
    import torch
    from transformers import AutoModelForCausalLM

    from specdec_lib.models.caches.rollback import require_cache_fields

    try:
        with quiet():
            require_cache_fields(config)
            with torch.device("meta"):
                model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
            model.tie_weights()  # left out on this device by older versions
            return model
    except Exception as error:  # a dozen unrelated types, as the field that does not fit happens to be used
        raise ModelUnavailable(
            sentences.NO_MODEL_OF_CONFIG.format(source.model_id, one_line(error))
        ) from error


def refuse_encoder(model_id: str, model: PreTrainedModel) -> None:
    """Refuse an encoder that would look at both sides of a token, as far as its configuration tells.

    Raises:
        ModelUnavailable: a model type of masked language models that is not configured as a decoder.
    """
    from transformers import MODEL_FOR_MASKED_LM_MAPPING

    config: PretrainedConfig = model.config
    one_sided = getattr(config, "is_decoder", False) or getattr(config, "causal", False)
    if type(config) in MODEL_FOR_MASKED_LM_MAPPING and not one_sided:
        raise ModelUnavailable(sentences.IS_AN_ENCODER.format(model_id, type(model).__name__))


def quantisation_of(config: dict) -> str | None:
    """How the stored weights are quantised, by Transformers' name for it; None where they are not."""
    parts = (config, *(part for part in config.values() if isinstance(part, dict)))
    found = next((part["quantization_config"] for part in parts if part.get("quantization_config")), None)
    if not isinstance(found, dict):
        return None
    for bits in ("4bit", "8bit"):
        if found.get(f"load_in_{bits}"):
            return f"bitsandbytes_{bits}"
    return str(found.get("quant_method") or sentences.METHOD_WITHOUT_NAME)


def _refuse_pointers(source: Source) -> None:
    """Git without LFS leaves a few lines of text in place of each large file."""
    if source.folder is None:
        return
    names = [name for name in source.files if name.endswith(_READ) and _is_pointer(source.folder / name)]
    if names:
        raise ModelUnavailable(sentences.LFS_POINTER.format(source.model_id, names[0], len(names)))


def _is_pointer(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_LFS)) == _LFS
    except OSError:  # whoever reads it will say why that cannot be done
        return False


def _refuse_adapter(source: Source) -> None:
    """With PEFT installed Transformers answers with the adapter, without it with the base: so neither."""
    found = [name for name in _ADAPTERS if name in source.files]
    if found:
        raise ModelUnavailable(sentences.ADAPTER_BESIDE_WEIGHTS.format(source.model_id, found[0]))


def _refuse_own_code(source: Source, config: dict) -> None:
    """A model that Transformers does not know itself cannot run without its own code, so not at all."""
    from transformers import CONFIG_MAPPING

    for name, value in _kernels(config):
        raise ModelUnavailable(sentences.ASKS_FOR_KERNELS.format(source.model_id, name, value, name))
    kind = config.get("model_type")
    if config.get("auto_map") and kind not in CONFIG_MAPPING:
        raise ModelUnavailable(sentences.UNKNOWN_MODEL_TYPE.format(_own_code(source, ["config.json"]), kind))


def _kernels(config: dict) -> Iterator[tuple[str, str]]:
    """Fields by which a configuration, or a part of it, has a repository's kernels fetched and run."""
    for name, value in config.items():
        if isinstance(value, dict) and name.lstrip("_") not in _IMPLEMENTATIONS:
            yield from _kernels(value)
        elif isinstance(value, dict):  # one for each part of the model
            yield from ((name, part) for part in value.values() if isinstance(part, str) and "/" in part)
        elif name.lstrip("_") in _IMPLEMENTATIONS and isinstance(value, str) and "/" in value:
            yield name, value


def _own_code(source: Source, files: list[str]) -> str:
    named = ", ".join(files)
    return sentences.ASKS_FOR_OWN_CODE.format(source.model_id, named)


def _refuse_quantisation(source: Source, config: dict, dtype: str) -> None:
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

    stored = quantisation_of(config)
    if stored is None:
        return
    if stored not in AUTO_QUANTIZATION_CONFIG_MAPPING:
        raise ModelUnavailable(sentences.UNKNOWN_QUANTISATION.format(source.model_id, stored))
    if dtype != "auto" and (stored, dtype) != ("bitsandbytes_4bit", "int4"):
        raise ModelUnavailable(sentences.OTHER_QUANTISATION.format(source.model_id, stored, dtype))


def warn_of_oddities(source: Source, config: PretrainedConfig) -> None:
    """Say, in a line each, what is passed over in a folder: code of its own, files that are not read."""
    log = get_logger(__name__)
    described = ("config.json", "tokenizer_config.json")
    asking = [name for name in described if (source.read_json(name) or {}).get("auto_map")]
    if asking:
        log.warning(sentences.OWN_CODE_STANDS_IN.format(_own_code(source, asking)))
    if {"model.safetensors", _INDEX} <= set(source.files):  # Transformers prefers the single file
        log.warning(sentences.SINGLE_FILE_BESIDE_SHARDS.format(source.model_id, _INDEX))
    for line in ends_beyond(source, config):
        log.warning(line)
