"""Autoregressive decoding: one target forward a token. The baseline of everything.

It shares how it stops and measures with the speculative decoder, and nothing of how it decides:
no draft, no verifier, so that comparing the two tests one against the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.generation import Request
from specdec_lib.decoding.sampling import draw, probs_from_logits, warp_logits
from specdec_lib.decoding.trace import Round
from specdec_lib.models.base import CausalModel


class AutoregressiveDecoder(Decoder):
    """Draws each token from the target's distribution after everything before it."""

    label = "AR"

    def __init__(self, model: CausalModel) -> None:
        super().__init__(model)

    @torch.inference_mode()
    def _rounds(self, request: Request) -> Iterator[Round]:
        params, phases, device = request.params, request.phases, self.target.device
        ids, cache = list(request.prompt_ids), self.target.new_cache(request.end)
        while True:
            with phases("verify"):
                feed = torch.tensor([ids[self.target.get_cache_length(cache) :]], device=device)
                logits, cache = self.target.forward(feed, cache, logits_to_keep=1)
            with phases("sampling"):
                history = torch.tensor(ids, device=device) if params.needs_history else None
                if params.is_greedy:
                    token = int(warp_logits(logits[0, -1], params, history).argmax(-1))
                else:
                    token = int(draw(probs_from_logits(logits[0, -1], params, history), request.generator))
                self._require_sound()  # the token has waited for the device
            ids.append(token)
            yield Round([token], "autoregressive", target_cache_length=self.target.get_cache_length(cache))
