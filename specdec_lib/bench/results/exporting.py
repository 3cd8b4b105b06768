"""Cells as a table for other programs, CSV or Parquet: all columns, row by row, whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from specdec_lib.bench.results.columns import COLUMNS, FlatCell
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.utils.files import whole_file
from specdec_lib.utils.paths import FilePath

FORMATS = (".csv", ".parquet")
NO_PYARROW = (
    "Parquet is written by pyarrow, which is not installed: pip install 'specdec-lib[results]', "
    "or export to a .csv file"
)
_BATCH = 10_000


def require_format(path: FilePath) -> None:
    """Find out before anything is read whether a table can be written there.

    Raises:
        InvalidArgument: its name ends otherwise than those that are known.
        RecordError: what writes it is not installed.
    """
    ending = Path(path).suffix
    if ending not in FORMATS:
        raise InvalidArgument(f"export to {path}: '{ending}' is no format; name a file .csv or .parquet")
    if ending == ".parquet":
        _pyarrow()


def export_cells(cells: Iterable[FlatCell], path: FilePath) -> int:
    """Write the table of ``cells`` to ``path``, as its ending says; returns how many there were.

    In a CSV file what is not there is empty, and a truth is True or False.

    Raises:
        InvalidArgument, RecordError: as :func:`require_format`, or the file cannot be written.
    """
    require_format(path)
    try:
        return _to_csv(cells, path) if Path(path).suffix == ".csv" else _to_parquet(cells, path)
    except OSError as error:
        raise RecordError(
            f"export to {path}: {error.strerror or error}; nothing was changed there"
        ) from error


def _to_csv(cells: Iterable[FlatCell], path: FilePath) -> int:
    number = 0
    with whole_file(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FlatCell._fields)
        for number, cell in enumerate(cells, start=1):  # noqa: B007 - the last one is how many there were
            writer.writerow(cell)
    return number


def _to_parquet(cells: Iterable[FlatCell], path: FilePath) -> int:
    arrow, parquet = _pyarrow()
    types = {
        "text": arrow.string(),
        "whole": arrow.int64(),
        "number": arrow.float64(),
        "truth": arrow.bool_(),
    }
    schema = arrow.schema([(column.name, types[column.kind]) for column in COLUMNS])
    number = 0
    with whole_file(path) as file, parquet.ParquetWriter(file, schema) as writer:
        for batch in _batches(cells):
            writer.write_batch(arrow.record_batch([*zip(*batch, strict=True)], schema=schema))
            number += len(batch)
    return number


def _batches(cells: Iterable[FlatCell]) -> Iterator[list[FlatCell]]:
    rest = iter(cells)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise RecordError(NO_PYARROW) from error
    return pyarrow, parquet
