"""What :mod:`specdec_lib.bench.measure.scaling.growth` times, and models as they are, but longer or shorter.

An engine here returns raw seconds by name. Rounds of both libraries are timed from outside: ours between the
yields of ``stream``, Hugging Face's between the calls of a streamer. Nothing here knows records or the order
of measurements.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from specdec_lib.bench.measure.arm import Arm, Engine, Facts, Ours, our_facts, wrapped_like
from specdec_lib.bench.measure.costs import measure_costs
from specdec_lib.bench.measure.peers.hugging_face import HuggingFace, constant_drafting, twin
from specdec_lib.bench.measure.subjects import dtype_of
from specdec_lib.bench.records.schema import HUGGING_FACE
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.timer import cuda_sync_time

Seconds = dict[str, list[float]]
"""Raw seconds by the name of what was timed."""


def scaling_arms(
    target: ModelWrapper, draft: ModelWrapper, vary: str, k: int, depth: int, compile: bool
) -> list[Arm[Seconds]]:
    """The arms of one value of one axis; those of another context are the same.

    Args:
        vary: "context", "k" or "depth". k: draft tokens a round.
        depth: layers of the target that are kept where the depth varies.
        compile: at each depth have our compiled step too.

    Raises:
        InvalidArgument: the target has fewer layers.
    """
    if vary == "depth":
        shallow = shortened(target, depth)
        arms = _baselines(shallow, depth=depth)
        if compile:
            name, facts = "ours token, compiled", our_facts(shallow, compiled=True, depth=depth)
            model = wrapped_like(shallow, twin(shallow.model), compile=True)
            arms.append(Arm(name, facts, lambda: partial(our_rounds, name, Ours(model))))
        return arms
    facts = our_facts(target, draft, k)
    ours = Arm("ours round", facts, lambda: partial(our_rounds, "ours round", Ours(target, draft, k)))
    if vary == "k":
        return [ours, Arm("ours forward", facts, lambda: partial(forwards, target, draft, k))]
    theirs = Facts(HUGGING_FACE, "assisted", k, drafter=draft.name, dtype=dtype_of(target))
    make = partial(hugging_face_rounds, "HF round", target, draft, k)
    return [ours, Arm("HF round", theirs, make), *_baselines(target)]


def _baselines(target: ModelWrapper, **options: Any) -> list[Arm[Seconds]]:
    ours = our_facts(target, **options)
    theirs = Facts(HUGGING_FACE, "autoregressive", dtype=ours.dtype, options=options)
    return [
        Arm("ours token", ours, lambda: partial(our_rounds, "ours token", Ours(target))),
        Arm("HF token", theirs, partial(hugging_face_rounds, "HF token", target, None, 0)),
    ]


def our_rounds(
    name: str, ours: Ours, ids: Sequence[int], tokens: int, temperature: float = 0.0, seed: int = 0
) -> Seconds:
    """Rounds of a decoder made for this text alone."""
    stamps = [(cuda_sync_time(), 0)]
    for emitted in ours.decoder().stream(ids, tokens, temperature, ignore_eos=True, seed=seed):
        stamps.append((cuda_sync_time(), len(emitted)))
    return {name: later_rounds(stamps, tokens, ours.k)}


class _Streamer:
    """When each round's tokens came, as ``generate`` hands them over; the first call is the prompt's."""

    def __init__(self) -> None:
        self.stamps: list[tuple[float, int]] = []

    def put(self, value: torch.Tensor) -> None:
        self.stamps.append((cuda_sync_time(), value.numel() if self.stamps else 0))

    def end(self) -> None:
        pass


def hugging_face_rounds(
    name: str, target: ModelWrapper, draft: ModelWrapper | None, k: int
) -> Engine[Seconds]:
    """Rounds, or steps without a draft, of ``generate`` with its dynamic cache."""
    theirs = HuggingFace(target.model, {}, None if draft is None else draft.model, constant_drafting(k))
    generate = theirs.model.generate

    def engine(ids: Sequence[int], tokens: int, temperature: float = 0.0, seed: int = 0) -> Seconds:
        streamer = _Streamer()
        theirs.model.generate = partial(generate, streamer=streamer)
        theirs(ids, tokens, temperature, seed)
        return {name: later_rounds(streamer.stamps, tokens, k)}

    return engine


def forwards(target: ModelWrapper, draft: ModelWrapper, k: int, ids: Sequence[int], *_: float) -> Seconds:
    """The target's forward of K + 1 tokens, and the draft's of one, in the company of a round."""
    measured = measure_costs(target, draft, ids, (k,), repeats=4).forwards
    found = {(forward.model, forward.width): forward.seconds for forward in measured}
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
    longer: Any = twin(model.model)
    config = longer.config.get_text_config(decoder=True)
    rotary = getattr(config, "rope_parameters", None) or getattr(config, "rope_theta", None)
    if not rotary or not hasattr(config, "max_position_embeddings"):
        raise InvalidArgument(
            f"scaling: {model.name} has {model.context_length} positions and cannot be given {positions}; "
            "ask for shorter contexts"
        )
    config.max_position_embeddings = positions
    return wrapped_like(model, longer)


def shortened(model: ModelWrapper, depth: int) -> ModelWrapper:
    """The model's first ``depth`` layers, weights shared, with its embedding and head.

    Raises:
        InvalidArgument: it has fewer, or keeps them where they are not found.
    """
    shorter: Any = twin(model.model)
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
    return wrapped_like(model, shorter)
