"""Several processes count what one counts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_cells import MACHINE, made_cell, made_sweep

from specdec_lib.bench.tables.cells.reading import counted_file, part_of_file
from specdec_lib.bench.tables.cells.tables import sweep_tables

CELLS = [
    *made_sweep(ks=(1, 4), seeds=(0, 1), num_prompts=3),
    made_cell(4, "prose", environment={**MACHINE, "hash": "other"}),
]
LINES = [json.dumps(cell.line) for cell in CELLS]


def plain(counted) -> dict:
    return sweep_tables(counted).to_dict()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "results.jsonl"
    path.write_text("\n".join([*LINES[:5], "torn", "", *LINES[5:20], '{"torn', *LINES[20:]]) + "\n")
    return path


def test_two_processes_count_what_one_counts(path: Path) -> None:
    (one, alone), (two, told) = counted_file(path, 1), counted_file(path, 2)
    assert plain(one) == plain(two)
    assert alone.problems == told.problems and [line for line, _ in told.torn] == [6, 23]
    assert told.num_problems == 2 and told.is_read and alone.seen == told.seen


@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 0.5, 0.99, 1.0])
def test_parts_put_together_are_the_whole_wherever_they_are_cut(path: Path, share: float) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(int(share * size))
        file.readline()
        edge = file.tell()
    gathered, lines = part_of_file(path, 0, edge)
    more, following = part_of_file(path, edge, size)
    gathered.absorb(more)
    lines.absorb(following)
    whole, alone = part_of_file(path, 0, size)
    one, other = gathered.gathered(), whole.gathered()
    assert one.groups == other.groups and one.prompt_names == other.prompt_names
    for name in ("owners", "prompts", "blocks", "outcomes", "latencies"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert (one.num_cells, one.compared, one.identical) == (other.num_cells, other.compared, other.identical)
    assert [facts.name for facts in one.setups.values()] == [facts.name for facts in other.setups.values()]
    assert lines.problems == alone.problems and lines.seen == alone.seen


def test_a_cell_in_two_parts_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "twice.jsonl"
    path.write_text("\n".join([*LINES, LINES[0]]))
    counted, told = counted_file(path, 2)
    assert told.repeated == 1 and plain(counted) == plain(counted_file(path, 1)[0])
    assert sum(counted.gathered.num_cells) == len(LINES)
