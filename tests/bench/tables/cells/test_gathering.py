"""Cells are pooled by what was asked, and never across machines, libraries or weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_cells import MACHINE, made_cell, made_sweep

from specdec_lib.bench.tables.cells.gathering import COLUMNS, gather
from specdec_lib.bench.tables.cells.reading import CellLines
from specdec_lib.bench.tables.cells.setups import CellSetup, setup_names
from specdec_lib.errors import RecordError


def test_seeds_of_a_cell_are_one_group_and_everything_else_is_another() -> None:
    cells = [
        made_cell(4, seed=0),
        made_cell(4, seed=1),
        made_cell(8),
        made_cell(4, "prose"),
        made_cell(4, "code", 0.8),
    ]
    gathered = gather(cells)
    assert [gathered.num_cells[number] for number in range(len(gathered.groups))] == [2, 1, 1, 1]
    assert len(gathered.setups) == 1
    assert gathered.compared[0] == gathered.identical[0] == 8


def test_the_blocks_hold_the_counts_of_the_cells() -> None:
    cell = made_cell(4, num_prompts=3)
    gathered = gather([cell, made_cell(8)])
    own = gathered.blocks[gathered.owners == 0]
    assert own[:, COLUMNS.index("sd_seconds")].tolist() == cell.counts.seconds
    assert own[:, COLUMNS.index("ar_num_tokens")].tolist() == cell.baseline_counts.num_tokens
    assert own[:, COLUMNS.index("num_rejections")].tolist() == cell.counts.num_rejections
    names = [gathered.prompt_names[number] for number in gathered.prompts[gathered.owners == 0]]
    assert names == cell.blocks.prompt_ids
    told = gathered.latencies[gathered.latencies[:, 0] == 1][:, 1:]
    assert told.tolist() == cell.counts.latencies


@pytest.mark.parametrize("what", ["machine", "library", "weights", "notebook", "dtype"])
def test_what_is_of_another_origin_is_a_setup_of_its_own_with_a_name_of_its_own(what: str) -> None:
    cell = made_cell(4)
    if what == "machine":
        other = made_cell(4, environment={**MACHINE, "cpu": "another", "hash": "other"})
    elif what == "dtype":
        other = cell | {"arm": {**cell.line["arm"], "dtype": "bfloat16"}}
    else:
        other = cell | {"made_of": {**cell.made_of, what: "e" * 12}}
    gathered = gather([cell, other])
    names = [facts.name for facts in gathered.setups.values()]
    assert len(gathered.groups) == len(set(names)) == 2


def test_names_say_no_more_than_what_differs() -> None:
    one = CellSetup("p", "d", None, "float32", False, 1, "specdec_lib", 8, "cpu", "m", "l", "w", "n", "")
    others = [one, one._replace(machine="n"), one._replace(draft="e"), one._replace(batch=4)]
    assert list(setup_names(others).values()) == [
        "p · d · batch 1 · machine 1", "p · d · batch 1 · machine 2", "p · e · batch 1", "p · d · batch 4",
    ]  # fmt: skip
    assert list(setup_names([one]).values()) == ["p · d"]


def test_nothing_is_refused_in_a_line() -> None:
    with pytest.raises(RecordError, match="there is no cell"):
        gather([])


def test_lines_of_a_file_are_cells_counted_once_and_torn_ones_are_named(tmp_path: Path) -> None:
    lines = [json.dumps(cell.line) for cell in made_sweep(ks=(2,), temperatures=(0.0,))]
    run = '{"schema": 1, "kind": "run"}'
    path = tmp_path / "r.jsonl"
    nan = lines[0].replace('"turn": [0', '"turn": [NaN')
    path.write_text("\n".join(["", *lines, lines[0], run, nan, lines[1][:200]]))
    read = CellLines(path)
    assert [cell.config.prompt_domain for cell in read] == ["code", "conversation", "summarization"]
    assert read.repeated == 1 and read.num_problems == 3
    places = [problem.split(":")[1] for problem in read.problems]
    assert places == ["6", "7", "8"]
    assert "NaN" in read.problems[1] and "not JSON" in read.problems[2]


def test_a_file_that_is_not_there_is_one_line() -> None:
    with pytest.raises(RecordError, match="No such file"):
        list(CellLines("nowhere.jsonl"))


def test_times_of_forwards_are_kept_by_model_and_width() -> None:
    facts = next(iter(gather([made_cell(4), made_cell(4, seed=1)]).setups.values()))
    assert facts.medians.keys() == {("draft", 1), ("target", 1), ("target", 5)}
    assert np.allclose(facts.medians["target", 1], [[0.02, 1.0, 1.0]] * 2)
