"""Does a pair run here, found out without reading its weights?

Sizes come from the configurations, the vocabularies from the tokenizers' files. Nothing is loaded; a drafter
of somebody's own, which can only be asked, is :mod:`specdec_lib.cli.checks.drafter`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences
from specdec_lib.cli.checks import Finding
from specdec_lib.cli.checks.memory import Memory, free_memory
from specdec_lib.cli.checks.model import ModelFacts, look_at
from specdec_lib.models.files.sizes import BYTES_PER_PARAMETER, needs
from specdec_lib.models.registry import ModelPair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class PairReport:
    """The findings about a pair, and the figures behind them."""

    pair: ModelPair
    models: dict[str, ModelFacts]
    """By role: target, draft."""
    vocabulary: str
    memory: Memory
    needs: Mapping[str, float]
    """GiB as asked for and in each dtype; nothing where a size is unknown."""
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "pair": self.pair.pair_name,
            "models": {role: asdict(facts) for role, facts in self.models.items()},
            "vocabulary": self.vocabulary,
            "memory": asdict(self.memory),
            **self.memory.against(self.needs),
            "checks": [asdict(finding) for finding in self.findings],
        }


def examine_pair(pair: ModelPair, device: str | None, alone: bool = False) -> PairReport:
    """Everything about a pair, or its target ``alone``, that can be known before its weights are read.

    Raises:
        InvalidArgument: a device that this machine does not have.
    """
    memory = free_memory(device)
    target, tokenizer = look_at("target", pair.target_model_id, pair.target_dtype, device)
    if alone:  # one model that serves as both counts once
        one = replace(pair, draft_model_id=pair.target_model_id, draft_dtype=pair.target_dtype)
        models, asked = {"target": target}, _needs(one, target, target)
        findings = (*_model_findings(models), _memory_finding(asked, memory, "in"), *_oddities(models))
        return PairReport(pair, models, "no draft model", memory, asked, findings)
    draft, draft_tokenizer = look_at("draft", pair.draft_model_id, pair.draft_dtype, device)
    models, asked = {"target": target, "draft": draft}, _needs(pair, target, draft)
    vocabulary = _vocabulary(pair, tokenizer, draft_tokenizer)
    findings = (
        *_model_findings(models),
        vocabulary,
        _memory_finding(asked, memory, sentences.ONE_MODEL if pair.is_self else "with both in"),
        *_oddities(models),
        *_gains(pair, target, draft),
    )
    return PairReport(pair, models, vocabulary.detail, memory, asked, findings)


def _model_findings(models: Mapping[str, ModelFacts]) -> list[Finding]:
    return [
        Finding(role, "bad", facts.problem) if facts.problem else Finding(role, "ok", facts.line)
        for role, facts in models.items()
    ]


def _vocabulary(
    pair: ModelPair, target: PreTrainedTokenizerBase | None, draft: PreTrainedTokenizerBase | None
) -> Finding:
    from specdec_lib.models.vocabulary import relation

    if pair.is_self:
        return Finding("vocabulary", "ok", "same")
    if target is None or draft is None:
        return Finding("vocabulary", "note", "unknown")
    found = relation(target, draft)
    return Finding("vocabulary", "bad" if found.kind == "needs translation" else "ok", str(found))


def _needs(pair: ModelPair, target: ModelFacts, draft: ModelFacts) -> dict[str, float]:
    """Memory that the pair takes as asked for and in each dtype; nothing where a size is unknown."""
    if target.size is None or draft.size is None:
        return {}
    loaded = replace(pair, target_dtype=_counted_as(target), draft_dtype=_counted_as(draft))
    found = needs(loaded, target.size, draft.size)
    return {"as asked": found.pop("as listed"), **found}


def _counted_as(facts: ModelFacts) -> str:
    return facts.loaded_dtype if facts.loaded_dtype in BYTES_PER_PARAMETER else "float32"


def _memory_finding(asked: Mapping[str, float], memory: Memory, where: str) -> Finding:
    """``where`` leads to the other formats: what is in them."""
    fits = bool(asked) and asked["as asked"] <= memory.free_gib
    status = "note" if not asked else "ok" if fits else "bad"
    told = sentences.memory_line(asked, memory.free_gib, memory.device, where)
    return Finding("memory", status, told)


def _gains(pair: ModelPair, target: ModelFacts, draft: ModelFacts) -> list[Finding]:
    """What keeps a draft that runs from being worth anything."""
    found = []
    if pair.is_self and pair.target_dtype == pair.draft_dtype:
        found.append(Finding("draft", "note", sentences.TARGET_ITSELF))
    if draft.context_length is not None and draft.context_length < (target.context_length or 0):
        found.append(Finding("context", "note", sentences.draft_ends(draft.context_length)))
    return found


def _oddities(models: Mapping[str, ModelFacts]) -> list[Finding]:
    return [Finding(role, "note", line) for role, facts in models.items() for line in facts.remarks]
