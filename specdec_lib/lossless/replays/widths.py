"""A text read token by token and several tokens at a time, in several dtypes: gaps of logits, and the noise.

Where the noise between two forwards reaches the gap of the two best logits, the argmax may flip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.lossless.evidence.rounding import logits_by_width
from specdec_lib.models.base import CausalModel, with_text
from specdec_lib.utils.row import Row

WIDE = 5


def narrow_and_wide(
    model: CausalModel, ids: Sequence[int], start: int, width: int = WIDE
) -> tuple[Tensor, Tensor]:
    """Logits behind each of ``ids[start:]``, read one at a time and ``width`` at a time: ``[places, vocab]``.

    Raises:
        InvalidArgument: as :func:`~specdec_lib.lossless.evidence.rounding.logits_by_width`.
    """
    narrow, wide = (logits_by_width(model, ids, start, each).double() for each in (1, width))
    return narrow, wide


@dataclass(frozen=True, eq=False)
class GapRow(Row):
    """How far the best logit is ahead of the next at a place of a text; ``token``: the best one's text."""

    place: int
    token: str
    gap: float


@dataclass(frozen=True, eq=False)
class NoiseRow(Row):
    """By how much the logits of a place differ: the range of their difference."""

    series: str
    place: int
    noise: float


@dataclass(frozen=True)
class ReadTwice:
    """A text, and its logits as :func:`narrow_and_wide` has them, by the name of the model that read it."""

    text: list[int]
    by_width: dict[str, tuple[Tensor, Tensor]]

    def gap_rows(self, name: str, model: CausalModel) -> list[GapRow]:
        """The gaps along the text, in forwards of one token."""
        best = self.by_width[name][0].topk(2)
        pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        return [
            GapRow(n, with_text(model, "gaps").decode([token]), first - second)
            for n, ((first, second), (token, _)) in enumerate(pairs, 1)
        ]

    def noise_rows(self) -> list[NoiseRow]:
        """The noise between narrow and wide along the text, a series a model."""
        return [
            NoiseRow(f"rounding, {name}", n, float(d.max() - d.min()))
            for name, (narrow, wide) in self.by_width.items()
            for n, d in enumerate(wide - narrow, 1)
        ]


def read_twice(models: Mapping[str, CausalModel], prompt_ids: Sequence[int], num_tokens: int) -> ReadTwice:
    """Let the first model go on greedily, and let all of them read what it wrote, in both widths."""
    writer = AutoregressiveDecoder(next(iter(models.values())))
    written = writer.generate(list(prompt_ids), num_tokens, 0.0, ignore_eos=True).generated_ids
    text, start = [*prompt_ids, *written], len(prompt_ids)
    return ReadTwice(text, {name: narrow_and_wide(model, text, start) for name, model in models.items()})
