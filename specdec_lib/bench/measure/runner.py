"""The benchmark itself: warm up, time every arm of a block back to back, profile apart, append records.

What makes the numbers comparable: all arms of a block run one after the other in rotating order;
every run emits exactly ``max_new_tokens`` tokens (EOS is ignored) from a decoder made for that
run, so no draft is warm; timed runs never synchronise in the middle, because phases are measured
in runs of their own, marked ``profile``. At temperature 0 each arm's ids are compared with the
baseline's. It does not know how a number is summarised: that is :mod:`specdec_lib.bench.tables.summary`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from specdec_lib.bench.measure.costs import measure_costs
from specdec_lib.bench.measure.grid import Block, Grid
from specdec_lib.bench.measure.resume import missing_blocks, missing_profiles
from specdec_lib.bench.measure.session import Session
from specdec_lib.bench.records.generations import TokenisedPrompt, decode_phases, run_record
from specdec_lib.bench.records.identity import first_difference
from specdec_lib.bench.records.schema import Record
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.base import Drafter
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.utils.numbers import counted

_WARM_UP_TOKENS = 12


def print_progress(line: str) -> None:
    """One line of progress, at once."""
    print(f"[bench] {line}", flush=True)


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

    Raises:
        InvalidArgument: the session to be resumed ran on another machine, or with other models.
    """

    def __init__(
        self,
        grid: Grid,
        target: ModelWrapper,
        draft: ModelWrapper | Drafter,
        prompts: Mapping[str, Sequence[TokenisedPrompt]],
        output_path: str | Path,
        report: Callable[[str], None] = print_progress,
        *,
        resume: bool = False,
    ) -> None:
        self.grid, self.target, self.draft = over_prompts(grid, prompts), target, draft
        self.prompts, self.output_path, self.report = prompts, Path(output_path), report
        self._session = Session(output_path, target, draft, getattr(prompts, "description", None))
        self._recorded = self._session.resume() if resume else []

    @property
    def num_left(self) -> int:
        """Timed runs that are not recorded yet.

        Raises:
            InvalidArgument: the session to be resumed ran other draft lengths.
        """
        return sum(len(block.arms) for block in self._blocks_left())

    def warm_up(self) -> None:
        """A short generation with every arm at every temperature, recorded nowhere.

        Of a session that is complete already, none.
        """
        if not (self.num_left or self._profiles_left() or self._costs_left):
            return
        prompt = self.prompts[self.grid.domains[0]][0]
        for temperature in self.grid.temperatures:
            for arm in self.grid.arms:
                self._generate(arm, prompt, temperature, seed=0, max_new_tokens=_WARM_UP_TOKENS)

    def measure(self) -> list[Record]:
        """The timed runs: every block that is not recorded yet. Returns the session's, those before included.

        Raises:
            InvalidArgument: the session to be resumed ran other draft lengths.
        """
        blocks = self._blocks_left()
        records = [record for record in self._recorded if record["kind"] == "run"]
        start, done, total = time.perf_counter(), 0, sum(len(block.arms) for block in blocks)
        if records:
            are, left = ("is" if number == 1 else "are" for number in (len(records), total))
            there = f"{counted(len(records), 'run')} {are} recorded already"
            self.report(f"{there}, {total or 'none'} {left} left")
        for block in blocks:
            records += self._session.append(self._run_block(block))
            done += len(block.arms)
            if block.prompt_index == self.grid.prompts_of(block.domain) - 1:
                left = (time.perf_counter() - start) * (total / done - 1)
                self.report(_progress(block, records, done, total, left, max(map(len, self.grid.domains))))
        return records

    def profile(self, prompts_per_domain: int = 1) -> list[Record]:
        """Runs of kind ``profile``, which synchronise to time the phases of each round."""
        records: list[Record] = []
        for temperature, blocks in groupby(self._profiles_left(prompts_per_domain), lambda b: b.temperature):
            for block in blocks:
                records += self._session.append(self._profile_block(block))
            self.report(f"profiled rounds at temperature {temperature:g}")
        return records

    def measure_costs(self, repeats: int = 30) -> list[Record]:
        """One record of kind ``costs``: seconds of single forwards by width, for c and v(K)."""
        if not self._costs_left:
            return []
        ids = [i for domain in self.grid.domains for prompt in self.prompts[domain] for i in prompt.ids]
        context = len(ids) // sum(map(len, self.prompts.values())) + self.grid.max_new_tokens // 2
        if self.target.context_length is not None:
            context = max(1, min(context, self.target.context_length - max(self.grid.k_values) - 4))
        ids = (ids * (context // len(ids) + 1))[:context]
        costs = measure_costs(self.target, self.draft, ids, self.grid.k_values, repeats)
        self.report(f"timed single forwards behind {context} tokens of context")
        record = {"kind": "costs", "pair": self.grid.pair, "costs": costs}
        return self._session.append([record])

    # -- what is left ----------------------------------------------------------------------

    def _blocks_left(self) -> list[Block]:
        return missing_blocks(self.grid, self.prompts, self._recorded)

    def _profiles_left(self, prompts_per_domain: int = 1) -> list[Block]:
        return missing_profiles(self.grid, self.prompts, self._recorded, prompts_per_domain)

    @property
    def _costs_left(self) -> bool:
        return not any(record["kind"] == "costs" for record in self._recorded)

    # -- one block -------------------------------------------------------------------------

    def _run_block(self, block: Block) -> list[Record]:
        prompt = self.prompts[block.domain][block.prompt_index]
        results = {arm: self._generate(arm, prompt, block.temperature, block.seed) for arm in block.arms}
        return self._records("run", block, results)

    def _profile_block(self, block: Block) -> list[Record]:
        prompt = self.prompts[block.domain][block.prompt_index]
        results = {
            arm: self._generate(arm, prompt, block.temperature, block.seed, profile=True)
            for arm in block.arms
        }
        records = self._records("profile", block, results)
        for record, result in zip(records, results.values(), strict=True):
            record["phases"] = decode_phases(result.trace.rounds)
        return records

    def _generate(
        self,
        arm: int,
        prompt: TokenisedPrompt,
        temperature: float,
        seed: int,
        profile: bool = False,
        max_new_tokens: int | None = None,
    ) -> GenerationResult:
        """One run by a decoder made for it alone."""
        decoder = (
            SpeculativeDecoder(self.target, self.draft, k=arm) if arm else AutoregressiveDecoder(self.target)
        )
        return decoder.generate(
            prompt.ids,
            max_new_tokens or self.grid.max_new_tokens,
            temperature,
            ignore_eos=True,
            seed=seed,
            trace=profile,  # rounds one by one: the first, which reads the prompt, is told apart
            profile=profile,
        )

    def _records(self, kind: str, block: Block, results: Mapping[int, GenerationResult]) -> list[Record]:
        prompt = self.prompts[block.domain][block.prompt_index]
        baseline = results.get(0) if block.temperature == 0 else None
        records = []
        for turn, (arm, result) in enumerate(results.items()):
            config = self.grid.config(arm, block.temperature, block.domain)
            record = run_record(kind, config.decoder_label, config, prompt, block.repeat, block.seed, result)
            if arm and baseline is not None:
                record["first_difference"] = first_difference(result, baseline)
            records.append(record | {"turn": turn})
        return records


def over_prompts(grid: Grid, prompts: Mapping[str, Sequence[TokenisedPrompt]]) -> Grid:
    """The grid over as many prompts as there are, where it has a number for each domain."""
    if not isinstance(grid.num_prompts, Mapping):
        return grid
    return grid.with_prompts({domain: len(prompts[domain]) for domain in grid.domains})


def _progress(
    block: Block, records: Sequence[Record], done: int, total: int, seconds_left: float, width: int
) -> str:
    """A line on the blocks of one domain that were just finished: total tokens over total time.

    Names of domains take ``width`` characters, so that the lines stand below each other.
    """
    recent = [
        r
        for r in records
        if (r["repeat"], r["config"]["temperature"], r["config"]["prompt_domain"])
        == (block.repeat, block.temperature, block.domain)
    ]
    rates = []
    for label in dict.fromkeys(r["decoder"] for r in sorted(recent, key=lambda r: r["config"]["K"])):
        results = [r["result"] for r in recent if r["decoder"] == label]
        tokens, seconds = sum(len(r["generated_ids"]) for r in results), sum(r["total_time"] for r in results)
        rates.append(f"{label} {tokens / seconds:.0f}" if seconds > 0 else f"{label} –")
    return (
        f"{done:4d}/{counted(total, 'run')}, repeat {block.repeat + 1}, T={block.temperature:g}, "
        f"{block.domain:<{width}} tokens/s: {', '.join(rates)}; about {seconds_left:.0f} s left"
    )
