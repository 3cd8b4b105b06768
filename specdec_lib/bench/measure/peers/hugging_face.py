"""Hugging Face's ``generate`` as an arm of a comparison: plain, static and compiled, assisted, prompt lookup.

It runs on modules of its own that share the weights (:func:`twin`), because it leaves things behind on a
model: the length of its static cache, compiled code, the assistant's adapted draft length. Nothing of a
checkpoint's generation configuration takes part: its end of text, top-k or repetition penalty would be
another law, or another length. Nothing here knows records, prompts' texts or the other arms.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers import CompileConfig, GenerationConfig

from specdec_lib.models.architecture.module import first_position
from specdec_lib.models.source import quiet
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.profiling.timer import cuda_sync_time

LOOKUP_TOKENS = 10
"""Tokens that prompt lookup proposes, the default of its generator."""
_DRAFTING = ("num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold")


class HuggingFace:
    """``model.generate``, timed, with one set of options.

    Args:
        model: the target, a Transformers causal LM.
        options: entries of the generation configuration that make the arm.
        assistant: the draft of assisted generation, with ``assistant_options`` for its configuration.
    """

    fell_back = has_graphs = False  # where it cannot compile it raises; each compiles for itself

    def __init__(
        self,
        model: nn.Module,
        options: Mapping[str, Any],
        assistant: nn.Module | None = None,
        assistant_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.model: Any = _counting(twin(model))
        self.assistant: Any = None if assistant is None else _counting(twin(assistant))
        self.options = dict(options)
        self.assistant_options = dict(assistant_options or {})

    def __call__(
        self, prompt_ids: Sequence[int], max_new_tokens: int, temperature: float, seed: int
    ) -> GenerationResult:
        """One generation. Tokens beyond ``max_new_tokens`` (a long candidate) do not count."""
        self._forget()
        device = next(self.model.parameters()).device
        inputs = torch.tensor([list(prompt_ids)], device=device)
        config = GenerationConfig(max_new_tokens=max_new_tokens, **_sampling(temperature), **self.options)
        helper: dict[str, Any] = {} if self.assistant is None else {"assistant_model": self.assistant}
        mask = torch.ones_like(inputs)  # a padding id may be a token of the text
        generators = [device] if device.type == "cuda" else []  # the global ones, from which it draws
        with quiet(), torch.random.fork_rng(devices=generators), torch.inference_mode():
            torch.manual_seed(seed)
            start = cuda_sync_time()
            output = self.model.generate(inputs, attention_mask=mask, generation_config=config, **helper)
            ids = output[0, inputs.shape[1] :].tolist()
            seconds = cuda_sync_time() - start
        return GenerationResult(ids[:max_new_tokens], total_time=seconds, peak_memory_mb=None)

    def _forget(self) -> None:
        """Start from fresh configurations: a draft length adapted by the last run is a warm start."""
        self.model.generation_config = GenerationConfig()
        if self.assistant is not None:
            self.assistant.generation_config = GenerationConfig(**self.assistant_options)


def drafting_of(draft: nn.Module) -> dict[str, Any]:
    """How the draft's checkpoint wants to propose, where it says so; else the library's defaults rule."""
    config = getattr(draft, "generation_config", None)
    shipped = {name: getattr(config, name, None) for name in _DRAFTING}
    return {name: value for name, value in shipped.items() if value is not None}


def constant_drafting(k: int) -> dict[str, Any]:
    """``k`` tokens a round, whatever the assistant thinks of them."""
    return dict(zip(_DRAFTING, (k, "constant", 0.0), strict=True))


def static_and_compiled() -> dict[str, Any]:
    """The fixed cache and the compiler, on the CPU too, where ``generate`` would silently not compile."""
    config: Any = CompileConfig()
    config._compile_all_devices = True
    return {"cache_implementation": "static", "compile_config": config}


def twin(model: nn.Module) -> nn.Module:
    """A copy of the modules that shares every parameter: what is attached to one is not seen by the other."""
    shared = {id(parameter): parameter for parameter in model.parameters()}
    return copy.deepcopy(model, shared)


def _counting(model: nn.Module) -> nn.Module:
    """The model, with positions moved to where its table begins: ``generate`` counts from 0, whatever the
    model was trained with, and does not go on from those that it is told in every version or variant."""
    first = first_position(model)
    if first is not None:
        model.register_forward_pre_hook(partial(_moved, first), with_kwargs=True)
    return model


def _moved(first: int, module: nn.Module, inputs: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return inputs, {**options, "position_ids": options["position_ids"] + first}


def _sampling(temperature: float) -> dict[str, Any]:
    """Greedy, or drawn from the whole distribution: the default top-k of 50 would be another law."""
    if temperature == 0:
        return {"do_sample": False}
    return {"do_sample": True, "temperature": float(temperature), "top_k": 0, "top_p": 1.0}
