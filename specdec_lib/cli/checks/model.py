"""What is known of a model before its weights are read: by its configuration and its files' headers.

A model without weights is built and counted. What cannot be known without a network is said to be unknown.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from specdec_lib.cli import sentences
from specdec_lib.cli.checks.memory import is_cached
from specdec_lib.errors import ModelUnavailable, UnsupportedCache
from specdec_lib.models.files.sizes import Size, described_size, parameters_of
from specdec_lib.models.registry import REGISTRY

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from specdec_lib.models.source import Source


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model before it is loaded; None where it is not."""

    model_id: str
    where: str
    parameters: int | None = None
    unpacked: int | None = None
    """Of the parameters, those that int4 would leave in 16 bits."""
    stored_dtype: str | None = None
    loaded_dtype: str | None = None
    """The format that was asked for."""
    context_length: int | None = None
    chat_template: bool | None = None
    remarks: tuple[str, ...] = ()
    """What is odd about its files and does not keep it from running, a line each."""
    problem: str | None = None

    @property
    def line(self) -> str:
        """All of it in a line."""
        formats = self.stored_dtype, self.loaded_dtype
        known = self.parameters, *formats, self.context_length, self.chat_template
        return sentences.model_line(self.model_id, self.where, *known)

    @property
    def size(self) -> Size | None:
        """For the memory that it takes; None where it is not known."""
        if self.parameters is None or self.unpacked is None:
            return None
        return Size(self.parameters, self.unpacked)


def look_at(
    role: str, model_id: str, dtype: str, device: str | None
) -> tuple[ModelFacts, PreTrainedTokenizerBase | None]:
    """The facts of a model in a role, and its tokenizer if it can be had.

    Raises:
        InvalidArgument: a device that this machine does not have.
    """
    from specdec_lib.models.architecture.module import embedding_rows, num_positions
    from specdec_lib.models.files.checkpoint import refuse_too_narrow
    from specdec_lib.models.files.folder import check_folder, described_model, read_config
    from specdec_lib.models.gguf.folder import packed_as
    from specdec_lib.models.loader import choose_device
    from specdec_lib.models.source import find_source
    from specdec_lib.models.text.tokenizer import load_tokenizer

    try:
        source = find_source(model_id)
        check_folder(source, dtype)
        config, tokenizer = read_config(source), load_tokenizer(source)
        described = described_model(source, copy.deepcopy(config))  # making one settles fields of its config
        _refuse_misfits(source, config, described)
        if dtype == "int4" and choose_device(device).type == "cpu":
            refuse_too_narrow(model_id, described)
        size, stored = described_size(described, _known(model_id)), _stored_dtype(config)
        facts = ModelFacts(
            model_id,
            _where(source),
            size.parameters,
            size.unpacked,
            stored if source.gguf is None else packed_as(source.gguf, model_id) or stored,
            stored if dtype == "auto" else dtype,
            num_positions(config.get_text_config(decoder=True)),
            bool(getattr(tokenizer, "chat_template", None)),
            _oddities_of(source, config, tokenizer, embedding_rows(described) if role == "target" else None),
        )
        return facts, tokenizer
    except (ModelUnavailable, UnsupportedCache) as error:
        return ModelFacts(model_id, "not to be had", _known(model_id), problem=str(error)), None


def _where(source: Source) -> str:
    if not source.on_hub:
        return "on this disk"
    if is_cached(source.model_id):
        return "downloaded"
    gated = any(
        source.model_id in (p.target_model_id, p.draft_model_id) and p.gated for p in REGISTRY.values()
    )
    return "gated, to fetch" if gated else "to fetch"


def _refuse_misfits(source: Source, config: PretrainedConfig, described: PreTrainedModel) -> None:
    """Raises ModelUnavailable or UnsupportedCache: files that are, by their headers, not those of the model
    described, or a model that no text can be decoded with."""
    from specdec_lib.models.caches.rollback import new_cache
    from specdec_lib.models.files import headers
    from specdec_lib.models.files.folder import refuse_encoder

    headers.refuse_too_little(source.model_id, headers.most_weights(source, config), described)
    headers.refuse_misshapen(source, config, described)
    headers.refuse_more_layers(source, config, described)
    refuse_encoder(source.model_id, described)
    new_cache(described)  # raises where a state cannot be rolled back


def _oddities_of(
    source: Source, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, rows: int | None
) -> tuple[str, ...]:
    """What is odd and no obstacle; ids without a row count in a target, whose prompts come as given."""
    from specdec_lib.models.text.ends import ends_beyond
    from specdec_lib.models.vocabulary import beyond_the_rows

    line = beyond_the_rows(source.model_id, tokenizer, rows)
    return (*ends_beyond(source, config), *(() if line is None else (line,)))


def _known(model_id: str) -> int | None:
    try:
        return parameters_of(model_id)
    except ModelUnavailable:
        return None


def _stored_dtype(config: PretrainedConfig) -> str:
    from specdec_lib.models.files.folder import quantisation_of

    if quantisation_of(config.to_dict()) == "bitsandbytes_4bit":
        return "int4"
    return str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
