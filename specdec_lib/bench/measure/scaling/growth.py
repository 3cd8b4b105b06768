"""The growth of a step's and of a round's time, measured: with the context, with K, with the target's depth.

A block is one value of one axis. All its arms run in it one after the other, each block starting with the
next arm, and every repeat goes through all values, so that drift slows all of them alike. The first round,
which reads the prompt, is left out, and so are the last ones, for which fewer than K drafts have room.

Costs are those of the architecture. Where a context is longer than the models were trained for, their limit
is raised: the times are real, and the text means nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

from specdec_lib.bench.measure.arm import Arm, Job
from specdec_lib.bench.measure.resume import Asked, blocks_left, growth_keys, require_same
from specdec_lib.bench.measure.runner import Outcome, Runner
from specdec_lib.bench.measure.scaling.arms import Seconds, lengthened, scaling_arms
from specdec_lib.bench.measure.session import Session
from specdec_lib.bench.records.kinds import Record, ScalingRecord
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper

_ROUNDS = 4
"""Rounds that a timed generation has room for at least."""
_SPARE = 64
NUMBERS, AXES = ("k", "context", "new_tokens", "repeats"), ("contexts", "k_values", "depths")
"""Settings of a plan, and the axes along which it varies them."""


@dataclass(frozen=True)
class GrowthBlock:
    """One value of one axis, in one repeat, with its settings; ``turn`` is its place in the whole order."""

    vary: str
    value: int
    repeat: int
    k: int
    context: int
    depth: int
    turn: int


@dataclass(frozen=True)
class GrowthPlan:
    """What to measure. An axis without values is left out.

    Args:
        contexts: tokens of text before the first timed round.
        k_values: draft lengths.
        depths: layers of the target that are kept, the first ones.
        k: drafts a round where K does not vary. context: tokens of text where the context does not vary.
        new_tokens: tokens that a timed generation emits at least.
        repeats: times that each block is run.
        compile: at each depth have our compiled step too.
    """

    contexts: tuple[int, ...] = (128, 256, 512, 1024, 2048, 4096, 8192)
    k_values: tuple[int, ...] = tuple(range(1, 17))
    depths: tuple[int, ...] = ()
    k: int = 4
    context: int = 256
    new_tokens: int = 32
    repeats: int = 3
    compile: bool = False

    def __post_init__(self) -> None:
        for name in (*NUMBERS, *AXES):
            held = getattr(self, name)
            number = min(held, default=1) if name in AXES else held
            if number < 1:
                raise InvalidArgument(f"scaling: {name} holds {number}; pass whole numbers >= 1")

    @property
    def longest(self) -> int:
        """Positions that a model must have for all of it."""
        most = max((self.k, *self.k_values))
        return max((self.context, *self.contexts)) + self.tokens(most) + _SPARE

    def tokens(self, k: int) -> int:
        """Tokens to emit at ``k`` drafts a round."""
        return max(self.new_tokens, _ROUNDS * (k + 1))

    def blocks(self, depth: int = 0) -> list[GrowthBlock]:
        """Every block, in the order in which they run; ``depth`` is the target's, where it does not vary."""
        axes = {"context": self.contexts, "k": self.k_values, "depth": self.depths}
        points = [(vary, value) for vary, values in axes.items() for value in values]
        settings = {"k": self.k, "context": self.context, "depth": depth}
        return [
            GrowthBlock(vary, value, repeat, turn=turn, **(settings | {vary: value}))
            for turn, (repeat, (vary, value)) in enumerate(itertools.product(range(self.repeats), points))
        ]


