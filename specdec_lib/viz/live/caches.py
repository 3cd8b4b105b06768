"""Two caches in a round, to play with: what target and draft hold, compute, copy and cut back.

:class:`CacheFigure` shows itself wherever HTML is shown and needs no kernel. A row is one token's keys and
values in all layers of one model. A cache that is preallocated is written in place, one that grows by
concatenation copies all that it holds in each forward, and without one each forward reads the whole text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import whole
from specdec_lib.viz import sentences
from specdec_lib.viz.standalone import StandaloneFigure, plain_table

TITLE = sentences.CACHES_TO_PLAY_WITH
SHORTEST, LONGEST, LONGEST_K = 8, 1000, 8
CacheKind = Literal["preallocated", "grows by concatenation", "none"]
ModelName = Literal["target", "draft"]


@dataclass(frozen=True)
class RoundRows:
    """Rows of one model: computed and copied in a round, and held after its roll-back."""

    computed: int
    copied: int
    held: int


def round_rows(
    model: ModelName, cache: CacheKind, text: int, k: int, accepted: int, behind: int = 0
) -> RoundRows:
    """What a round behind a text of ``text`` tokens takes, of which ``accepted`` of ``k`` draft tokens stay.

    Args:
        behind: rows, 0 or 1, that the draft is short of: its last token's, where the round before kept all.
    """
    before = text - 1 - (behind if model == "draft" else 0)
    ends = [text + i for i in range(k)] if model == "draft" else [text + k]
    if cache == "none":
        return RoundRows(sum(ends), 0, 0)
    copied = before + sum(ends[:-1]) if cache == "grows by concatenation" else 0
    return RoundRows(ends[-1] - before, copied, min(ends[-1], text + accepted))


class CacheFigure(StandaloneFigure):
    """A self-contained figure: both models' rows before a round, in it and after it, with sliders.

    Args:
        target_bytes, draft_bytes: of a row.
        text: tokens at first; k: the draft length at first.
        title: its name, for those who do not see it.

    Raises:
        InvalidArgument: a row without bytes, or a length beyond the sliders' ends.
    """

    kind = module = "caches"

    def __init__(
        self, target_bytes: int, draft_bytes: int, text: int = 200, k: int = 4, title: str = TITLE
    ) -> None:
        rows = {"target": target_bytes, "draft": draft_bytes}
        sizes = {
            model: whole(size, sentences.BYTES_OF_A_ROW.format(model), minimum=1)
            for model, size in rows.items()
        }
        if not (SHORTEST <= whole(text, "text") <= LONGEST and 1 <= whole(k, "k") <= LONGEST_K):
            raise InvalidArgument(sentences.ODD_CACHES.format(text, k, SHORTEST, LONGEST, LONGEST_K))
        self.payload = {"title": title, "text": text, "k": k, "bytes": sizes}

    def __repr__(self) -> str:
        return (
            f"CacheFigure({self.payload['bytes']['target']} and {self.payload['bytes']['draft']} bytes a row)"
        )

    def fallback(self) -> str:
        """A table: rows of both models together, in a round that keeps half of its draft, a row a cache."""
        text, k = self.payload["text"], self.payload["k"]
        rows = []
        for cache in get_args(CacheKind):
            both = [round_rows(model, cache, text, k, k // 2) for model in get_args(ModelName)]
            counts = zip(*((one.computed, one.copied, one.held) for one in both), strict=True)
            rows.append([cache, *(f"{target} + {draft}" for target, draft in counts)])
        title = f"{self.payload['title']}: rows of target + draft, text {text}, K {k}, {k // 2} accepted"
        return plain_table(title, ["cache", "computed", "copied", "held then"], rows)
