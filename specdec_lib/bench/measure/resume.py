"""What of a measurement is already in a results file, and what is left to run.

A block is appended whole or not at all, so it is either there or not. It is known by what was asked for: the
arm, its configuration, the prompt and the seed, which is a function of the benchmark's own seed and of the
block's place; or, of growth, the settings of its value. An arm that the session refused is not waited for.
It knows no model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from specdec_lib.bench.measure.grid import Block, Grid
from specdec_lib.bench.records.generations import TokenisedPrompt, run_seed
from specdec_lib.bench.records.schema import Record
from specdec_lib.errors import InvalidArgument

Key = tuple[str | int, ...]
Prompts = Mapping[str, Sequence[TokenisedPrompt]]
_GENERATION = ("decoder", "config_hash", "prompt_id", "seed")
_GROWTH = ("pair", "vary", "value", "repeat", "k", "context", "depth")


def key_of(record: Record) -> Key:
    """What was asked for of a record, by which it is known."""
    names = _GROWTH if record["kind"] == "scaling" else _GENERATION
    return tuple(record[name] for name in names if name in record)


def recorded_keys(records: Iterable[Record], kind: str = "run") -> set[Key]:
    """The keys of every record of ``kind``: what was asked for, and came."""
    return {key_of(record) for record in records if record["kind"] == kind}


def missing_blocks(
    grid: Grid,
    prompts: Prompts,
    records: Sequence[Record],
    arms: Mapping[str, int] | None = None,
    kind: str = "run",
    blocks: Iterable[Block] | None = None,
) -> list[Block]:
    """The blocks of ``grid`` that are not there yet, in the grid's order.

    A grid with more repeats than before leaves the further repeats to run, one with less leaves nothing.

    Args:
        prompts: of each domain, as :func:`~specdec_lib.bench.measure.prompts.choose_prompts` gives them.
        records: of one session; see :func:`~specdec_lib.bench.records.runs.newest_session`.
        arms: the draft length of each arm, by its name; None for the grid's own.
        kind: of the records that count. blocks: other ones than the grid's.

    Raises:
        InvalidArgument: the records are of texts of another length, or of another seed: a cell would pool
            blocks that not all of its arms ran. Or, of a block some arms are there and some are not: they
            must run back to back, so the rest cannot be added.
    """
    _require_same_texts(grid, [record for record in records if record["kind"] == kind])
    keys, left = recorded_keys(records, kind), []
    refused = {record["decoder"] for record in records if is_refusal(record)}
    for block in grid.blocks() if blocks is None else blocks:
        prompt_id, wanted = prompts[block.domain][block.prompt_index].prompt_id, {}
        for name, k in ({str(k): k for k in sorted(block.arms)} if arms is None else arms).items():
            config = grid.config(k, block.temperature, block.domain)
            decoder = config.decoder_label if arms is None else name
            if decoder not in refused:
                wanted[name] = decoder, config.config_hash(), prompt_id, block.seed
        there = [name for name, key in wanted.items() if key in keys]
        if there and len(there) < len(wanted):
            raise InvalidArgument(
                f"resume: of {prompt_id}'s {'draft lengths' if arms is None else 'arms'} {', '.join(wanted)} "
                f"the session ran {', '.join(there)}; all arms of a block run back to back, so resume with "
                "the same ones (or, if lines of the file were lost, remove the rest of that block), or start "
                "a new session"
            )
        left += [] if len(there) == len(wanted) else [block]
    return left


def _require_same_texts(grid: Grid, records: Sequence[Record]) -> None:
    for name, asked in (("max_new_tokens", grid.max_new_tokens), ("seed", grid.seed)):
        ran = {record["config"][name] for record in records} - {asked}
        if ran:
            raise InvalidArgument(
                f"resume: {name} was {', '.join(map(str, sorted(ran)))} in the session and is {asked} now; "
                "such runs do not pair, so resume with the same, or start a new session without resuming"
            )


def missing_profiles(
    grid: Grid, prompts: Prompts, records: Sequence[Record], prompts_per_domain: int = 1
) -> list[Block]:
    """The blocks of the profile that are not there yet, temperature by temperature; a seed of their own each.

    Raises:
        InvalidArgument: the session profiled other draft lengths.
    """
    places = [
        (temperature, domain, index)
        for temperature in grid.temperatures
        for domain in grid.domains
        for index in range(len(prompts[domain][:prompts_per_domain]))
    ]
    blocks = [Block(0, *place, run_seed(grid.seed, *place, "profile"), grid.arms) for place in places]
    return missing_blocks(grid, prompts, records, None, "profile", blocks)


def is_refusal(record: Record) -> bool:
    """Whether a record says that an arm was refused."""
    return record["kind"] == "arm" and bool(record["arm"].get("refused"))
