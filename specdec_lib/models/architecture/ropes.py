"""Rotary embeddings whose factors depend on how long the text is, and the texts that cross such a border.

A "longrope" (Phi-3 and its like) rotates all positions by one set of factors while the text has at most as
many tokens as the model was first trained on, and by another beyond. A cache keeps keys as they were rotated,
so a text that crosses would mix both; Transformers drops its cache there and computes everything again, and
a verification whose rows lie on both sides would need two forwards. Texts on one side are as any others.
A "dynamic" rope changes beyond the context alone, where no text goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PretrainedConfig

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture import sentences


@dataclass(frozen=True)
class RopeBorder:
    """The kind of rope, and the number of tokens up to which its first factors hold."""

    kind: str
    length: int

    def crossed(self, held: int, end: int) -> bool:
        """Whether ``held`` tokens lie on one side and ``end`` on the other."""
        return 0 < held <= self.length < end

    def require_one_side_of_a_text(self, name: str, prompt_length: int, end: int) -> None:
        """Raise InvalidArgument if a text of ``prompt_length`` tokens that grows to ``end`` would cross."""
        if self.crossed(prompt_length, end - 1):  # the last token is never fed
            raise InvalidArgument(
                sentences.TEXT_CROSSES.format(
                    prompt_length,
                    end,
                    self.kind,
                    name,
                    self.length,
                    self.length + 1 - prompt_length,
                    self.length,
                )
            )

    def require_one_side_of_a_feed(self, name: str, held: int, width: int) -> None:
        """Raise InvalidArgument if ``width`` tokens behind ``held`` in a cache would cross."""
        if self.crossed(held, held + width):
            raise InvalidArgument(sentences.FEED_CROSSES.format(width, held, self.length, self.kind, name))

    def require_one_side_of_a_batch(self, name: str, held: Sequence[int], ends: Sequence[int]) -> None:
        """Raise InvalidArgument if rows of a forward, or one of them, lie on both sides."""
        if min(ends) <= self.length < max(ends) or any(map(self.crossed, held, ends)):
            raise InvalidArgument(
                sentences.ROWS_ON_BOTH_SIDES.format(min(ends), max(ends), self.length, self.kind, name)
            )


def rope_border(config: PretrainedConfig) -> RopeBorder | None:
    """Where the factors of a model change within its context; None for a rope whose factors never do."""
    for rope in _ropes(config):
        kind = rope.get("rope_type", rope.get("type"))
        border = rope.get("original_max_position_embeddings") or getattr(
            config, "original_max_position_embeddings", None
        )
        if kind == "longrope" and border:
            return RopeBorder(kind, int(border))
    return None


def _ropes(config: PretrainedConfig) -> Iterator[dict[str, Any]]:
    """The parameters of every rope: one for all layers, or one for each type of layer."""
    for field in ("rope_parameters", "rope_scaling"):
        found = getattr(config, field, None)
        if isinstance(found, dict):
            yield found
            yield from (part for part in found.values() if isinstance(part, dict))
