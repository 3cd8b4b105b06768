"""A text between two rounds of speculation, decoded alone or in a batch."""

from __future__ import annotations

from dataclasses import dataclass, field

from specdec_lib.decoding.batches.drafts import Remembered
from specdec_lib.decoding.draft_length import LengthState
from specdec_lib.decoding.drafters.base import Proposal, require_laws
from specdec_lib.decoding.generation import Request
from specdec_lib.decoding.rejection import Verdict


@dataclass
class SpeculatedText:
    """What a round needs of the rounds before it."""

    request: Request
    ids: list[int]
    """Prompt and what was emitted."""
    draft: Remembered
    """What the drafter keeps of it."""
    length: LengthState
    draft_end: int
    """Tokens behind which none can be drafted any more: of the text, or of what the drafter sees."""
    laws_known: bool
    """Whether the drafter's distributions need not be looked at any more."""
    picked: list[list[float]] = field(default_factory=lambda: [[], []])
    """p and q of the last round's draft tokens, when traced."""

    @property
    def room(self) -> int:
        """How many draft tokens may still be emitted before the round's own token, and can be drafted."""
        return self.draft_end - len(self.ids)

    def kept(self, verdict: Verdict) -> int:
        """How many tokens caches may keep: the text and what was accepted, and not the token behind it."""
        return len(self.ids) + verdict.num_accepted

    def look_at(self, proposal: Proposal | None, name: str) -> None:
        """The laws of a proposal, once a text, since that reads whole rows; ``name`` is the drafter's.

        Raises:
            InvalidArgument: its rows are no distributions.
        """
        if not self.laws_known and proposal is not None and len(proposal.ids):
            require_laws(proposal, name)
            self.laws_known = True


def num_drafted(proposal: Proposal | None) -> int:
    """Tokens of a proposal; 0 where none was asked for."""
    return 0 if proposal is None else len(proposal.ids)
