"""Mistakes that engines shipped in 2025 and 2026 and that take more than one part of a decoder to make.

Two of them couple the draft's dice with the verifier's, so the drafter notes its noise here and the verifier
looks it up. What is coupled is named by the thread that found it, or by what was measured of the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from specdec_lib.decoding.drafters.draft_model import DraftModel, DraftModelState
from specdec_lib.decoding.rejection import Verdict, residual, verify_tokens
from specdec_lib.decoding.sampling import draw, invert, probs_from_logits, uniforms
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.models.base import CausalModel

# -- drafters -----------------------------------------------------------------------------------


class ArgmaxWithRawLogits(DraftModel):
    """Drafts the argmax and hands on its raw logits, as if the token had been drawn from their softmax.

    So does Transformers' path for Gemma 4's assistant; ``specdec audit hf:gemma4-assistant`` sums its law.
    """

    class state(DraftModelState):
        def _choose(self, logits, params, history, generator, probs):
            probs.append(logits.float().softmax(-1))
            return logits.argmax(-1)


class LawInAnotherOrder(DraftModel):
    """Draws from a head whose rows stand in one order of the vocabulary, and reports the law in another."""

    class state(DraftModelState):
        def _choose(self, logits, params, history, generator, probs):
            law = probs_from_logits(logits, params, history)
            order = torch.arange(law.shape[-1], device=law.device).roll(1)
            probs.append(law[order])  # entry n is the chance of order[n], and is read as that of n
            return draw(law, generator)


class _NotesItsNoise(DraftModel):
    """A right drafter whose noise can be looked up: what its last draft tokens were drawn by."""

    def start(self, prompt_ids: Sequence[int], end: int = 0) -> DraftModelState:
        self.text = super().start(prompt_ids, end)
        return self.text

    class state(DraftModelState):
        noise: list[Tensor]

        def propose(self, context_ids, k, params, generator):
            self.noise = []
            return super().propose(context_ids, k, params, generator)

        def _choose(self, logits, params, history, generator, probs):
            if params.is_greedy:
                return super()._choose(logits, params, history, generator, probs)
            probs.append(probs_from_logits(logits, params, history))
            return self._drawn(probs[-1], generator)

        def _drawn(self, law: Tensor, generator: torch.Generator) -> Tensor:
            raise AssertionError("every drafter here has its own")


class _DrawsByUniform(_NotesItsNoise):
    class state(_NotesItsNoise.state):
        def _drawn(self, law: Tensor, generator: torch.Generator) -> Tensor:
            self.noise.append(uniforms(1, law.device, generator)[0])
            return invert(law, self.noise[-1])


class _DrawsByGumbel(_NotesItsNoise):
    class state(_NotesItsNoise.state):
        def _drawn(self, law: Tensor, generator: torch.Generator) -> Tensor:
            self.noise.append(torch.empty_like(law).exponential_(generator=generator))
            return (law / self.noise[-1]).argmax(-1)


# -- what is verified by the draft's own dice ---------------------------------------------------

DraftNoise = list[Tensor]
"""What each token of the last draft was drawn by: a uniform, or exponential variates by token."""


def accepts_by_the_drafts_uniform(
    p: Tensor, q: Tensor, ids: Tensor, noise: DraftNoise, generator: Any
) -> Verdict:
    """The uniform that drew a draft token also decides whether it stays."""
    drafted, k = ids.tolist(), len(ids)
    failed = [n for n, x in enumerate(drafted) if noise[n] * q[n, x] >= p[n, x]]
    n = failed[0] if failed else k
    law = residual(p[n], q[n]) if n < k else p[k]
    return Verdict(n, int(draw(law, generator)), "corrected" if n < k else "bonus", drafted)


def corrects_by_the_drafts_noise(
    p: Tensor, q: Tensor, ids: Tensor, noise: DraftNoise, generator: Any
) -> Verdict:
    """The noise whose maximum was the rejected token also draws its replacement."""
    verdict = verify_tokens(p, q, ids, generator=generator)
    n = verdict.num_accepted
    if verdict.kind == "bonus":
        return verdict
    return Verdict(n, int((residual(p[n], q[n]) / noise[n]).argmax()), "corrected", ids.tolist())


def _coupled(drafter: type[_NotesItsNoise], verify: Callable[..., Verdict]) -> Any:
    def build(target: CausalModel, draft: Any, k: int) -> SpeculativeDecoder:
        noting = drafter(draft)
        decoder = SpeculativeDecoder(target, noting, k)

        def verified(p: Tensor, q: Tensor, ids: Tensor, *, generator: Any = None) -> Verdict:
            noise: DraftNoise = getattr(noting.text, "noise", []) if len(ids) else []
            return verify(p, q, ids, noise, generator)

        decoder.verify = verified
        return decoder

    return build


build_accepts_by_the_drafts_uniform = _coupled(_DrawsByUniform, accepts_by_the_drafts_uniform)
build_corrects_by_the_drafts_noise = _coupled(_DrawsByGumbel, corrects_by_the_drafts_noise)


def block_by_products_of_uniforms(
    p: Tensor, q: Tensor, ids: Tensor, *, generator: torch.Generator | None = None
) -> Verdict:
    """Block verification where the product of the ratios meets the product of the uniforms.

    The last position where it does ends the draft, and the correction is that of token verification.
    """
    drafted, k = ids.tolist(), len(ids)
    ratios = [min(1.0, float(p[n, x] / q[n, x])) for n, x in enumerate(drafted)]
    thrown = torch.rand(k, generator=generator)
    passed = torch.tensor(ratios).cumprod(0) >= thrown.cumprod(0)
    n = max((int(place) + 1 for place in passed.nonzero()), default=0)
    law = residual(p[n], q[n]) if n < k else p[k]
    return Verdict(n, int(draw(law, generator)), "corrected" if n < k else "bonus", drafted)
