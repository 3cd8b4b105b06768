"""Autoregressive decoding: one target forward a token. The baseline of everything.

It shares how it stops and measures with the speculative decoder, and nothing of how it decides:
no draft, no verifier, so that comparing the two tests one against the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from specdec_lib.decoding.batches.batch import RowsLeft, rows_going
from specdec_lib.decoding.batches.rows import SeparateRows, open_rows
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.generation import Generation, Request
from specdec_lib.decoding.sampling import draw, probs_from_logits, warp_logits
from specdec_lib.decoding.trace import Round
from specdec_lib.models.base import CausalModel, TextRows


class AutoregressiveDecoder(Decoder):
    """Draws each token from the target's distribution after everything before it."""

    label = "AR"

    def __init__(self, model: CausalModel) -> None:
        super().__init__(model)

    def _rounds(self, request: Request) -> Iterator[Round]:
        rows = SeparateRows(self.target, [request.end])
        for rounds in self._loop([request], rows, lambda places: [0]):
            yield rounds[0]

    def _batch_rounds(self, texts: Sequence[Generation]) -> Iterator[dict[int, Round]]:
        requests = [text.request for text in texts]
        rows = open_rows(self.target, [request.end for request in requests])
        return self._loop(requests, rows, partial(rows_going, texts))

    @torch.inference_mode()
    def _loop(
        self, requests: Sequence[Request], rows: TextRows, left: RowsLeft
    ) -> Iterator[dict[int, Round]]:
        """Rounds of all texts that go on, by their places; a text alone is a batch of one."""
        phases, device, going = requests[0].phases, self.target.device, list(range(len(requests)))
        ids, lengths = [list(request.prompt_ids) for request in requests], rows.lengths
        while kept := left(going):
            if len(kept) < len(going):
                rows.keep(kept)
                going, lengths = [going[row] for row in kept], rows.lengths
            with phases("verify"):
                held = zip(going, lengths, strict=True)
                feeds = [torch.tensor(ids[place][length:], device=device) for place, length in held]
                logits = rows.forward(feeds, [1] * len(going))
            with phases("sampling"):
                for place, row in zip(going, logits, strict=True):
                    ids[place].append(self._choose(row[-1], ids[place], requests[place]))
                self._require_sound()  # the tokens have waited for the device
            lengths = rows.lengths
            yield {
                place: Round([ids[place][-1]], "autoregressive", target_cache_length=length)
                for place, length in zip(going, lengths, strict=True)
            }

    def _choose(self, logits: Float[Tensor, " vocab"], ids: list[int], request: Request) -> int:
        """The token that follows ``ids``."""
        params = request.params
        history = torch.tensor(ids, device=logits.device) if params.needs_history else None
        if params.is_greedy:
            return int(warp_logits(logits, params, history).argmax(-1))
        return int(draw(probs_from_logits(logits, params, history), request.generator))
