"""A block of a pair's benchmark: what it asks of each arm, and the record of what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from specdec_lib.bench.measure.arm import Job
from specdec_lib.bench.measure.grid import Block, Grid
from specdec_lib.bench.measure.resume import PromptsByDomain
from specdec_lib.bench.measure.runner import Outcome
from specdec_lib.bench.records.generations import AnyRun, TokenisedPrompt, run_record
from specdec_lib.profiling.metrics import GenerationResult

_BETWEEN = "+"


@dataclass(frozen=True)
class PromptBatch(TokenisedPrompt):
    """Prompts that are decoded at once; ``ids`` holds those of one after the other."""

    rows: tuple[tuple[int, ...], ...] = ()

    @property
    def asked(self) -> Sequence[Any]:
        """The ids of each prompt."""
        return self.rows


def in_batches(prompts: Sequence[TokenisedPrompt], size: int) -> list[PromptBatch]:
    """The prompts, ``size`` at a time; the last batch is filled up with the first prompts once more."""
    groups = [
        [prompts[i % len(prompts)] for i in range(at, at + size)] for at in range(0, len(prompts), size)
    ]
    return [
        PromptBatch(
            _BETWEEN.join(prompt.prompt_id for prompt in group),
            [i for prompt in group for i in prompt.ids],
            tuple(tuple(prompt.ids) for prompt in group),
        )
        for group in groups
    ]


def block_job(grid: Grid, prompts: PromptsByDomain, block: Block) -> Job:
    """What a block asks of each arm."""
    asked = prompts[block.domain][block.prompt_index].asked
    return Job(asked, grid.max_new_tokens, block.temperature, block.seed)


def block_record(
    kind: type[AnyRun],
    grid: Grid,
    prompts: PromptsByDomain,
    block: Block,
    outcome: Outcome[GenerationResult],
    **more: Any,
) -> AnyRun:
    """The record of one arm's generation in a block, with its turn; ``more`` are other fields of its kind."""
    arm, prompt = outcome.arm, prompts[block.domain][block.prompt_index]
    config = grid.config(arm.facts.draft_length, block.temperature, block.domain)
    asked = kind, arm.name, config, prompt, block.repeat, block.seed
    return run_record(*asked, outcome.result, turn=outcome.turn, **more)
