"""What of a measurement is already in a results file, and what is left to run.

A block is appended whole or not at all, so it is either there or not. It is known by what was asked for: the
arm, its configuration, the prompt and the seed, which is a function of the benchmark's own seed and of the
block's place; or, of growth, the arm and the settings of its value. An arm that the session refused is not
waited for. It knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple, TypeVar

from specdec_lib.bench.measure.grid import ArmKey, Block, Grid
from specdec_lib.bench.records.generations import TokenisedPrompt, run_seed
from specdec_lib.bench.records.kinds import (
    ArmRecord,
    ProfileRecord,
    Record,
    RunRecord,
    ScalingRecord,
    of_kind,
)
from specdec_lib.errors import InvalidArgument

Key = tuple[str | int | None, ...]
PromptsByDomain = Mapping[str, Sequence[TokenisedPrompt]]
AnyBlock = TypeVar("AnyBlock")


class Asked(NamedTuple):
    """What a block asks: its name and that of its arms, in a sentence, and the key of each arm by its own."""

    block: str
    arms: str
    keys: Mapping[str, Key]


def recorded_keys(records: Iterable[Record], kind: type[RunRecord] = RunRecord) -> set[Key]:
    """The keys of all runs of ``kind``: what was asked for, and came."""
    return {(r.decoder, r.config_hash, r.prompt_id, r.seed) for r in of_kind(records, kind)}


def growth_keys(block: ScalingRecord, arms: Iterable[str]) -> list[Key]:
    """What a block of growth asks of each of ``arms``."""
    place = block.pair, block.vary, block.value, block.repeat
    settings = block.k, block.context, block.depth, block.new_tokens
    return [(arm, *place, *settings) for arm in arms]


def blocks_left(
    blocks: Iterable[AnyBlock], asked: Callable[[AnyBlock], Asked], keys: Set[Key]
) -> list[AnyBlock]:
    """Those of ``blocks`` that are not there yet, in their order: the one rule of every measurement.

    Args:
        asked: of a block, without the arms that were refused. keys: of the session's records.

    Raises:
        InvalidArgument: of a block some arms are there and some are not: they must run back to back, so the
            rest cannot be added.
    """
    left = []
    for block in blocks:
        what, arms, wanted = asked(block)
        there = [name for name, key in wanted.items() if key in keys]
        if there and len(there) < len(wanted):
            raise InvalidArgument(
                f"resume: of {what}'s {arms} {', '.join(wanted)} the session ran {', '.join(there)}; all "
                "arms of a block run back to back, so resume with the same ones (or, if lines of the file "
                "were lost, remove the rest of that block), or start a new session"
            )
        left += [] if len(there) == len(wanted) else [block]
    return left


def require_same(name: str, asked: int, ran: Iterable[int | None]) -> None:
    """Refuse to go on with a session of other texts: a cell would pool blocks that do not pair.

    Raises:
        InvalidArgument: ``ran`` holds another number than ``asked``, or None where none was recorded.
    """
    if others := sorted({"not recorded" if number is None else str(number) for number in ran} - {str(asked)}):
        raise InvalidArgument(
            f"resume: {name} was {', '.join(others)} in the session and is {asked} now; "
            "such runs do not pair, so resume with the same, or start a new session without resuming"
        )


def missing_blocks(
    grid: Grid,
    prompts: PromptsByDomain,
    records: Sequence[Record],
    arms: Mapping[str, ArmKey] | None = None,
    kind: type[RunRecord] = RunRecord,
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
        InvalidArgument: the records are of texts of another length, or of another seed; or what
            :func:`blocks_left` refuses.
    """
    configs = [record.config for record in of_kind(records, kind)]
    require_same("max_new_tokens", grid.max_new_tokens, (config.max_new_tokens for config in configs))
    require_same("seed", grid.seed, (config.seed for config in configs))
    refused = {record.decoder for record in refusals(records)}

    def asked(block: Block) -> Asked:
        prompt_id, keys = prompts[block.domain][block.prompt_index].prompt_id, dict[str, Key]()
        own = {str(k): k for k in sorted(block.arms, key=lambda k: (isinstance(k, str), k))}
        for name, k in (own if arms is None else arms).items():
            config = grid.config(k, block.temperature, block.domain)
            decoder = config.decoder_label if arms is None else name
            if decoder not in refused:
                keys[name] = decoder, config.config_hash(), prompt_id, block.seed
        return Asked(prompt_id, "draft lengths" if arms is None else "arms", keys)

    return blocks_left(grid.blocks() if blocks is None else blocks, asked, recorded_keys(records, kind))


def missing_profiles(
    grid: Grid, prompts: PromptsByDomain, records: Sequence[Record], prompts_per_domain: int = 1
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
    return missing_blocks(grid, prompts, records, None, ProfileRecord, blocks)


def refusals(records: Iterable[Record]) -> Iterator[ArmRecord]:
    """The records that say that an arm was refused."""
    return (record for record in of_kind(records, ArmRecord) if record.arm.refused)
