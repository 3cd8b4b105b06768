"""``specdec doctor --target … --draft …``: does this pair run here, found out without reading its weights.

Sizes come from the configuration (a model without weights is built and counted), the vocabularies from the
tokenizers' files. What cannot be known without a network is said to be unknown. It refuses to load anything;
a drafter of somebody's own, which can only be asked, is :mod:`specdec_lib.cli.views.drafter_check`'s.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from specdec_lib.cli.commands.doctor import Check, free_memory, is_cached
from specdec_lib.cli.views import fit
from specdec_lib.errors import ModelUnavailable, UnsupportedCache
from specdec_lib.models.registry import REGISTRY, ModelPair
from specdec_lib.utils.numbers import short_count

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from specdec_lib.models.source import Source

_ONE_MODEL = "where both have one format, one model serves as both:"
_CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")


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
        if self.problem is not None:
            return self.problem
        size = "size unknown" if self.parameters is None else f"{short_count(self.parameters)} parameters"
        context = "no limit of context" if self.context_length is None else f"context {self.context_length:,}"
        template = "a chat template" if self.chat_template else "no chat template"
        kept = f"stored in {self.stored_dtype}"
        if self.loaded_dtype != self.stored_dtype:
            kept += f" and loaded as {self.loaded_dtype}"
        return f"{self.model_id}: {size}, {kept}, {context}, {template}; {self.where}"

    @property
    def size(self) -> fit.Size | None:
        """For the memory that it takes; None where it is not known."""
        return None if None in (self.parameters, self.unpacked) else fit.Size(self.parameters, self.unpacked)


@dataclass(frozen=True)
class PairReport:
    """The checks of a pair, and the figures behind them."""

    pair: ModelPair
    models: dict[str, ModelFacts]
    vocabulary: str
    memory: dict[str, Any]
    needs_gib: dict[str, float]
    checks: list[Check]

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        free = self.memory["free_gib"]
        return {
            "pair": self.pair.pair_name,
            "models": {role: asdict(facts) for role, facts in self.models.items()},
            "vocabulary": self.vocabulary,
            "memory": self.memory,
            "needs_gib": {dtype: round(need, 3) for dtype, need in self.needs_gib.items()},
            "fits": {dtype: need <= free for dtype, need in self.needs_gib.items()},
            "checks": [asdict(check) for check in self.checks],
        }


def examine_pair(pair: ModelPair, device: str | None) -> PairReport:
    """Everything about a pair that can be known before its weights are read.

    Raises:
        InvalidArgument: a device that this machine does not have.
    """
    memory = free_memory(device)
    models, tokenizers = {}, {}
    for role, model_id, dtype in _roles(pair):
        models[role], tokenizers[role] = _look_at(role, model_id, dtype, device)
    needs = _needs(pair, models)
    vocabulary = _vocabulary(pair, tokenizers)
    checks = [
        *_model_checks(models),
        vocabulary,
        _memory_check(needs, memory, _ONE_MODEL if pair.is_self else "with both in"),
        *_remarks(pair, models),
    ]
    return PairReport(pair, models, vocabulary.detail, memory, needs, checks)


def examine_target(pair: ModelPair, device: str | None) -> PairReport:
    """As :func:`examine_pair`, of a target that runs without a draft model.

    Raises:
        InvalidArgument: a device that this machine does not have.
    """
    memory = free_memory(device)
    alone = replace(pair, draft_model_id=pair.target_model_id, draft_dtype=pair.target_dtype)
    models = {"target": _look_at("target", pair.target_model_id, pair.target_dtype, device)[0]}
    needs = _needs(alone, models | {"draft": models["target"]})  # one model that serves as both counts once
    checks = [*_model_checks(models), _memory_check(needs, memory, "in"), *_oddities(models)]
    return PairReport(pair, models, "no draft model", memory, needs, checks)


def _model_checks(models: dict[str, ModelFacts]) -> list[Check]:
    return [Check(role, "bad" if facts.problem else "ok", facts.line) for role, facts in models.items()]


def _roles(pair: ModelPair) -> list[tuple[str, str, str]]:
    target = ("target", pair.target_model_id, pair.target_dtype)
    return [target, ("draft", pair.draft_model_id, pair.draft_dtype)]


# -- one model -------------------------------------------------------------------------------------


def _look_at(
    role: str, model_id: str, dtype: str, device: str | None
) -> tuple[ModelFacts, PreTrainedTokenizerBase | None]:
    from specdec_lib.models.files.checkpoint import refuse_too_narrow
    from specdec_lib.models.files.folder import check_folder, described_model, read_config
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
        size, stored = fit.described_size(described, _known(model_id)), _stored_dtype(config)
        facts = ModelFacts(
            model_id,
            _where(source),
            size.parameters,
            size.unpacked,
            stored,
            stored if dtype == "auto" else dtype,
            _context(config),
            bool(getattr(tokenizer, "chat_template", None)),
            _oddities_of(source, config, tokenizer, described if role == "target" else None),
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
    from specdec_lib.models.files.folder import refuse_encoder
    from specdec_lib.models.files.stored import (
        most_weights,
        refuse_misshapen,
        refuse_more_layers,
        refuse_too_little,
    )

    refuse_too_little(source.model_id, most_weights(source, config), described)
    refuse_misshapen(source, config, described)
    refuse_more_layers(source, config, described)
    refuse_encoder(source.model_id, described)
    new_cache(described)  # raises where a state cannot be rolled back


def _oddities_of(
    source: Source,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    target: PreTrainedModel | None,
) -> tuple[str, ...]:
    """What is odd and no obstacle; ids without a row count in a target, whose prompts come as given."""
    from specdec_lib.models.architecture.causal import embedding_rows
    from specdec_lib.models.text.ends import ends_beyond
    from specdec_lib.models.vocabulary import beyond_the_rows

    rows = None if target is None else embedding_rows(target)
    line = beyond_the_rows(source.model_id, tokenizer, rows)
    return (*ends_beyond(source, config), *(() if line is None else (line,)))


def _known(model_id: str) -> int | None:
    try:
        return fit.parameters_of(model_id)
    except ModelUnavailable:
        return None


def _stored_dtype(config: PretrainedConfig) -> str:
    from specdec_lib.models.files.folder import quantisation_of

    if quantisation_of(config.to_dict()) == "bitsandbytes_4bit":
        return "int4"
    return str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")


def _context(config: PretrainedConfig) -> int | None:
    text = config.get_text_config(decoder=True)
    values = (getattr(text, field, None) for field in _CONTEXT_FIELDS)
    return next((value for value in values if isinstance(value, int) and value > 0), None)


# -- both together ---------------------------------------------------------------------------------


def _vocabulary(pair: ModelPair, tokenizers: dict[str, PreTrainedTokenizerBase | None]) -> Check:
    from specdec_lib.models.vocabulary import relation

    target, draft = tokenizers["target"], tokenizers["draft"]
    if pair.is_self:
        return Check("vocabulary", "ok", "same")
    if target is None or draft is None:
        return Check("vocabulary", "note", "unknown")
    found = relation(target, draft)
    status = "bad" if found.kind == "needs translation" else "ok"
    return Check("vocabulary", status, str(found))


def _needs(pair: ModelPair, models: dict[str, ModelFacts]) -> dict[str, float]:
    """GiB that the pair takes as asked for and in each dtype; empty where a size is unknown."""
    sizes = [models[role].size for role in ("target", "draft")]
    if None in sizes:
        return {}
    loaded = {f"{role}_dtype": models[role].loaded_dtype for role in ("target", "draft")}
    dtypes = {
        role: dtype if dtype in fit.BYTES_PER_PARAMETER else "float32" for role, dtype in loaded.items()
    }
    needs = fit.needs(replace(pair, **dtypes), *sizes)
    return {"as asked" if need.dtype == "as listed" else need.dtype: need.gib for need in needs}


def _memory_check(needs: dict[str, float], memory: dict[str, Any], where: str) -> Check:
    """``where`` leads to the other formats: what is in them."""
    free = f"{memory['free_gib']:.1f} GiB free on {memory['device']}"
    if not needs:
        return Check("memory", "note", f"unknown need, {free}")
    others = [f"{dtype} {fit.memory_in_words(need)}" for dtype, need in needs.items() if dtype != "as asked"]
    fits = needs["as asked"] <= memory["free_gib"]
    told = f"{fit.memory_in_words(needs['as asked'])} of {free}; {where} {', '.join(others)}"
    return Check("memory", "ok" if fits else "bad", told)


def _remarks(pair: ModelPair, models: dict[str, ModelFacts]) -> list[Check]:
    found = _oddities(models)
    if pair.is_self and pair.target_dtype == pair.draft_dtype:
        found.append(Check("draft", "note", "the target itself: every draft is right, and nothing is gained"))
    contexts = [facts.context_length for facts in models.values()]
    if None not in contexts and contexts[1] < contexts[0]:
        found.append(Check("context", "note", f"beyond {contexts[1]:,} tokens there is no draft"))
    return found


def _oddities(models: dict[str, ModelFacts]) -> list[Check]:
    return [Check(role, "note", line) for role, facts in models.items() for line in facts.remarks]
