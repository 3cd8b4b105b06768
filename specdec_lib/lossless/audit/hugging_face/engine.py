"""A mode of ``generate`` as an engine, for audits that count answers or compare greedy texts."""

from __future__ import annotations

from typing import Any

import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.hugging_face import sentences
from specdec_lib.lossless.audit.hugging_face.mode import Mode
from specdec_lib.lossless.audit.hugging_face.trial import ModeTrial, twins_of
from specdec_lib.models.source import quiet


class ModeEngine:
    """``mode`` on models of one's own.

    Args:
        target, draft: models of Transformers; the draft may be None where the mode needs none.
        k: draft tokens a round. end_ids: ids that end a text.

    Raises:
        InvalidArgument: the mode needs a draft, or small models of its own.
    """

    def __init__(
        self, mode: Mode, target: Any, draft: Any | None = None, k: int = 4, end_ids: tuple[int, ...] = ()
    ) -> None:
        mode.require(draft)
        self._mode, self._makers, self._k, self._ends = mode, twins_of(target, draft, end_ids), k, end_ids

    @property
    def name(self) -> str:
        """Library, version and mode."""
        import transformers

        return sentences.ENGINE.format(transformers.__version__, self._mode.name)

    def answer(self, request: EngineRequest) -> Answer:
        """One text, from torch's global generator seeded with the request's.

        Raises:
            InvalidArgument: a request without prompt ids.
        """
        if not request.prompt_ids:
            raise InvalidArgument(sentences.NO_IDS.format(self.name))
        trial = ModeTrial(
            *self._makers,
            request.prompt_ids,
            num_tokens=request.num_tokens,
            k=self._k,
            temperature=request.temperature,
            top_k=request.top_k,
        )
        with quiet(), torch.random.fork_rng(devices=[]):
            ids = tuple(self._mode.generate(trial, request.seed))
        ended = bool(ids) and ids[-1] in self._ends
        return Answer(ids[:-1] if ended else ids, "", ended)
