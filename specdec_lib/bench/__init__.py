"""Measuring: result records, the benchmark's grid, the interleaved runner, papermill execution, summaries.

Importing this package imports none of its modules; each is imported by name
(``from specdec_lib.bench.records.schema import read_records``). Nothing here draws: figures are in
:mod:`specdec_lib.viz`, which takes the plain tables that :mod:`specdec_lib.bench.tables.summary` makes.
"""