class Scaling:
    """One session of these measurements; a record is appended as soon as its block is done.

    Args:
        pair: name of the pair, for the records. target, draft: its models, eager; they stay as they are.
        text_ids: any text; it is repeated to the length asked for.
        output_path: results file; records are appended as soon as a block is done.
        report: called with a line of progress now and then.
        resume: continue the newest session of growth in that file: blocks that it holds are not run again.

    Raises:
        InvalidArgument: the text is empty, or the session to be resumed ran on another machine or with other
            models; and :meth:`measure`, that it emitted another number of tokens, or ran other arms.
    """

    def __init__(
        self,
        plan: GrowthPlan,
        pair: str,
        target: ModelWrapper,
        draft: ModelWrapper,
        text_ids: Sequence[int],
        output_path: str | Path,
        report: Callable[[str], None] = lambda line: print(f"[scaling] {line}", flush=True),
        *,
        resume: bool = False,
    ) -> None:
        if not text_ids:
            raise InvalidArgument("scaling: the text is empty; give at least one token")
        self.plan, self.pair, self.report = plan, pair, report
        self.trained = target.context_length
        self.target, self.draft = (lengthened(model, plan.longest) for model in (target, draft))
        self.text_ids, self.output_path = list(text_ids), Path(output_path)
        session = Session(output_path, target, draft)
        self._runner = Runner(session, pair, report, session.resume("scaling") if resume else [])
        self._blocks = plan.blocks(target.config.num_hidden_layers)
        self._arms_of = cache(partial(scaling_arms, self.target, self.draft, compile=plan.compile))

    def measure(self) -> list[Record]:
        """Every block that the file does not hold yet; returns the records that were appended."""
        blocks, before = self._left(), len(self._runner.records)
        if known := len(self._blocks) - len(blocks):
            self.report(f"{known} blocks are there already, {len(blocks)} are left")
        for block in self._colds(blocks):
            for arm in self._runner.allowed(self._arms(block)):
                self._runner.warm_up(arm, [self._job(block)])  # what only the first call pays is not kept
        runs = self._runner.run(blocks, self._arms, self._job, self._records)
        for done, (block, records, _) in enumerate(runs, start=1):
            for record in records:
                self.report(f"{done:3d}/{len(blocks)} {_told(block, record.seconds)}")
        return self._runner.records[before:]

    def records(self) -> list[ScalingRecord]:
        """The session's records of what the plan asks for, those that were there included."""
        keys = {key for block in self._blocks for key in self._asked(block).keys.values()}
        recorded = self._runner.of_kind(ScalingRecord)
        return [record for record in recorded if not keys.isdisjoint(growth_keys(record, record.seconds))]

    def _left(self) -> list[GrowthBlock]:
        """Blocks that are not recorded yet; nor those of which every arm is refused."""
        recorded = self._runner.of_kind(ScalingRecord)
        for record in recorded:
            k = record.k or 0
            require_same(f"new_tokens at K = {k}", self.plan.tokens(k), [record.new_tokens])
        keys = {key for record in recorded for key in growth_keys(record, record.seconds)}
        return blocks_left(self._blocks, self._asked, keys)

    def _asked(self, block: GrowthBlock) -> Asked:
        names = [arm.name for arm in self._runner.allowed(self._arms(block))]
        keys = growth_keys(self._record(block, {}), names)
        return Asked(f"{block.vary} {block.value}", "arms", dict(zip(map(repr, names), keys, strict=True)))

    def _colds(self, blocks: Sequence[GrowthBlock]) -> list[GrowthBlock]:
        """One block an axis; of the depth every one, because each has a model of its own."""
        keys = {(block.vary, block.value if block.vary == "depth" else 0): block for block in blocks[::-1]}
        return list(keys.values())[::-1]

    def _arms(self, block: GrowthBlock) -> list[Arm[Seconds]]:
        return self._arms_of(block.vary, block.k, block.depth)

    def _job(self, block: GrowthBlock) -> Job:
        ids = (self.text_ids * (block.context // len(self.text_ids) + 1))[: block.context]
        return Job(ids, self.plan.tokens(block.k), temperature=0.0, seed=0)

    def _record(self, block: GrowthBlock, seconds: Seconds) -> ScalingRecord:
        asked = {name: value for name, value in asdict(block).items() if name != "turn"}
        return ScalingRecord(
            pair=self.pair,
            **asked,
            new_tokens=self.plan.tokens(block.k),
            beyond_training=self.trained is not None and block.context > self.trained,
            seconds=seconds,
        )

    def _records(self, block: GrowthBlock, outcomes: Sequence[Outcome[Seconds]]) -> list[ScalingRecord]:
        """One record of all that the block timed, or none where every arm was refused."""
        seconds = dict(sorted(timed for outcome in outcomes for timed in outcome.result.items()))
        return [self._record(block, seconds)] if outcomes else []


def _told(block: GrowthBlock, seconds: Mapping[str, list[float]]) -> str:
    medians = (f"{name} {1e3 * sorted(s)[len(s) // 2]:.1f} ms" for name, s in seconds.items() if s)
    return f"repeat {block.repeat + 1}, {block.vary} {block.value}: {', '.join(medians)}"
