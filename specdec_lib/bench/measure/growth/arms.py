"""What :mod:`specdec_lib.bench.scaling` times, and models as they are, but longer or shorter.

An arm is called with a text and returns raw seconds by name. Rounds of both libraries are timed from outside:
ours between the yields of ``stream``, Hugging Face's between the calls of a streamer. Nothing here knows
records or the order of measurements.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from specdec_lib.bench.measure.costs import measure_costs
from specdec_lib.bench.measure.peers.hugging_face import HuggingFace, constant_drafting, twin
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.timer import cuda_sync_time

Seconds = dict[str, list[float]]
Arm = Callable[[Sequence[int]], Seconds]
"""Behind a text, the raw seconds of what it times, by name."""


def our_rounds(name: str, make: Callable[[], Decoder], tokens: int, k: int, ids: Sequence[int]) -> Seconds:
    """Rounds of a decoder made for this text alone."""
    stamps = [(cuda_sync_time(), 0)]
    for emitted in make().stream(ids, tokens, 0.0, ignore_eos=True):
        stamps.append((cuda_sync_time(), len(emitted)))
    return {name: later_rounds(stamps, tokens, k)}


class _Streamer:
    """When each round's tokens came, as ``generate`` hands them over; the first call is the prompt's."""

    def __init__(self) -> None:
        self.stamps: list[tuple[float, int]] = []

    def put(self, value: torch.Tensor) -> None:
        self.stamps.append((cuda_sync_time(), value.numel() if self.stamps else 0))

    def end(self) -> None:
        pass


def hugging_face_rounds(
    name: str, target: ModelWrapper, draft: ModelWrapper | None, tokens: int, k: int
) -> Arm:
    """Rounds, or steps without a draft, of ``generate`` with its dynamic cache."""
    run = HuggingFace(target.model, {}, None if draft is None else draft.model, constant_drafting(k))
    generate = run.model.generate

    def arm(ids: Sequence[int]) -> Seconds:
        streamer = _Streamer()
        run.model.generate = partial(generate, streamer=streamer)
        run(ids, tokens, 0.0, 0)
        return {name: later_rounds(streamer.stamps, tokens, k)}

    return arm


def forwards(target: ModelWrapper, draft: ModelWrapper, k: int, ids: Sequence[int]) -> Seconds:
    """The target's forward of K + 1 tokens, and the draft's of one, in the company of a round."""
    measured = measure_costs(target, draft, ids, (k,), repeats=4)["forwards"]
    found = {(forward["model"], forward["width"]): forward["seconds"] for forward in measured}
    return {"ours forward": found["target", k + 1], "draft forward": found["draft", 1]}


def later_rounds(stamps: Sequence[tuple[float, int]], tokens: int, k: int) -> list[float]:
    """Seconds of the rounds after the first that had room for ``k`` drafts and a token more.

    Args:
        stamps: the start and 0, then each round's end and how many tokens it emitted.
        tokens: how many were asked for.

    >>> later_rounds([(0.0, 0), (5.0, 1), (6.0, 3), (8.0, 3), (8.5, 1)], tokens=8, k=2)
    [1.0, 2.0]
    """
    before = list(itertools.accumulate(emitted for _, emitted in stamps))
    return [
        round(stamps[i][0] - stamps[i - 1][0], 9)
        for i in range(2, len(stamps))
        if tokens - before[i - 1] >= k + 1
    ]


# -- models as they are, but longer or shorter --------------------------------------------------------


def lengthened(model: ModelWrapper, positions: int) -> ModelWrapper:
    """The model, its weights shared, with room for that many positions.

    Raises:
        InvalidArgument: its positions are learned, so that there are no more than it has.
    """
    if model.context_length is None or model.context_length >= positions:
        return model
    longer = twin(model.model)
    config = longer.config.get_text_config(decoder=True)
    rotary = getattr(config, "rope_parameters", None) or getattr(config, "rope_theta", None)
    if not rotary or not hasattr(config, "max_position_embeddings"):
        raise InvalidArgument(
            f"scaling: {model.name} has {model.context_length} positions and cannot be given {positions}; "
            "ask for shorter contexts"
        )
    config.max_position_embeddings = positions
    return ModelWrapper(longer, model.tokenizer, vocab_size=model.vocab_size, masked_ids=model.masked_ids)


def shortened(model: ModelWrapper, depth: int) -> ModelWrapper:
    """The model's first ``depth`` layers, weights shared, with its embedding and head.

    Raises:
        InvalidArgument: it has fewer, or keeps them where they are not found.
    """
    shorter = twin(model.model)
    config = shorter.config.get_text_config(decoder=True)
    total = config.num_hidden_layers
    stacks = [
        (parent, name)
        for parent in shorter.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.ModuleList) and len(child) == total
    ]
    if depth > total or len(stacks) != 1:
        raise InvalidArgument(f"scaling: {model.name} has {total} layers; the first {depth} cannot be had")
    parent, name = stacks[0]
    setattr(parent, name, getattr(parent, name)[:depth])
    config.num_hidden_layers = depth
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:depth]
    return ModelWrapper(shorter, model.tokenizer, vocab_size=model.vocab_size, masked_ids=model.masked_ids)
