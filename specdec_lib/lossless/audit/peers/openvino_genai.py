"""OpenVINO GenAI in this process as an engine, with a draft model or without one.

It runs in float32 unless told otherwise: as installed it computes in bfloat16 where the processor can. Its
seed is 0 unless one is set, so that two texts are no two draws; the request's goes along with every text. The
``openvino-genai`` package is imported when an engine is made.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from specdec_lib.errors import InvalidArgument, in_one_line
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.peers import sentences

OPENVINO_MODES = ("plain", "draft", "prompt lookup")


def genai_hints(threads: int = 1, precision: str = "f32") -> dict[str, Any]:
    """What OpenVINO is told to compute and to keep its cache in, and with how many threads."""
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "KV_CACHE_PRECISION": precision,
        "INFERENCE_NUM_THREADS": threads,
    }


class GenAiEngine:
    """A folder that ``specdec export --to openvino`` has written, as OpenVINO GenAI decodes it.

    Args:
        target: the folder of the target.
        mode: one of ``OPENVINO_MODES``.
        draft: the folder of the draft, which the mode "draft" needs.
        eos_token_ids: ids that end a text.
        num_draft_tokens: drafted a round; may be set between two texts.
        threads: that compute. precision: of weights, products and cache: f32, bf16 or f16.
    """

    def __init__(
        self,
        target: Path,
        mode: str = "plain",
        draft: Path | None = None,
        eos_token_ids: tuple[int, ...] = (),
        num_draft_tokens: int = 3,
        threads: int = 1,
        precision: str = "f32",
    ) -> None:
        hints = genai_hints(threads, precision)
        self.name = f"OpenVINO GenAI, {mode}"
        told = f", num_assistant_tokens={num_draft_tokens}" if mode != "plain" else ""
        self.options = ", ".join(f"{name}={value}" for name, value in hints.items()) + told
        self._genai, self._openvino = import_module("openvino_genai"), import_module("openvino")
        self._mode, self._ends, self.num_draft_tokens = mode, frozenset(eos_token_ids), num_draft_tokens
        scheduler = self._genai.SchedulerConfig()
        scheduler.cache_size, scheduler.enable_prefix_caching = 1, False
        options: dict[str, Any] = {"scheduler_config": scheduler, **hints}
        if mode == "draft":
            options["draft_model"] = self._genai.draft_model(str(draft), "CPU", **hints)
        elif mode == "prompt lookup":
            options["prompt_lookup"] = True
        self._pipeline = self._genai.LLMPipeline(str(target), "CPU", **options)

    def answer(self, request: EngineRequest) -> Answer:
        """One text, asked for by its prompt's ids.

        Its counters are left alone: of a short text they tell more accepted tokens than drafted ones.

        Raises:
            InvalidArgument: it raised an error.
        """
        prompt = self._openvino.Tensor(np.array([request.prompt_ids], np.int64))
        try:
            result = self._pipeline.generate(prompt, self._settings(request))
        except RuntimeError as error:  # whatever C++ throws
            raise InvalidArgument(sentences.RAISED.format(self.name, in_one_line(error))) from error
        ids = tuple(int(token) for token in result.tokens[0])
        ended = bool(ids) and ids[-1] in self._ends
        return Answer(ids[:-1] if ended else ids, "", ended)

    def _settings(self, request: EngineRequest) -> Any:
        """Everything that would change the law is set to what changes nothing."""
        config = self._genai.GenerationConfig()
        config.max_new_tokens, config.rng_seed = request.num_tokens, request.seed % 2**31
        config.do_sample = request.temperature > 0
        if config.do_sample:
            config.temperature, config.top_p = request.temperature, 1.0
            if request.top_k is not None:
                config.top_k = request.top_k
        if self._ends:
            config.eos_token_id, config.stop_token_ids = min(self._ends), set(self._ends)
        if self._mode != "plain":
            config.num_assistant_tokens = self.num_draft_tokens
        if self._mode == "prompt lookup":
            config.max_ngram_size = 2
        return config
