"""A list of cells: what is shown of them, what they share, and how many there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from specdec_lib.bench.results.listing import OUTCOME, PLACE, list_cells
from specdec_lib.bench.results.scanning import Scan
from specdec_lib.profiling.config import BenchmarkConfig
from tests.written_sweeps import OTHER_MACHINE, small_cell, write_cells


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    places = [(k, domain, t) for t in (0.0, 0.8) for domain in ("code", "conversation") for k in (1, 2, 8)]
    return Scan(
        [write_cells(tmp_path / "r.jsonl", [small_cell(n, *place) for n, place in enumerate(places)])]
    )


def test_the_first_are_rows_and_all_are_counted(scan: Scan) -> None:
    cells = list_cells(scan, limit=4)
    assert [row.k for row in cells.rows] == [1, 2, 8, 1]
    assert cells.num_cells == 12
    assert cells.counts["k"] == {"1": 4, "2": 4, "8": 4} and cells.counts["pair"] == {"pocket": 12}


def test_what_all_share_has_no_column_but_for_the_place_and_the_outcome(scan: Scan) -> None:
    cells = list_cells(scan)
    assert cells.columns == [*PLACE, *OUTCOME]
    assert cells.shared["dtype"] == "float32" and cells.shared["machine"] == "A"
    assert cells.shared["verifier"] is None and cells.shared["pair"] == "pocket"
    assert not {"k", "domain", "temperature", "speedup"} & cells.shared.keys()


def test_columns_in_which_cells_differ_are_shown_also_if_only_the_last_does(tmp_path: Path) -> None:
    made = [small_cell(n) for n in range(3)]
    made += [small_cell(4, seed=1, environment=OTHER_MACHINE)]
    made += [small_cell(5) | {"engine": "llama.cpp", "made_of": {"weights": "other"}}]
    cells = list_cells(Scan([write_cells(tmp_path / "r.jsonl", made)]), limit=2)
    details = ["engine", "machine", "seed", "notebook", "library", "weights", "prompts"]
    assert cells.columns == [*PLACE, *details, *OUTCOME]
    first, second = cells.machines
    assert (first.machine, first.cells, first.apart) == ("A", 4, None)
    assert (second.machine, second.cells, second.apart) == ("B", 1, "cores 2 is now 8")


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", ["k", "speedup", "domain", "key", "compiled"])
def test_the_order_is_that_of_all_cells(scan: Scan, column: str, descending: bool) -> None:
    everything = [getattr(row, column) for row in scan]
    again = Scan(scan.paths)
    rows = list_cells(again, column, descending, limit=5).rows
    assert [getattr(row, column) for row in rows] == sorted(everything, reverse=descending)[:5]


@pytest.mark.parametrize("descending", [False, True])
def test_numbers_come_before_policies_and_nothing_comes_last(tmp_path: Path, descending: bool) -> None:
    policy = small_cell(1, k=2)
    config = {**policy.line["config"], "policy": "cost-aware"}
    decided = {"config": config, "config_hash": BenchmarkConfig.from_dict(config).config_hash()}
    nothing = small_cell(2, k=8)
    empty = {**nothing.line["counts"], "num_rejections": [0], "num_accepted_tokens": [0]}
    made = [policy | decided, nothing | {"counts": empty}, small_cell(3, k=1)]
    path = write_cells(tmp_path / "r.jsonl", made)
    lengths = [row.policy or row.k for row in list_cells(Scan([path]), "k", descending).rows]
    assert lengths == (["cost-aware", 8, 1] if descending else [1, 8, "cost-aware"])
    alphas = [row.alpha for row in list_cells(Scan([path]), "alpha", descending).rows]
    assert alphas[-1] is None and None not in alphas[:-1]


def test_of_no_cells_there_is_nothing_to_tell(tmp_path: Path) -> None:
    cells = list_cells(Scan([write_cells(tmp_path / "r.jsonl", [])]))
    assert (cells.rows, cells.num_cells, cells.shared, cells.machines) == ([], 0, {}, [])
