"""The law of the next token from weights that lie here, for engines that run the same ones elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.sampled import sentences
from specdec_lib.models.base import CausalModel, require_model

_LEAST = 1e-7
"""Tokens below it are not told: of a vocabulary of 150 000 nearly all."""


class WeightsLaw:
    """A :class:`~specdec_lib.lossless.audit.engines.NextLaw` that reads ``model``, each prefix once.

    The law is warped in float64 as the library warps it: temperature, then top-k. Other weights than the
    engine's (another dtype, a quantised file) are another law, and the control shows it.
    """

    def __init__(self, model: CausalModel) -> None:
        self.model = require_model(model, "audit")
        self._read: dict[tuple[object, ...], Mapping[int | None, float]] = {}

    def next_law(self, request: EngineRequest, continuation: tuple[int, ...]) -> Mapping[int | None, float]:
        """Probability by id behind the prompt and ``continuation``; the model's ends together under None.

        Raises:
            InvalidArgument: the request has no prompt ids.
        """
        if not request.prompt_ids:
            raise InvalidArgument(sentences.NO_PROMPT_IDS.format(self.model.name))
        ids = (*request.prompt_ids, *continuation)
        key = (request.temperature, request.top_k, ids)
        if key not in self._read:
            self._read[key] = self._law(ids, SamplingParams(request.temperature, request.top_k))
        return self._read[key]

    @torch.inference_mode()
    def _law(self, ids: tuple[int, ...], params: SamplingParams) -> Mapping[int | None, float]:
        feed = torch.tensor([ids], device=self.model.device)
        logits, _ = self.model.forward(feed, use_cache=False, logits_to_keep=1)
        row = logits[0, -1]
        precise = row if row.device.type == "mps" else row.double()
        probs = probs_from_logits(precise, params).cpu()
        told = (probs > (_LEAST if params.top_k is None else 0)).nonzero()[:, 0]
        law: dict[int | None, float] = dict(zip(told.tolist(), probs[told].tolist(), strict=True))
        ended = [law.pop(token) for token in self.model.eos_token_ids if token in law]
        return law | ({None: sum(ended)} if ended else {})
