"""What of a grid is already in a results file, and what is left to run.

A block is appended whole or not at all, so it is either there or not. It is known by what was asked for: the
configuration of each arm, the prompt, and the seed, which is a function of the benchmark's own seed, the
temperature, the domain, the prompt's index and the repeat. It knows no model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from specdec_lib.bench.measure.grid import Block, Grid
from specdec_lib.bench.records.generations import TokenisedPrompt, run_seed
from specdec_lib.bench.records.schema import Record
from specdec_lib.errors import InvalidArgument

Key = tuple[str, str, int]


def recorded_keys(records: Iterable[Record], kind: str = "run") -> set[Key]:
    """Configuration hash, prompt and seed of every record of ``kind``: what was asked for, and came."""
    return {(r["config_hash"], r["prompt_id"], r["seed"]) for r in records if r["kind"] == kind}


def is_recorded(grid: Grid, block: Block, prompt_id: str, keys: set[Key]) -> bool:
    """Whether the arms of ``block`` are among ``keys``.

    Raises:
        InvalidArgument: some are and some are not. They must run back to back, so the rest cannot be added.
    """
    there = {
        arm: (grid.config(arm, block.temperature, block.domain).config_hash(), prompt_id, block.seed) in keys
        for arm in sorted(block.arms)
    }
    if any(there.values()) and not all(there.values()):
        ran = ", ".join(str(arm) for arm, is_there in there.items() if is_there)
        raise InvalidArgument(
            f"resume: of {prompt_id}'s draft lengths {', '.join(map(str, there))} the session ran {ran}; all "
            "arms of a block run back to back, so resume with the same ones (or, if lines of the file were "
            "lost, remove the rest of that block), or start a new session"
        )
    return all(there.values())


def missing_blocks(
    grid: Grid, prompts: Mapping[str, Sequence[TokenisedPrompt]], records: Iterable[Record]
) -> list[Block]:
    """The blocks of ``grid`` that are not there yet, in the grid's order.

    A grid with more repeats than before leaves the further repeats to run, one with less leaves nothing.

    Args:
        prompts: of each domain, as :func:`~specdec_lib.bench.measure.prompts.choose_prompts` gives them.
        records: of one session; see :func:`~specdec_lib.bench.records.runs.newest_session`.

    Raises:
        InvalidArgument: the session ran other draft lengths.
    """
    keys = recorded_keys(records)
    return [
        block
        for block in grid.blocks()
        if not is_recorded(grid, block, prompts[block.domain][block.prompt_index].prompt_id, keys)
    ]


def missing_profiles(
    grid: Grid,
    prompts: Mapping[str, Sequence[TokenisedPrompt]],
    records: Iterable[Record],
    prompts_per_domain: int = 1,
) -> list[Block]:
    """The blocks of the profile that are not there yet, temperature by temperature; a seed of their own each.

    Raises:
        InvalidArgument: the session profiled other draft lengths.
    """
    keys, left = recorded_keys(records, "profile"), []
    for temperature in grid.temperatures:
        for domain in grid.domains:
            for index, prompt in enumerate(prompts[domain][:prompts_per_domain]):
                seed = run_seed(grid.seed, temperature, domain, index, "profile")
                block = Block(0, temperature, domain, index, seed, grid.arms)
                if not is_recorded(grid, block, prompt.prompt_id, keys):
                    left.append(block)
    return left
