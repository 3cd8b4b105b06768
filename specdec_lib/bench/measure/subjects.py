"""What is measured: the pair as it was asked for, loaded; and who a model or a drafter is, for the records.

A model is known by the content of its weights and by how they are computed with, not by the name of its
folder: weights that were trained on lie where the old ones lay. A drafter is known by its class and by the
file that defines it.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specdec_lib.decoding.drafters.base import Drafter
from specdec_lib.decoding.drafters.draft_model import DraftSource, translated
from specdec_lib.decoding.drafters.grammar.pairs import AskedPair, asked_pair
from specdec_lib.decoding.drafters.grammar.specs import open_draft
from specdec_lib.models.base import CausalModel, is_causal_model, logits_dtype
from specdec_lib.models.wrapper import ModelWrapper


@dataclass(frozen=True)
class Subject:
    """A loaded pair: the name under which its results are kept, the target, and what drafts for it."""

    name: str
    target: ModelWrapper
    draft: DraftSource

    def __str__(self) -> str:
        """A line each; a drafter by its name, since one of somebody's own may print as an address."""
        draft = self.draft if is_causal_model(self.draft) else f"drafter {self.draft.name!r}"
        return f"{self.target}\n{draft}"


def load_subject(
    pair: str | None = None,
    target: str | None = None,
    draft: str | None = None,
    dtype: str | None = None,
    draft_dtype: str | None = None,
    drafter: str | None = None,
    device: str | None = None,
    compile: bool = False,
) -> Subject:
    """The pair of that name, one's own target and draft, or a target with whatever else drafts for it.

    Args:
        draft: by the grammar of drafts, :mod:`specdec_lib.decoding.drafters.grammar`.
        drafter: ``module:Class`` in place of a draft.

    Raises:
        InvalidArgument: a draft that cannot be read, or options that contradict each other.
        SpecDecError: whatever :func:`~specdec_lib.models.loader.load_pair` raises.
    """
    return load_asked(asked_pair(pair, target, draft, dtype, draft_dtype, drafter), device, compile)


def load_asked(asked: AskedPair, device: str | None = None, compile: bool = False) -> Subject:
    """The two models of a pair that was asked for, or its target and what drafts in the place of a model.

    Raises:
        SpecDecError: whatever :func:`~specdec_lib.models.loader.load_pair` raises.
    """
    from specdec_lib.models.loader import load_model, load_pair

    if asked.drafter is None:
        loaded = load_pair(asked.pair, device, compile)
        return Subject(loaded.pair.pair_name, loaded.target, translated(loaded.drafter))
    listed = asked.pair.target_dtype
    model, tokenizer = load_model(asked.pair.target_model_id, listed, device)
    wrapped = ModelWrapper(model, tokenizer, compile=compile)
    opened = open_draft(asked.drafter, wrapped, dtype=listed, compile=compile)
    return Subject(asked.pair.pair_name, wrapped, opened)


# -- who they are ----------------------------------------------------------------------------------


def describe(model: DraftSource) -> dict[str, Any]:
    """A model or a drafter as a record tells of it."""
    return describe_model(model) if is_causal_model(model) else describe_drafter(model)


def describe_model(model: CausalModel) -> dict[str, Any]:
    """Name, size and placement of a model, the hash of its weights, and which matrix product it uses."""
    compiled = getattr(model, "compiled", None)
    return {
        "name": model.name,
        "parameters": getattr(model, "param_count", None),
        "dtype": dtype_of(model),
        "device": str(model.device),
        "memory_mb": round(getattr(model, "memory_footprint_mb", 0.0), 2),
        "compiled": compiled is not None and compiled.active,
        "weights_hash": getattr(model, "weights_hash", None),
        "products": getattr(model, "products", None),
        "revision": getattr(getattr(model, "config", None), "_commit_hash", None),
    }


def dtype_of(model: CausalModel) -> str:
    """What a model computes in, or what its weights are packed in, as records name it."""
    return getattr(model, "number_format", None) or str(logits_dtype(model)).removeprefix("torch.")


def describe_drafter(drafter: Drafter) -> dict[str, Any]:
    """Name and class of a drafter, the hash of the file that defines it, and of the weights that it holds.

    Those of a cascade are those of its parts too.
    """
    kind, parts = type(drafter), _parts_of(drafter)
    held = [value for part in parts for value in getattr(part, "__dict__", {}).values()]
    hashes = {getattr(model, "weights_hash", None) for model in held if is_causal_model(model)}
    return {
        "name": str(drafter.name),
        "class": f"{kind.__module__}:{kind.__qualname__}",
        "source_hash": _source_hash(map(type, parts)),
        "weights_hashes": sorted(filter(None, hashes)),
    }


def _parts_of(drafter: Drafter) -> list[Drafter]:
    """The drafter, and those that it asks in turn."""
    return [drafter, *(part for one in getattr(drafter, "drafters", ()) for part in _parts_of(one))]


def _source_hash(kinds: Iterable[type]) -> str | None:
    """First 12 hexadecimal digits of SHA-256 over the files of classes; None where one cannot be read."""
    try:
        content = b"".join(Path(inspect.getfile(kind)).read_bytes() for kind in kinds)
    except (OSError, TypeError):  # typed into an interpreter, or built in
        return None
    return hashlib.sha256(content).hexdigest()[:12]
