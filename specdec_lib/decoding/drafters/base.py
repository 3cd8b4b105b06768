"""What a drafter is: something that proposes K tokens and says what it drew them from.

A drafter is asked once for each text, and answers with a state of that text (a cache, a suffix index): texts
that are decoded at the same time never meet. One that keeps nothing answers with itself. The ``probs`` of a
proposal must be the very distributions its ids were drawn from; a deterministic drafter returns one-hot
rows. The loop never asks who proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard, cast, runtime_checkable

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding.drafters import sentences
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.base import CausalModel
from specdec_lib.utils.numbers import plain_numbers, whole_number

LAW_TOLERANCE = 1e-3
"""How far from 1 a row of probabilities may sum, by rounding."""


@dataclass(frozen=True)
class Proposal:
    """Draft tokens and their distributions; at temperature 0 no distributions are needed (None)."""

    ids: Integer[Tensor, " k"]
    probs: Float[Tensor, "k vocab"] | None


def certain(ids: Sequence[int], vocab_size: int, device: torch.device, params: SamplingParams) -> Proposal:
    """Tokens that were not drawn: one-hot rows where distributions count, None at temperature 0."""
    chosen: Tensor = torch.tensor(list(ids), dtype=torch.long, device=device)
    if params.is_greedy:
        return Proposal(chosen, None)
    return Proposal(chosen, torch.nn.functional.one_hot(chosen, vocab_size).float())


AskMore = Callable[[int, Float[Tensor, " vocab"]], bool]
"""Whether another draft token is wanted behind so many, the last of which was drawn from that law."""


@runtime_checkable
class DraftState(Protocol):
    """What a drafter knows of one text. It may have a ``cache_length``, which a trace then keeps, and
    ``borrow(target, cache)``, by which the loop lends it the target's cache (:func:`lend`)."""

    def propose(
        self, context_ids: Sequence[int], k: int, params: SamplingParams, generator: torch.Generator
    ) -> Proposal:
        """Up to ``k`` >= 1 tokens that may follow ``context_ids`` (prompt and all emitted), or none.

        The loop calls it at most once a round, and hands what comes back to the verifier unchanged.
        """
        ...

    def roll_back(self, keep_length: int) -> None:
        """Forget what was seen beyond the first ``keep_length`` tokens of the text."""
        ...


@runtime_checkable
class Drafter(Protocol):
    """The interface of the decoding loop to its drafter."""

    vocab_size: int
    """Width of ``probs``: the target's logits must have the same."""
    context_length: int | None
    """Positions the drafter can look at; None for no limit."""
    name: str

    def start(self, prompt_ids: Sequence[int], end: int = 0) -> DraftState:
        """A new text: ``prompt_ids`` and what follows, together at most ``end`` tokens (0: nobody knows)."""
        ...


def checked_drafter(candidate: object) -> Drafter:
    """``candidate``, if it keeps the protocol.

    Raises:
        InvalidArgument: it does not; the line says what it lacks, and what to write.
    """
    name = getattr(candidate, "__name__", None) or getattr(candidate, "name", type(candidate).__name__)
    if isinstance(candidate, type):
        raise InvalidArgument(sentences.IS_A_CLASS.format(name, name))
    lacking = [member for member in (*Drafter.__annotations__, "start") if not hasattr(candidate, member)]
    if lacking == ["start"] and hasattr(candidate, "propose"):
        raise InvalidArgument(sentences.HAS_NO_START.format(name))
    if lacking:
        raise InvalidArgument(sentences.LACKS.format(name, ", ".join(lacking)))
    drafter = cast(Drafter, candidate)
    whole_number(drafter.vocab_size, f"drafter {name}: vocab_size", least=1)
    if drafter.context_length is not None:
        whole_number(drafter.context_length, f"drafter {name}: context_length", least=0)
    return drafter


def tell_lengths(drafter: Drafter, *lengths: int) -> None:
    """Tell a drafter that drafts of these many tokens will come often, if it has ``expect_lengths``."""
    expect = getattr(drafter, "expect_lengths", None)
    if expect is not None:
        expect(*lengths)


