"""What a module of Transformers says of itself before it runs: that it is one, its name, width, context and
first position, and the arguments of its forward."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import torch
from jaxtyping import Integer
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture import sentences

if TYPE_CHECKING:
    LanguageModel = PreTrainedModel
else:  # a module that hands on the attributes of the model in it is as good
    LanguageModel = nn.Module
Module = TypeVar("Module", bound=nn.Module)

_COUNTS_IDS = "create_position_ids_from_input_ids"
_MASKED_WHERE_TOLD = ("moshi", "persimmon", "stablelm")
_CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")


def require_language_model(model: nn.Module) -> LanguageModel:
    """The model; what is wrapped around one is refused: other signatures, other names, or no configuration.

    Raises:
        InvalidArgument: naming what was given, and what to pass in its place.
    """
    kind = type(model).__name__
    if not isinstance(model, nn.Module):
        given = repr(model)[:60] if isinstance(model, str) else sentences.OF_TYPE.format(kind)
        raise InvalidArgument(sentences.NO_MODULE.format(given))
    inner = next((name for name in ("_orig_mod", "module") if name in model._modules), None)
    if inner is not None:
        more = sentences.WITH_COMPILE if inner == "_orig_mod" else ""
        raise InvalidArgument(sentences.WRAPPED.format(kind, kind, inner, more))
    if not hasattr(getattr(model, "config", None), "get_text_config"):
        raise InvalidArgument(sentences.NO_CONFIGURATION.format(kind))
    if not hasattr(model, "get_output_embeddings"):
        held = next((n for n, part in model.named_children() if hasattr(part, "get_output_embeddings")), None)
        which = sentences.MODEL_ITSELF if held is None else f"{kind}.{held}"
        raise InvalidArgument(sentences.NO_OUTPUT_EMBEDDINGS.format(kind, which))
    if next(model.parameters(), None) is None:
        raise InvalidArgument(sentences.NO_WEIGHTS.format(kind))
    return cast(LanguageModel, model)  # or as good as one, as was just seen


def placed(model: Module, device: str | torch.device | None) -> Module:
    """The model on that device; int4 weights are packed for the device that they are on and cannot travel."""
    here = next(model.parameters()).device
    if device is None or here == torch.empty(0, device=device).device:
        return model
    if any(hasattr(parameter, "quant_state") for parameter in model.parameters()):
        raise InvalidArgument(sentences.INT4_CANNOT_MOVE.format(here, device))
    return model.to(device)


def text_config(model: LanguageModel) -> PretrainedConfig:
    """The configuration of the language model (of a composite model, its text part)."""
    return model.config.get_text_config(decoder=True)


def shares_keys(config: PretrainedConfig) -> bool:
    """Whether layers look at keys and values of others: up to Transformers 5.5, in a cache alone."""
    return bool(getattr(config, "num_kv_shared_layers", 0))


def logits_width(model: LanguageModel) -> int:
    """How many logits the model's own head gives."""
    width = getattr(model.get_output_embeddings(), "out_features", None)
    return int(text_config(model).vocab_size if width is None else width)


def embedding_rows(model: LanguageModel) -> int | None:
    """How many ids a model can be fed: rows of its embedding; None where it does not say."""
    try:
        embedding = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return None
    return getattr(embedding, "num_embeddings", None)


def num_positions(config: PretrainedConfig) -> int | None:
    """Positions that a configuration has room for, whatever it calls them; None where it sets no limit."""
    values = (getattr(config, field, None) for field in _CONTEXT_FIELDS)
    return next((value for value in values if isinstance(value, int) and value > 0), None)


def first_position(model: nn.Module) -> int | None:
    """Where the table of positions begins for tokens; None for a model that counts from 0 by itself.

    RoBERTa and its family keep the first rows of their table for padding, and find positions by counting the
    ids of a text that are no padding id. To a decoder a padding id is a token as any other: were it skipped,
    the same text would have other positions one token at a time than in a block. So these models are told
    their positions, as the length of the cache and the beginning of the table give them.
    """
    for module in model.modules():
        padding = getattr(module, "padding_idx", None)
        learned = isinstance(getattr(module, "position_embeddings", None), nn.Embedding)
        if learned and hasattr(module, _COUNTS_IDS) and isinstance(padding, int):
            return padding + 1
    return None


def positions_behind(held: int, width: int, first: int, device: torch.device) -> Integer[Tensor, "1 n"]:
    """Positions of ``width`` tokens behind ``held`` ones, in a table that begins at ``first``."""
    return torch.arange(first + held, first + held + width, device=device)[None]


def needs_mask(model: LanguageModel) -> bool:
    """Whether a model has to be told that no token of a text is padding.

    Where some are given no mask, their own does not fit behind a cache: up to Transformers 5.1 those of
    StableLM and Persimmon are a column too wide, and up to 5.17 Moshi's hides what the cache holds.
    """
    return getattr(text_config(model), "model_type", None) in _MASKED_WHERE_TOLD


def display_name(model: LanguageModel) -> str:
    """Hub id, or the last part of a local folder's or file's path, or the class's name."""
    name = getattr(model.config, "_name_or_path", "") or type(model).__name__
    return Path(name).name if Path(name).exists() else name


def forward_supports(model: nn.Module, argument: str) -> bool:
    """Whether a forward has that argument; one that hands everything on takes what the inner one takes."""
    return _argument(model, argument) is not None


def cache_name(model: nn.Module) -> str:
    """What a forward calls the cache that it extends: ``past_key_values``, or ``cache``, its name in
    Transformers from 5.24 on.

    The ``cache`` of XLM is something else: a dictionary, given along with the whole text.
    """
    renamed = None if forward_supports(model, "past_key_values") else _argument(model, "cache")
    return "past_key_values" if renamed is None or "dict" in str(renamed.annotation) else "cache"


def _argument(model: nn.Module, name: str) -> inspect.Parameter | None:
    own = inspect.signature(model.forward).parameters
    hands_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in own.values())
    if name in own or not hands_on or isinstance(model, PreTrainedModel):
        return own.get(name)
    inner = (m for m in model.modules() if m is not model and isinstance(m, PreTrainedModel))
    found = (inspect.signature(module.forward).parameters.get(name) for module in inner)
    return next((parameter for parameter in found if parameter is not None), None)
