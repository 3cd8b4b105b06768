"""What single forwards cost: the c and the v(K) of the prediction S = E / (K c + v + o).

Each forward is timed in the company that it has when decoding. A target forward of width 1 follows others
of its kind, as in the baseline; one of width K + 1 follows K draft forwards, as in a round. Alone, or in
another order, it would find other data in the processor's caches, and the prediction would be off by that.
Arms take turns, so that drift slows all of them alike. Raw seconds come back; the summary takes medians.

A compiled draft runs its K steps as one graph, and a drafter of one's own may have no forwards at all: what
counts as a forward of theirs is a K-th of a whole greedy proposal.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from jaxtyping import Integer
from torch import Tensor

from specdec_lib.bench.measure.grid import rotated
from specdec_lib.bench.records.parts import ForwardTimes, TimedForward
from specdec_lib.decoding.draft_length import DraftLength
from specdec_lib.decoding.drafters.base import started, tell_lengths
from specdec_lib.decoding.drafters.draft_model import DraftSource, as_drafter
from specdec_lib.decoding.lengths.specs import CostAwareSpec, LengthCosts, LengthSpec
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture.soundness import drafting
from specdec_lib.models.base import CausalModel, expect_widths, is_causal_model, require_model
from specdec_lib.profiling.timer import cuda_sync_time

_WARM_UP = 3
_GREEDY = SamplingParams(temperature=0.0)
_BASELINE_STEPS = 4  # of which the first, which follows a round of another arm, is not counted


def measure_costs(
    target: CausalModel,
    draft: DraftSource,
    context_ids: Sequence[int],
    k_values: Sequence[int],
    repeats: int = 30,
    seconds: float | None = None,
) -> ForwardTimes:
    """Seconds of single forwards behind ``context_ids``.

    Args:
        target, draft: the two models, sharing a vocabulary, or a target and a drafter.
        context_ids: tokens that both caches hold before each timed forward.
        k_values: draft lengths, each >= 1; the target is timed at widths 1 and K + 1.
        repeats: rounds a K, after a few that are not counted.
        seconds: fewer of them once so much time has passed, but one at least.

    Raises:
        InvalidArgument: no context, or ``repeats`` below 1.
    """
    if not context_ids or repeats < 1:
        raise InvalidArgument(
            f"measure_costs: {len(context_ids)} context tokens, {repeats} repeats; pass at least 1 of each"
        )
    clock = _Clock(require_model(target, "measure_costs"), draft, context_ids, k_values)
    arms, begun = (0, *k_values), time.perf_counter()
    for turn in range(-_WARM_UP, repeats):
        if turn == 0:
            clock.seconds.clear()
        elif turn > 0 and seconds is not None and time.perf_counter() - begun > seconds:
            break
        for k in rotated(arms, turn):
            clock.run_round(k) if k else clock.run_baseline()
    forwards = [TimedForward(name, width, seconds) for (name, width), seconds in clock.seconds.items()]
    return ForwardTimes(len(context_ids), forwards)


def length_costs(times: ForwardTimes) -> LengthCosts:
    """What rounds cost by the medians of forwards: c, and v of every K that was timed."""
    taken = times.medians
    one = taken["target", 1]
    v = {width - 1: cost / one for (model, width), cost in sorted(taken.items()) if model == "target"}
    return LengthCosts(taken["draft", 1] / one, {k: cost for k, cost in v.items() if k})


def open_length(
    spec: LengthSpec,
    target: CausalModel,
    draft: DraftSource,
    context_ids: Sequence[int],
    seconds: float = 2.0,
) -> DraftLength:
    """The policy that ``spec`` names. For one that goes by costs, they are measured here, now.

    Args:
        context_ids: the text behind which forwards are timed; the end of it, where the context is short.
        seconds: how long that should take at most; a slow model needs about forty of its forwards.
    """
    if not isinstance(spec, CostAwareSpec):
        return spec.open()
    limit, room = target.context_length, spec.most + _BASELINE_STEPS
    ids = list(context_ids) if limit is None else list(context_ids)[-max(1, limit - room) :]
    return spec.open(length_costs(measure_costs(target, draft, ids, spec.lengths, seconds=seconds)))


class _Clock:
    """Runs rounds and baseline steps behind one context, and keeps the seconds of each forward."""

    def __init__(
        self,
        target: CausalModel,
        draft: DraftSource,
        context_ids: Sequence[int],
        k_values: Sequence[int],
    ) -> None:
        context, widest = torch.tensor([list(context_ids)]), max(k_values, default=0) + 1
        self.inputs = context.repeat(1, -(-widest // len(context_ids)))
        self.models = {"target": target} | ({"draft": draft} if is_causal_model(draft) else {})
        drafter = as_drafter(draft)
        if len(k_values) > 1:
            tell_lengths(drafter, *k_values)  # a compiled draft has a graph of each, as when decoding
        self.context_ids, self.draft_state = list(context_ids), started(drafter, list(context_ids))
        expect_widths(target, *(k + 1 for k in k_values))
        self.caches = {name: self._forward(name, context, logits_to_keep=1) for name in self.models}
        self._generator = torch.Generator(self.models.get("draft", target).device)
        self.seconds: dict[tuple[str, int], list[float]] = defaultdict(list)

    def run_baseline(self) -> None:
        """A few target forwards of width 1, one behind the other."""
        self.seconds["target", 1] += self._timed("target", 1, _BASELINE_STEPS)[1:]

    def run_round(self, k: int) -> None:
        """K draft forwards, then a target forward of width K + 1."""
        self.seconds["draft", 1] += self._proposal(k) if self._proposes_whole else self._timed("draft", 1, k)
        self.seconds["target", k + 1] += self._timed("target", k + 1, 1)

    @property
    def _proposes_whole(self) -> bool:
        """Whether a proposal is made of no forwards that could be timed one by one."""
        draft = self.models.get("draft")
        compiled = getattr(draft, "compiled", None)
        return draft is None or (compiled is not None and compiled.active)

    def _proposal(self, k: int) -> list[float]:
        """Seconds of a proposal of k tokens, shared out among them."""
        self.draft_state.roll_back(len(self.context_ids) - 1)
        start = cuda_sync_time()
        self.draft_state.propose(self.context_ids, k, _GREEDY, self._generator)
        return [round((cuda_sync_time() - start) / k, 9)] * k

    def _forward(self, name: str, ids: Integer[Tensor, "1 n"], **options: Any) -> Any:
        """One forward, and the cache that it leaves; a draft's logits may be no numbers, as in the loop."""
        with drafting() if name == "draft" else nullcontext():
            return self.models[name].forward(ids.to(self.models[name].device), **options)[1]

    def _timed(self, name: str, width: int, times: int) -> list[float]:
        """Seconds of each of ``times`` forwards that extend a copy of the cache, which stays as it was."""
        model, seconds = self.models[name], []
        cache = model.truncate_cache(self.caches[name], model.get_cache_length(self.caches[name]))
        for _ in range(times):
            start = cuda_sync_time()
            cache = self._forward(name, self.inputs[:, :width], past_key_values=cache)
            seconds.append(round(cuda_sync_time() - start, 9))
        return seconds
