"""Side by side, in one run: Hugging Face's ``generate`` in its variants and this library's decoders.

What makes it a comparison: the same weights, dtype, prompts and seeds; the same number of tokens from every
arm; all arms of a block back to back, each block starting with the next one; everything compiled before the
clock counts. An arm that cannot run is refused by name and by reason, and the others go on. At temperature 0
each arm's ids are compared with the reference's. Nothing is summarised here: that is
:mod:`specdec_lib.bench.tables.peers`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from specdec_lib.bench.measure.grid import Block, Grid, rotated
from specdec_lib.bench.measure.peers.arms import Arm, make_arms
from specdec_lib.bench.measure.peers.hugging_face import LOOKUP_TOKENS
from specdec_lib.bench.measure.prompts import ChosenPrompts, PromptSet, choose_prompts
from specdec_lib.bench.measure.runner import over_prompts, print_progress
from specdec_lib.bench.measure.session import Session
from specdec_lib.bench.notebook.execute import first_line
from specdec_lib.bench.records.generations import TokenisedPrompt, run_record
from specdec_lib.bench.records.identity import first_difference
from specdec_lib.bench.records.schema import Record
from specdec_lib.data.prompts import PromptDataset
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.errors import SpecDecError, UnsoundLogits
from specdec_lib.lossless.evidence.rounding import judge_parting
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.utils.numbers import counted

_WARM_UP_TOKENS = 12
_LONGEST_REASON = 200
_NOT_COMPILED = "it ran, but without compiled code: torch.compile gave up or was not asked"


class ArmRefused(SpecDecError):
    """An arm that ran, but not as its name says."""


def peer_prompts(grid: Grid, target: ModelWrapper, dataset: PromptDataset | PromptSet) -> ChosenPrompts:
    """As ``choose_prompts``, with room for prompt lookup's last candidates.

    Raises:
        InvalidArgument: a domain holds too few prompts that fit the context.
    """
    roomy = replace(grid, max_new_tokens=grid.max_new_tokens + LOOKUP_TOKENS)
    return choose_prompts(roomy, target, dataset)


class PeerComparison:
    """One session of the comparison, its records appended to one file.

    Args:
        grid: what to run; ``k_values`` are the draft lengths of ours and of assisted generation.
        target, draft: the two models, eager. prompts: tokenised prompts by domain.
        output_path: results file; records are appended as soon as a block is done.
        compile: have the compiled arms too.
        report: called with a line of progress now and then.
        arms: what to compare; by default every arm there is, the reference first.
    """

    def __init__(
        self,
        grid: Grid,
        target: ModelWrapper,
        draft: ModelWrapper,
        prompts: Mapping[str, Sequence[TokenisedPrompt]],
        output_path: str | Path,
        compile: bool = True,
        report: Callable[[str], None] = print_progress,
        arms: Sequence[Arm] | None = None,
    ) -> None:
        self.grid, self.target, self.prompts, self.report = (
            over_prompts(grid, prompts),
            target,
            prompts,
            report,
        )
        self.arms = list(make_arms(target, draft, grid.k_values, compile) if arms is None else arms)
        self.output_path = Path(output_path)
        self._session = Session(output_path, target, draft, getattr(prompts, "description", None))
        self._running: dict[str, Callable[..., GenerationResult]] = {}

    def warm_up(self) -> list[Record]:
        """Build every arm and let it run, compile what is to be compiled; one record of kind ``arm`` each.

        A compiled arm runs all that the first repeat will ask of it, the longest text first, and what
        compiled something is run once more: the difference is the time that compiling took.

        Raises:
            UnsoundLogits: the target's logits are no numbers; then no arm says anything, and nothing is kept.
        """
        first = self.prompts[self.grid.domains[0]][0]
        AutoregressiveDecoder(self.target).generate(first.ids, 1, 0.0, ignore_eos=True)
        return [record for arm in self.arms for record in self._warm_up(arm)]

    def measure(self) -> list[Record]:
        """The timed runs of all arms that are not refused; returns the records that were appended."""
        start, blocks = time.perf_counter(), list(self.grid.blocks())
        records: list[Record] = []
        for done, block in enumerate(blocks, start=1):
            records += self._run_block(done - 1, block)
            if block.prompt_index == self.grid.prompts_of(block.domain) - 1:
                left = (time.perf_counter() - start) * (len(blocks) / done - 1)
                domain = block.domain.ljust(max(map(len, self.grid.domains)))
                self.report(
                    f"{done:4d}/{counted(len(blocks), 'block')} of {counted(len(self._running), 'arm')}, "
                    f"T={block.temperature:g}, {domain}  about {left:.0f} s left"
                )
        return records

    # -- warming up ------------------------------------------------------------------------

    def _warm_up(self, arm: Arm) -> list[Record]:
        before = compiled_graphs()
        if arm.compiled:
            self.report(f"{arm.name} is being compiled, a minute or more …")
        try:
            run = arm.build()
            spent = self._first_runs(arm, run)
            if arm.compiled and not (compiled_graphs() > before or run.has_graphs):
                raise ArmRefused(_NOT_COMPILED)
        except UnsoundLogits:
            raise
        except Exception as error:  # a comparison must not end because one arm cannot run
            return self._refuse(arm, error)
        self._running[arm.name] = run
        compiling = f", after compiling for {spent['compile_seconds']:.1f} s" if arm.compiled else ""
        self.report(f"{arm.name} is warm{compiling}")
        return self._append_arm(arm, spent)

    def _first_runs(self, arm: Arm, run: Callable[..., GenerationResult]) -> dict[str, float]:
        total = compiling = 0.0
        for block, tokens in self._requests(arm):
            before = compiled_graphs()
            first = self._generate(arm, run, block, tokens).total_time
            total += first
            if arm.compiled and compiled_graphs() > before:
                compiling += max(0.0, first - self._generate(arm, run, block, tokens).total_time)
        return {"warm_up_seconds": round(total, 6), "compile_seconds": round(compiling, 6)}

    def _requests(self, arm: Arm) -> Iterator[tuple[Block, int]]:
        """What an arm is warmed up with: blocks, and how many tokens of each."""
        blocks = [block for block in self.grid.blocks() if block.repeat == 0]
        blocks.sort(key=lambda block: -len(self._prompt(block).ids))
        if arm.compiled:
            yield from ((block, self.grid.max_new_tokens) for block in blocks)
            return
        for temperature in self.grid.temperatures:
            longest = next(block for block in blocks if block.temperature == temperature)
            yield longest, min(_WARM_UP_TOKENS, self.grid.max_new_tokens)

    def _refuse(self, arm: Arm, error: Exception) -> list[Record]:
        reason = _reason(error)
        self.report(f"{arm.name} is refused: {reason}")
        return self._append_arm(arm, {"refused": reason})

    def _append_arm(self, arm: Arm, more: Mapping[str, Any]) -> list[Record]:
        record = {"kind": "arm", "pair": self.grid.pair, "decoder": arm.name}
        return self._session.append([record | {"arm": arm.describe() | dict(more)}])

    # -- one block -------------------------------------------------------------------------

    def _run_block(self, turn: int, block: Block) -> list[Record]:
        arms = [arm for arm in self.arms if arm.name in self._running]
        results: dict[str, GenerationResult] = {}
        refused, records = [], []
        for index in rotated(range(len(arms)), turn):
            arm, before = arms[index], compiled_graphs()
            try:
                result = self._generate(arm, self._running[arm.name], block, self.grid.max_new_tokens)
            except UnsoundLogits:
                raise
            except Exception as error:  # as above
                del self._running[arm.name]
                refused += self._refuse(arm, error)
                continue
            results[arm.name] = result
            counts = {"turn": len(records), "new_graphs": compiled_graphs() - before}
            records.append(self._record(arm, block, result) | counts)
        if block.temperature == 0:
            self._compare(arms, block, results, records)
        return refused + self._session.append(records)

    def _prompt(self, block: Block) -> TokenisedPrompt:
        return self.prompts[block.domain][block.prompt_index]

    def _generate(self, arm: Arm, run: Any, block: Block, tokens: int) -> GenerationResult:
        """One run, which must have emitted exactly that many tokens, counted by id, and be what it is called.

        Arms may share a compiler that gives up for all of them, also in the middle of the timed runs.
        """
        result = run(self._prompt(block).ids, tokens, block.temperature, block.seed)
        if arm.compiled and run.fell_back:
            raise ArmRefused(_NOT_COMPILED)
        if result.num_tokens != tokens:
            raise ArmRefused(f"it emitted {result.num_tokens} of {tokens} tokens, so its time says nothing")
        return result

    def _record(self, arm: Arm, block: Block, result: GenerationResult) -> Record:
        config = self.grid.config(arm.k, block.temperature, block.domain)
        return run_record("peer", arm.name, config, self._prompt(block), block.repeat, block.seed, result)

    # -- identity --------------------------------------------------------------------------

    def _compare(
        self,
        arms: Sequence[Arm],
        block: Block,
        results: Mapping[str, GenerationResult],
        records: Sequence[Record],
    ) -> None:
        """Note in each record where its ids first differ from those of the first autoregressive arm."""
        plain = (arm.name for arm in arms if arm.method == "autoregressive" and arm.name in results)
        reference = next(plain, None)
        for record in records:
            if reference is None or record["decoder"] == reference:
                continue
            ours, theirs = results[record["decoder"]], results[reference]
            place = first_difference(ours, theirs)
            record |= {"first_difference": place, "reference": reference}
            if place >= 0:
                record |= self._judged(self._prompt(block).ids, ours, theirs, place)

    def _judged(
        self, prompt_ids: Sequence[int], ours: GenerationResult, theirs: GenerationResult, place: int
    ) -> dict[str, Any]:
        """How far apart the target's logits of the two tokens are, and whether rounding explains it."""
        text = [*prompt_ids, *theirs.generated_ids[:place]]
        found = judge_parting(self.target, text, *(run.generated_ids[place] for run in (ours, theirs)))
        return {"logit_gap": found.gap, "tied": found.is_tie}


def compiled_graphs() -> int:
    """Graphs that torch has compiled in this process, 0 where its compiler was never loaded."""
    utils = sys.modules.get("torch._dynamo.utils")
    return 0 if utils is None else int(utils.counters["stats"]["unique_graphs"])


def _reason(error: Exception) -> str:
    """One line: what was raised, and the first line of what it says."""
    name = "" if isinstance(error, SpecDecError) else f"{type(error).__name__}: "
    return f"{name}{first_line(str(error))}"[:_LONGEST_REASON]
