"""Tables for other programs hold what the rows hold."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import pytest

from specdec_lib.bench.results.columns import COLUMNS, FlatCell
from specdec_lib.bench.results.exporting import export_cells, require_format
from specdec_lib.bench.results.scanning import Scan
from specdec_lib.errors import InvalidArgument, RecordError
from tests.written_sweeps import small_cell, write_cells


@pytest.fixture
def rows(tmp_path: Path) -> list[FlatCell]:
    odd = small_cell(7) | {"pair": 'a,"b"\nα'}
    cells = [*(small_cell(n, k, temperature=0.8) for n, k in enumerate((1, 2, 4))), odd]
    return list(Scan([write_cells(tmp_path / "r.jsonl", cells)]))


def test_csv_has_a_line_a_cell_and_numbers_in_full(rows: list[FlatCell], tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    assert export_cells(iter(rows), path) == 4
    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == [column.name for column in COLUMNS]
    assert [float(line["speedup"]) for line in read] == [row.speedup for row in rows]
    assert [int(line["k"]) for line in read] == [1, 2, 4, 4]
    assert read[-1]["pair"] == 'a,"b"\nα'
    assert (read[0]["verifier"], read[0]["compiled"]) == ("", "False")


def test_parquet_has_the_same_columns_with_their_types(
    rows: list[FlatCell], tmp_path: Path, monkeypatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("specdec_lib.bench.results.exporting._BATCH", 3)
    path = tmp_path / "cells.parquet"
    assert export_cells(iter(rows), path) == 4
    table = parquet.read_table(path)
    assert table.to_pylist() == [row._asdict() for row in rows]
    types = {"text": "string", "whole": "int64", "number": "double", "truth": "bool"}
    assert [str(field.type) for field in table.schema] == [types[column.kind] for column in COLUMNS]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_of_no_cells_the_table_has_no_lines(ending: str, tmp_path: Path) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    assert export_cells([], tmp_path / f"cells{ending}") == 0
    assert (tmp_path / f"cells{ending}").stat().st_size > 0


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_what_fails_midway_leaves_the_old_table(ending: str, rows: list[FlatCell], tmp_path: Path) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")

    def torn():
        yield from rows
        raise RecordError("the file went away")

    path = tmp_path / "out" / f"cells{ending}"
    path.parent.mkdir()
    path.write_text("old")
    with pytest.raises(RecordError, match="went away"):
        export_cells(torn(), path)
    assert path.read_text() == "old" and os.listdir(path.parent) == [path.name]


def test_a_table_that_cannot_be_written_is_one_clear_line(rows: list[FlatCell], tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"export to .*: '\.xlsx' is no format; name a file .csv"):
        require_format(tmp_path / "cells.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(RecordError, match=r"export to .*folder\.csv: it is a folder; nothing was changed"):
        export_cells(rows, tmp_path / "folder.csv")


def test_without_pyarrow_it_is_said_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(RecordError, match=r"not installed: pip install 'specdec-lib\[results\]'"):
        require_format("cells.parquet")