def started(drafter: Drafter, prompt_ids: Sequence[int], end: int = 0) -> DraftState:
    """The drafter's state of a new text.

    Raises:
        InvalidArgument: what ``start`` returned cannot propose or roll back.
    """
    state = drafter.start(prompt_ids, end)
    lacking = [f"no {member}" for member in ("propose", "roll_back") if not hasattr(state, member)]
    if lacking:
        raise InvalidArgument(
            sentences.STATE_LACKS.format(drafter.name, type(state).__name__, " and ".join(lacking))
        )
    return state


def borrows(state: object) -> bool:
    """Whether a state drafts behind what the target has kept, where that is lent."""
    return hasattr(state, "borrow") and getattr(state, "borrows", True)


def lend(state: object, target: CausalModel, cache: Any) -> None:
    """Offer what the target has kept of the text to a state that drafts behind it, if it is one.

    Once a round, before its proposal. Its next roll-back ends the loan: a cache that two hold is copied where
    one of them would overwrite what the other still sees.
    """
    borrow = getattr(state, "borrow", None)
    if borrow is not None:
        borrow(target, cache)


def checked_proposal(
    proposal: object, name: str, k: int, params: SamplingParams, vocab_size: int
) -> Proposal:
    """``proposal``, if the verifier can judge it; nothing is read from a GPU.

    Raises:
        InvalidArgument: no Proposal, ids that are no row of at most ``k`` ids of the vocabulary, or no
            distributions where tokens are drawn.
    """
    parts: tuple[object, ...] = (proposal,)
    if isinstance(proposal, Proposal):
        parts = (proposal.ids, proposal.probs)
    odd = next((part for part in parts if part is not None and not _is_dense(part)), None)
    without = next((part for part in parts if _lacks_numbers(part)), None)
    if odd is None and without is not None:
        raise InvalidArgument(sentences.ODD_TENSOR.format(name, without.dtype, without.device))
    if odd is not None or not isinstance(proposal, Proposal) or parts[0] is None:
        answer = odd if isinstance(proposal, Proposal) else proposal
        raise InvalidArgument(sentences.NO_PROPOSAL.format(name, type(answer).__name__))
    ids = proposal.ids
    if ids.ndim != 1 or ids.dtype not in (torch.int64, torch.int32) or len(ids) > k:
        raise InvalidArgument(sentences.ODD_SHAPE.format(name, list(ids.shape), ids.dtype, k))
    if ids.device.type == "cpu" and len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < vocab_size:
        raise InvalidArgument(sentences.IDS_BEYOND_VOCABULARY.format(name, plain_numbers(ids), vocab_size))
    if proposal.probs is None and not params.is_greedy:
        raise InvalidArgument(sentences.NO_PROBS.format(name, params.temperature))
    return proposal


def require_laws(proposal: Proposal, name: str) -> None:
    """Refuse rows that are no distributions: with them the text would have another law than the target's.

    Reads the rows, so the loop asks once a text. Sums are those of float64.

    Raises:
        InvalidArgument: a row that does not sum to 1 within ``LAW_TOLERANCE``, is negative somewhere or no
            number; or an id that its own row says is never drawn.
    """
    probs, ids = proposal.probs, proposal.ids
    if probs is None or probs.ndim != 2 or len(probs) != len(ids) or not len(ids):
        return  # the verifier knows the shapes
    rows = probs.double()
    off = (rows.sum(-1) - 1).abs()
    bad = ~((off <= LAW_TOLERANCE) & (rows.amin(-1) >= 0))  # true of NaN
    if bad.any():
        row = int(bad.nonzero()[0])
        raise InvalidArgument(
            sentences.ODD_SUM.format(name, row, float(rows[row].sum()), float(rows[row].min()))
        )
    drawn = rows.gather(1, ids.to(rows.device, torch.int64)[:, None])[:, 0]
    if not bool((drawn > 0).all()):
        place = int((drawn <= 0).nonzero()[0])
        raise InvalidArgument(sentences.PROPOSED_THE_IMPOSSIBLE.format(name, int(ids[place]), place))


def _lacks_numbers(part: object) -> TypeGuard[Tensor]:
    """Whether a tensor has no values to read, or none that can be compared."""
    return isinstance(part, Tensor) and (part.is_meta or part.is_complex() or part.is_quantized)


def _is_dense(part: object) -> bool:
    return isinstance(part, Tensor) and part.layout is torch.strided
