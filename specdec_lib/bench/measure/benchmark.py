"""The benchmark of a pair: plain decoding beside speculation at every draft length, then what its parts cost.

What makes the numbers comparable: the order of :mod:`specdec_lib.bench.measure.runner`; every run emits
exactly ``max_new_tokens`` tokens (EOS is ignored) from a decoder made for that run, so no draft is warm;
timed runs never synchronise in the middle, because phases are measured in runs of their own, marked
``profile``. At temperature 0 each arm's ids are compared with the baseline's. How a number is summarised says
:mod:`specdec_lib.bench.tables.summary`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from specdec_lib.bench.measure.arm import Arm, Engine, Job
from specdec_lib.bench.measure.costs import length_costs
from specdec_lib.bench.measure.grid import ArmKey, Block, Grid
from specdec_lib.bench.measure.pairs.blocks import block_job, block_record, in_batches
from specdec_lib.bench.measure.pairs.costs import forward_times
from specdec_lib.bench.measure.pairs.stages import Stages
from specdec_lib.bench.measure.pairs.way import Way
from specdec_lib.bench.measure.resume import PromptsByDomain, missing_blocks, missing_profiles, refusals
from specdec_lib.bench.measure.runner import Outcome, Runner, print_progress
from specdec_lib.bench.measure.session import Session
from specdec_lib.bench.records.generations import AnyRun, decode_phases, first_rounds
from specdec_lib.bench.records.identity import first_difference
from specdec_lib.bench.records.kinds import ArmRecord, CostsRecord, ProfileRecord, RunRecord, StagesRecord
from specdec_lib.bench.records.parts import RecordedArm
from specdec_lib.bench.records.schema import OURS
from specdec_lib.decoding.draft_length import DraftLength
from specdec_lib.decoding.drafters.base import Drafter
from specdec_lib.decoding.lengths import read_length
from specdec_lib.decoding.lengths.specs import CostAwareSpec
from specdec_lib.errors import SpecDecError
from specdec_lib.models.base import is_causal_model
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.utils.numbers import counted

_WARM_UP_TOKENS = 12


class Benchmark:
    """One session of measurements on one pair, its records appended to one file.

    Args:
        grid: what to run.
        target, draft: the two models, or a target and a drafter of one's own.
        prompts: tokenised prompts by domain, at least ``grid.num_prompts`` each; where the grid has a number
            for each domain, those that there are.
        output_path: results file; records are appended as soon as a block is done.
        report: called with a line of progress now and then.
        resume: continue the newest session of that file: what it holds is not measured again.
        way: how both arms decode; None is this library's, token by token, one text at a time.

    Raises:
        InvalidArgument: an arm that its engine cannot run; or the session to be resumed ran on another
            machine, or with other models.
    """

    def __init__(
        self,
        grid: Grid,
        target: ModelWrapper,
        draft: ModelWrapper | Drafter,
        prompts: PromptsByDomain,
        output_path: str | Path,
        report: Callable[[str], None] = print_progress,
        *,
        resume: bool = False,
        way: Way | None = None,
    ) -> None:
        self.way, self.target, self.draft = way or Way(), target, draft
        self.way.require(draft, grid.k_values, target.compiled is not None)
        described, batch = getattr(prompts, "description", None), self.way.batch
        if batch > 1:
            prompts = {domain: in_batches(of_domain, batch) for domain, of_domain in prompts.items()}
            grid = grid.with_prompts({domain: len(prompts[domain]) for domain in grid.domains})
        self.grid, self.prompts, self.report = grid.over(prompts), prompts, report
        self.output_path = Path(output_path)
        session = Session(output_path, target, draft, described)
        self._runner = Runner(session, grid.pair, report, session.resume("run") if resume else [])
        self._arms, self._rounds = self._made(profile=False), list[list[float]]()

    @property
    def num_left(self) -> int:
        """Timed runs that are not recorded yet.

        Raises:
            InvalidArgument: the session to be resumed ran other draft lengths.
        """
        return len(self._blocks_left()) * len(self._runner.allowed(self._arms))

    def warm_up(self) -> None:
        """A short generation with every arm at every temperature, recorded nowhere.

        Of a session that is complete already, none. A draft length that goes by costs has them measured
        first; what a policy's arm is gets a record of its own, once a session.
        """
        if not (self.num_left or self._profiles_left() or self._costs_left):
            return
        ids = self.prompts[self.grid.domains[0]][0].asked
        jobs = [Job(ids, _WARM_UP_TOKENS, temperature, 0) for temperature in self.grid.temperatures]
        known = {record.decoder for record in self._runner.of_kind(ArmRecord)}
        for arm in self._runner.allowed(self._arms):
            spent = self._runner.warm_up(arm, jobs)
            if spent is not None and arm.facts.options and arm.name not in known:
                self._runner.append_arm(arm.name, spent)

    def measure(self) -> list[RunRecord]:
        """The timed runs: every block that is not recorded yet. Returns the session's, those before included.

        Raises:
            InvalidArgument: the session to be resumed ran other draft lengths.
            SpecDecError: every arm was refused.
        """
        blocks, recorded = self._blocks_left(), len(self._runner.of_kind(RunRecord))
        total = len(blocks) * (each := len(self._runner.allowed(self._arms)))
        if recorded:
            are, left = ("is" if number == 1 else "are" for number in (recorded, total))
            there = f"{counted(recorded, 'run')} {are} recorded already"
            self.report(f"{there}, {total or 'none'} {left} left")
        if blocks:
            self.report(self._row("runs", "T", "tokens/s", *(arm.name for arm in self._arms), "left"))
        runs = self._runner.run(blocks, lambda _: self._arms, self._job, partial(self._records, RunRecord))
        for done, (block, _, seconds) in enumerate(runs, start=1):
            if block.prompt_index == self.grid.prompts_of(block.domain) - 1:
                timed = self._runner.of_kind(RunRecord)
                rates = (_rate(timed, block, arm.name) for arm in self._arms)
                place = f"{block.temperature:g}", block.domain
                self.report(self._row(f"{done * each}/{total}", *place, *rates, f"{seconds:.0f} s"))
        if not self._runner.allowed(self._arms):
            *_, last = refusals(self._runner.records)
            why = last.arm.refused
            raise SpecDecError(f"benchmark: every arm was refused, the last of them for this reason: {why}")
        return self._runner.of_kind(RunRecord)

    def profile(self, prompts_per_domain: int = 1) -> list[ProfileRecord]:
        """Runs of kind ``profile``, which synchronise to time the phases of each round.

        There are none of a batch, or of somebody else's engine.
        """
        if not self.way.is_plain:
            return []
        kept, records = partial(self._records, ProfileRecord), []
        arms = self._made(profile=True)
        for temperature, blocks in groupby(self._profiles_left(prompts_per_domain), lambda b: b.temperature):
            for _, appended, _ in self._runner.run(list(blocks), lambda _: arms, self._job, kept):
                records += appended
            self.report(f"profiled rounds at temperature {temperature:g}")
        return records

    def measure_costs(self, repeats: int = 30, seconds: float | None = None) -> list[CostsRecord]:
        """One record of kind ``costs``: seconds of single forwards by width, for c and v(K); of as many texts
        as a batch has; in ``seconds`` at most, if given. None of somebody else's engine."""
        if not self._costs_left or not self._can_be_timed:
            return []
        ids = [i for domain in self.grid.domains for prompt in self.prompts[domain] for i in prompt.ids]
        lengths = self.grid.timed_lengths
        texts = self.way.batch * sum(map(len, self.prompts.values()))
        context = len(ids) // texts + self.grid.max_new_tokens // 2
        if self.target.context_length is not None:
            context = max(1, min(context, self.target.context_length - max(lengths) - 4))
        ids = (ids * (context // len(ids) + 1))[:context]
        costs = forward_times(self.target, self.draft, ids, lengths, repeats, self.way.batch, seconds)
        self.report(f"timed single forwards behind {context} tokens of context")
        return self._runner.append([CostsRecord(pair=self.grid.pair, costs=costs)])

    def _row(self, *cells: str) -> str:
        """A row of the table of progress, below its headings: runs, T, domain, a rate an arm, time left."""
        temperatures, domains = (f"{t:g}" for t in self.grid.temperatures), ("tokens/s", *self.grid.domains)
        runs = max(len("runs"), 2 * len(str(self.grid.num_runs)) + 1)
        widths = [f">{runs}", f">{max(map(len, temperatures))}", f"<{max(map(len, domains))}"]
        widths += [f">{max(5, len(arm.name))}" for arm in self._arms]
        return "  ".join(f"{cell:{width}}" for cell, width in zip(cells, [*widths, ">6"], strict=True))

    def append_stages(self, stages: Stages) -> None:
        """One record of what the arms are, and of what the stages of the session took."""
        arms = {arm.name: RecordedArm.of(arm.facts).to_dict() for arm in self._arms}
        told = {"seconds": stages.seconds, "memory_mb": stages.memory_mb, "rounds": self._rounds or None}
        self._runner.append([StagesRecord(pair=self.grid.pair, arms=arms, **told)])

    # -- what is left ----------------------------------------------------------------------

    def _blocks_left(self) -> list[Block]:
        return missing_blocks(self.grid, self.prompts, self._runner.records)

    def _profiles_left(self, prompts_per_domain: int = 1) -> list[Block]:
        return missing_profiles(self.grid, self.prompts, self._runner.records, prompts_per_domain)

    @property
    def _can_be_timed(self) -> bool:
        """Whether forwards are ours, and in a batch a model's."""
        return self.way.engine == OURS and (self.way.batch == 1 or is_causal_model(self.draft))

    @property
    def _costs_left(self) -> bool:
        return not self._runner.of_kind(CostsRecord)

    # -- one block -------------------------------------------------------------------------

    def _made(self, profile: bool) -> list[Arm[GenerationResult]]:
        """The arms, in the grid's order."""
        arms = []
        for key, config in zip(self.grid.arms, self.grid.cells(), strict=False):  # of the first place
            draft = self.draft if config.K else None
            policy = {"draft_length": config.policy} if config.policy else {}
            compiled = self.target.compiled is not None
            facts = self.way.facts(self.target, draft, config.K, compiled, **policy)
            arms.append(Arm(config.decoder_label, facts, partial(self._engine, key, draft, profile)))
        return arms

    def _engine(
        self, key: ArmKey, draft: ModelWrapper | Drafter | None, profile: bool
    ) -> Engine[GenerationResult]:
        length = self._policy(key) if isinstance(key, str) else key
        return self.way.engine_for(self.target, draft, length, profile)

    def _policy(self, name: str) -> DraftLength:
        """The policy; one that goes by costs takes the session's, measured now if they are not yet."""
        spec = read_length(name)
        if not isinstance(spec, CostAwareSpec):
            return spec.open()
        self.measure_costs()
        return spec.open(length_costs(self._runner.of_kind(CostsRecord)[-1].costs))

    def _job(self, block: Block) -> Job:
        return block_job(self.grid, self.prompts, block)

    def _records(
        self, kind: type[AnyRun], block: Block, outcomes: Sequence[Outcome[GenerationResult]]
    ) -> list[AnyRun]:
        baseline = next((o.result for o in outcomes if not o.arm.facts.k and block.temperature == 0), None)
        records = []
        for outcome in outcomes:
            more: dict[str, Any] = {}
            if outcome.arm.facts.k and baseline is not None:
                more["first_difference"] = first_difference(outcome.result, baseline)
            if kind is ProfileRecord:
                rounds = outcome.result.trace.rounds
                more["phases"] = decode_phases(rounds)
                self._rounds = self._rounds or (first_rounds(rounds) if outcome.arm.facts.k else [])
            records.append(block_record(kind, self.grid, self.prompts, block, outcome, **more))
        return records


def _rate(runs: Sequence[RunRecord], block: Block, arm: str) -> str:
    """Tokens a second of an arm in the blocks of one domain that were just finished, total over total."""
    place = arm, block.repeat, block.temperature, block.domain
    results = [
        r.result for r in runs if (r.decoder, r.repeat, r.config.temperature, r.config.prompt_domain) == place
    ]
    tokens, seconds = sum(r.num_tokens for r in results), sum(r.total_time for r in results)
    return f"{tokens / seconds:.0f}" if seconds > 0 else "–"
