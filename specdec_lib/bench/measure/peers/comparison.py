"""Side by side, in one run: Hugging Face's ``generate`` in its variants and this library's decoders.

What makes it a comparison: the same weights, dtype, prompts and seeds; the same number of tokens from every
arm; all arms of a block back to back, each block starting with the next one; everything compiled before the
clock counts. An arm that cannot run is refused by name and by reason, and the others go on. At temperature 0
each arm's ids are compared with the reference's. Nothing is summarised here: that is
:mod:`specdec_lib.bench.tables.peers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

from specdec_lib.bench.measure.arm import Job
from specdec_lib.bench.measure.costs import measure_costs
from specdec_lib.bench.measure.engines import sentences
from specdec_lib.bench.measure.engines.timed import EngineResult
from specdec_lib.bench.measure.grid import Block, Grid
from specdec_lib.bench.measure.pairs.blocks import block_job, block_record
from specdec_lib.bench.measure.peers.arms import AsNamed, GeneratingArm, make_arms
from specdec_lib.bench.measure.peers.hugging_face import LOOKUP_TOKENS
from specdec_lib.bench.measure.prompts import ChosenPrompts, PromptSet, choose_prompts
from specdec_lib.bench.measure.resume import PromptsByDomain, missing_blocks
from specdec_lib.bench.measure.runner import Outcome, Runner, print_progress
from specdec_lib.bench.measure.session import Session
from specdec_lib.bench.records.identity import first_difference
from specdec_lib.bench.records.kinds import ArmRecord, CostsRecord, PeerRecord, Record
from specdec_lib.bench.records.parts import Facts
from specdec_lib.data.prompts import PromptDataset
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.draft_model import DraftSource
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.evidence.rounding import judge_parting
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.utils.numbers import counted

_WARM_UP_TOKENS = 12


def peer_prompts(
    grid: Grid,
    target: ModelWrapper,
    dataset: PromptDataset | PromptSet,
    report: Callable[[str], None] = print_progress,
) -> ChosenPrompts:
    """As ``choose_prompts``, with room for prompt lookup's last candidates.

    Raises:
        InvalidArgument: a domain holds too few prompts that fit the context.
    """
    return choose_prompts(grid, target, dataset, report, spare=LOOKUP_TOKENS)


class PeerComparison:
    """One session of the comparison, its records appended to one file.

    Args:
        grid: what to run; ``k_values`` are the draft lengths of ours and of assisted generation.
        target, draft: the two models, eager. prompts: tokenised prompts by domain.
        output_path: results file; records are appended as soon as a block is done.
        compile: have the compiled arms too.
        report: called with a line of progress now and then.
        arms: what to compare; by default every arm there is, the reference first.
        resume: continue the newest comparison of that file: what it holds is not run again.

    Raises:
        InvalidArgument: the session to be resumed ran on another machine, with other models, prompts or arms.
    """

    def __init__(
        self,
        grid: Grid,
        target: ModelWrapper,
        draft: ModelWrapper,
        prompts: PromptsByDomain,
        output_path: str | Path,
        compile: bool = True,
        report: Callable[[str], None] = print_progress,
        arms: Sequence[GeneratingArm] | None = None,
        *,
        resume: bool = False,
    ) -> None:
        self.grid, self.target, self.prompts, self.report = grid.over(prompts), target, prompts, report
        chosen = make_arms(target, draft, grid.numbers, compile) if arms is None else arms
        self.arms = [replace(arm, make=partial(AsNamed, arm)) for arm in chosen]
        session = Session(output_path, target, draft, getattr(prompts, "description", None))
        self._runner = Runner(session, grid.pair, report, session.resume("peer") if resume else [])
        self._require_same_arms()

    def warm_up(self) -> list[ArmRecord]:
        """Build every arm and let it run, compile what is to be compiled; one record of kind ``arm`` each.

        A compiled arm runs all that the first repeat will ask of it, the longest text first, and what
        compiled something is run once more: the difference is the time that compiling took. Returns the
        session's records of arms, those before included; of a comparison that is complete none is warmed up.

        Raises:
            UnsoundLogits: the target's logits are no numbers; then no arm says anything, and nothing is kept.
        """
        if self._left():
            first = self.prompts[self.grid.domains[0]][0]
            AutoregressiveDecoder(self.target).generate(first.ids, 1, 0.0, ignore_eos=True)
            for arm in self._runner.allowed(self.arms):
                self._warm_up(arm)
        return self._runner.of_kind(ArmRecord)

    def measure(self) -> list[Record]:
        """The timed runs of all arms that are not refused, every block that is not recorded yet.

        Returns:
            The session's timed runs, those before included; and the arms that were refused meanwhile.
        """
        blocks, recorded, before = self._left(), self._runner.of_kind(PeerRecord), len(self._runner.records)
        if recorded:
            are, left = ("is" if number == 1 else "are" for number in (len(recorded), len(blocks) or 1))
            there = f"{counted(len(recorded), 'run')} {are} recorded already"
            self.report(f"{there}, {counted(len(blocks), 'block') if blocks else 'no block'} {left} left")
        runs = self._runner.run(blocks, lambda _: self.arms, self._job, self._records)
        for done, (block, _, seconds) in enumerate(runs, start=1):
            if block.prompt_index == self.grid.prompts_of(block.domain) - 1:
                domain = block.domain.ljust(max(map(len, self.grid.domains)))
                arms = counted(len(self._runner.allowed(self.arms)), "arm")
                self.report(
                    f"{done:4d}/{counted(len(blocks), 'block')} of {arms}, "
                    f"T = {block.temperature:<4g} {domain}  about {seconds:.0f} s left"
                )
        return [*recorded, *self._runner.records[before:]]

    def costs(self, draft: DraftSource, k_values: Sequence[int], repeats: int) -> list[CostsRecord]:
        """The session's record of what single forwards cost, of kind ``costs``; timed now if there is none.

        The context is the first prompt. See :func:`~specdec_lib.bench.measure.costs.measure_costs`.
        """
        recorded = self._runner.of_kind(CostsRecord)
        if not recorded:
            ids = self.prompts[self.grid.domains[0]][0].ids
            costs = measure_costs(self.target, draft, ids, k_values, repeats)
            recorded = self._runner.append([CostsRecord(pair=self.grid.pair, costs=costs)])
        return recorded

    # -- what is left ----------------------------------------------------------------------

    def _left(self) -> list[Block]:
        arms = {arm.name: arm.facts.draft_length for arm in self._runner.allowed(self.arms)}
        return missing_blocks(self.grid, self.prompts, self._runner.records, arms, PeerRecord)

    def _require_same_arms(self) -> None:
        """Refuse to go on with an arm that has the name of one before, and is another."""
        path = self._runner.session.output_path
        names = sorted(f.name for f in fields(Facts))
        before = {record.decoder: record["arm"] for record in self._runner.of_kind(ArmRecord)}
        for arm in self.arms:
            then = before.get(arm.name, {})  # as its line says: what it does not say, nobody knows
            told = [name for name in names if name in then and then[name] != getattr(arm.facts, name)]
            if changes := [f"{name} was {then[name]!r}" for name in told]:
                raise InvalidArgument(
                    f"resume {path}: {arm.name} is another arm now ({', '.join(changes)}); its "
                    "runs before and now do not pair, so start a new session without resuming"
                )

    # -- warming up ------------------------------------------------------------------------

    def _warm_up(self, arm: GeneratingArm) -> None:
        known = any(record.decoder == arm.name for record in self._runner.of_kind(ArmRecord))
        if arm.facts.compiled:
            self.report(f"{arm.name} is being compiled, a minute or more …")
        warm = self._runner.warm_up(arm, self._warm_up_jobs(arm))
        if warm is None:
            return
        compiling = f", after compiling for {warm.compile_seconds:.1f} s" if arm.facts.compiled else ""
        self.report(f"{arm.name} is warm{compiling}")
        if not known:
            self._runner.append_arm(arm.name, warm)

    def _warm_up_jobs(self, arm: GeneratingArm) -> Iterator[Job]:
        """What an arm is warmed up with."""
        jobs = [self._job(block) for block in self.grid.blocks() if block.repeat == 0]
        jobs.sort(key=lambda job: -len(job.prompt_ids))
        if arm.facts.compiled:
            yield from jobs
            return
        for temperature in self.grid.temperatures:
            longest = next(job for job in jobs if job.temperature == temperature)
            yield longest._replace(max_new_tokens=min(_WARM_UP_TOKENS, self.grid.max_new_tokens))

    # -- one block -------------------------------------------------------------------------

    def _job(self, block: Block) -> Job:
        return block_job(self.grid, self.prompts, block)

    def _records(self, block: Block, outcomes: Sequence[Outcome[GenerationResult]]) -> list[PeerRecord]:
        """One record an arm; greedy ids are held against those of the first autoregressive arm.

        A text that an engine ended by itself is kept as it came, and held against nothing.
        """
        own = [o for o in outcomes if not isinstance(o.result, EngineResult)]
        plain = [o for o in own if o.arm.facts.method == "autoregressive" and block.temperature == 0]
        reference = min(plain, key=lambda outcome: self.arms.index(outcome.arm), default=None)
        records = []
        for outcome in outcomes:
            asked = PeerRecord, self.grid, self.prompts, block, outcome
            record = _by_its_clock(block_record(*asked, new_graphs=outcome.new_graphs), outcome)
            if record.was_cut:
                self._say_cut(record)
            elif reference is not None and outcome is not reference:
                record = self._compared(block, record, reference)
            records.append(record)
        return records

    def _say_cut(self, record: PeerRecord) -> None:
        if record.repeat == 0:
            config, made = record.config, record.result.num_tokens
            whose, asked = (record.decoder, record.prompt_id), (config.temperature, config.max_new_tokens)
            self.report(sentences.WAS_CUT.format(whose[0], whose[1], asked[0], made, asked[1]))

    def _compared(self, block: Block, record: PeerRecord, reference: Outcome[GenerationResult]) -> PeerRecord:
        """Where the ids part; and how far apart the target's logits are there, and whether that is a tie."""
        ours, theirs = record.result, reference.result
        place = first_difference(ours, theirs)
        record = replace(record, reference=reference.arm.name, first_difference=place)
        if place < 0:
            return record
        text = [*self._job(block).prompt_ids, *theirs.generated_ids[:place]]
        found = judge_parting(self.target, text, *(run.generated_ids[place] for run in (ours, theirs)))
        return replace(record, logit_gap=found.gap, tied=found.is_tie)


def _by_its_clock(record: PeerRecord, outcome: Outcome[GenerationResult]) -> PeerRecord:
    """The record with what only an engine's result tells: whose it is, and its own seconds."""
    result = outcome.result
    if not isinstance(result, EngineResult):
        return record
    told = {"prompt_seconds": result.prompt_seconds, "decode_seconds": result.decode_seconds}
    return replace(record, result=result.plain, engine=outcome.arm.facts.library, **told)
