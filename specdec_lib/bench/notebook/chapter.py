"""What a chapter about a pair begins with: its three parameters in, two models on the right threads out."""

from __future__ import annotations

from dataclasses import dataclass

from specdec_lib.data.prompts import PromptDataset
from specdec_lib.models.fast.threads import use_threads
from specdec_lib.models.loader import load_pair
from specdec_lib.models.wrapper import ModelWrapper

ROOM = 80
"""Tokens that a chapter writes at most behind a prompt."""
_ENDLESS = 4096


@dataclass(frozen=True)
class OpenedPair:
    """A target and its draft, and what a chapter asks about them."""

    target: ModelWrapper
    draft: ModelWrapper
    name: str

    @property
    def is_pocket(self) -> bool:
        """Whether it is the embedded pair, whose numbers a chapter can promise."""
        return self.name == "pocket"

    @property
    def longest_prompt(self) -> int:
        """Tokens of a prompt behind which :data:`ROOM` more fit into the target's context."""
        return (self.target.context_length or _ENDLESS) - ROOM

    def encode(self, text: str) -> list[int]:
        """The ids of a text; where it does not fit into the context, of its end."""
        return self.target.encode(text)[-self.longest_prompt :]

    def prompt(self, domain: str, index: int = 0) -> list[int]:
        """The ids of a built-in prompt, cut as :meth:`encode` does."""
        prompts = PromptDataset.build(self.target, n_per_domain=index + 1, source="builtin")
        return self.encode(prompts.get_by_domain(domain)[index].raw_text)


def open_pair(pair: str | None = None, target: str | None = None, draft: str | None = None) -> OpenedPair:
    """Load a pair as a chapter's parameters name it, and let torch compute on as many threads as suit it.

    Args:
        pair: a registered name; None is ``pocket``, unless ``target`` and ``draft`` are given.
        target, draft: a folder, a hub id or an embedded name each.

    Raises:
        SpecDecError: as :func:`~specdec_lib.models.loader.load_pair`; or the draft has to be translated.
    """
    loaded = load_pair(pair, target=target, draft=draft).require_one_vocabulary("chapter")
    use_threads(None, loaded.target)
    return OpenedPair(loaded.target, loaded.draft, loaded.pair.pair_name)
