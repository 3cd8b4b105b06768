"""The turns of one chat stand on each other's answers, so they are drawn together."""

from __future__ import annotations

from made_cells import made_cell

from specdec_lib.bench.tables.cells.tables import counted_cells, sweep_tables


def speedups(*prompt_ids: str):
    cell = made_cell(num_prompts=len(prompt_ids))
    cell |= {"blocks": {**cell["blocks"], "prompt_ids": list(prompt_ids)}}
    return sweep_tables(counted_cells([cell])).speedups


def test_two_turns_of_one_chat_are_one_prompt_and_have_no_interval() -> None:
    (row,) = speedups("81/turn1", "81/turn2")
    assert (row.num_prompts, row.has_interval) == (1, False)
    (row,) = speedups("81/turn1", "81/turn2", "82/turn1", "82/turn2")
    assert (row.num_prompts, row.has_interval) == (2, True)
