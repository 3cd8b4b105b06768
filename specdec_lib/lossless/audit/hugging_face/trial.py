"""What a mode is tried on, and copies of its models that share every weight."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ModeTrial:
    """What one mode is tried on: models, a prompt, and how it is sampled.

    ``make_target`` and ``make_draft`` are called for every text, since ``generate`` leaves things behind on
    both: an adapted draft length, a pruned head. ``label`` is what tells it from the other trials in a table.
    """

    make_target: Callable[[], Any]
    make_draft: Callable[[], Any] | None
    prompt: tuple[int, ...]
    num_tokens: int = 3
    k: int = 2
    temperature: float = 1.0
    top_k: int | None = None
    listing: Sequence[int] | None = None
    says: str = ""
    label: str = ""


def twins_of(
    target: Any, draft: Any | None, end_ids: Sequence[int] = ()
) -> tuple[Callable[[], Any], Callable[[], Any] | None]:
    """Makers of copies that share every weight, and start from a configuration that asks for nothing.

    Args:
        end_ids: ids at which the target ends a text; none by default.
    """
    from transformers import GenerationConfig

    ends: dict[str, Any] = {"eos_token_id": list(end_ids), "pad_token_id": end_ids[0]} if end_ids else {}

    def maker(model: Any) -> Callable[[], Any]:
        shared = {id(parameter): parameter for parameter in model.parameters()}

        def make() -> Any:
            twin = copy.deepcopy(model, dict(shared))
            twin.generation_config = GenerationConfig(**ends)
            return twin

        return make

    return maker(target), None if draft is None else maker(draft)
