"""The benchmark, room by room: measure fills records, tables count them, explain says why.

Records, tables and explain never need torch; notebook runs a benchmark's notebook; scaling and shapes are
programs on top of all rooms. Importing this package imports none of its modules; each is imported by name
(``from specdec_lib.bench.records.reading import read_records``). Nothing here draws: figures are in
:mod:`specdec_lib.viz`, which takes the rows of ``specdec_lib.bench.tables``.
"""
