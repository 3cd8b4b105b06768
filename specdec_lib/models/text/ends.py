"""Which ids end a text: what a model's files name, and nothing that they do not.

``generation_config.json``, ``config.json`` and the tokenizer may each name some, and all of them count. What
only the class of a configuration names (2 for every Llama) is an ordinary token to a model of another
vocabulary: it counts where nobody else says anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from specdec_lib.errors import InvalidArgument, ModelUnavailable
from specdec_lib.models.source import Source
from specdec_lib.models.text import sentences

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from specdec_lib.models.architecture.module import LanguageModel

_FIELD = "eos_token_id"
_FILES = ("generation_config.json", "config.json")
_NAMED = "_ends_of_its_config_file"


def end_of_text_ids(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase | None, width: int
) -> tuple[int, ...]:
    """Every id in ``[0, width)`` that ends a text, sorted.

    Args:
        width: of the model's logits; an id beyond it can never be emitted.

    Raises:
        InvalidArgument: one of the sources names something that is no id.
    """
    config = model.config
    configured = {i for part in (config, _text_part(config)) for i in _as_ids(getattr(part, _FIELD, None))}
    named = set(_as_ids(getattr(tokenizer, _FIELD, None))) | _named_by_config(model)
    generation = getattr(model, "generation_config", None)
    asked = set(_as_ids(getattr(generation, _FIELD, None)))
    if not (getattr(generation, "_from_model_config", False) and asked <= configured):  # no copy of it
        named |= asked
    return tuple(sorted(i for i in named or configured if 0 <= i < width))


def remember_named_ends(source: Source, model: LanguageModel) -> None:
    """Note on a model that was just loaded which ends its config.json names: its class's look the same."""
    content = source.read_json("config.json") or {}
    setattr(model, _NAMED, {i for _, value in _values(content) for i in _as_ids(value)})


def refuse_odd_ends(source: Source) -> None:
    """Refuse an ``eos_token_id`` that is no id, before any weights are read.

    Raises:
        ModelUnavailable: by the file that names it.
    """
    for name in _FILES:
        for place, value in _values(source.read_json(name) or {}):
            try:
                _as_ids(value)
            except InvalidArgument as error:
                raise ModelUnavailable(
                    sentences.END_IS_NO_ID.format(name, source.model_id, place, value)
                ) from error


def ends_beyond(source: Source, config: PretrainedConfig) -> list[str]:
    """The files of a model that name ends outside its vocabulary, where no text will end; a line each."""
    width = getattr(_text_part(config), "vocab_size", None)
    if not isinstance(width, int):
        return []
    told = []
    for name in _FILES:
        found = [i for _, value in _values(source.read_json(name) or {}) for i in _as_ids(value)]
        beyond = sorted({i for i in found if not 0 <= i < width})
        if beyond:
            told.append(
                sentences.END_BEYOND_VOCABULARY.format(
                    source.model_id, name, _FIELD, ", ".join(map(str, beyond)), width
                )
            )
    return told


def _values(content: dict) -> Iterator[tuple[str, Any]]:
    """The field in a file's content, and in those of its parts that may be the language model."""
    if _FIELD in content:
        yield _FIELD, content[_FIELD]
    for name, part in content.items():
        if isinstance(part, dict) and name in ("text_config", "llm_config", "language_config", "decoder"):
            yield from ((f"{name}.{inner}", value) for inner, value in _values(part))


def _named_by_config(model: LanguageModel) -> set[int]:
    """What config.json names; of a model that was made elsewhere, what differs from its class's default."""
    noted = getattr(model, _NAMED, None)
    parts = (model.config, _text_part(model.config))
    found = [(type(part), _as_ids(getattr(part, _FIELD, None))) for part in parts]
    if noted is not None:
        return {i for _, ids in found for i in ids if i in noted}
    return {i for kind, ids in found if ids != _default_of(kind) for i in ids}


def _default_of(kind: type[PretrainedConfig]) -> list[int]:
    """What the class of a configuration names by itself."""
    try:
        return _as_ids(getattr(kind(), _FIELD, None))
    except Exception:  # some cannot be made of nothing, and so have no default
        return []


def _text_part(config: PretrainedConfig) -> PretrainedConfig:
    return config.get_text_config(decoder=True)


def _as_ids(value: Any) -> list[int]:
    """A token id field, which is None, one id or a list of ids."""
    if value is None:
        return []
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in listed):
        raise InvalidArgument(sentences.MODELS_END_IS_NO_ID.format(value))
    return listed
