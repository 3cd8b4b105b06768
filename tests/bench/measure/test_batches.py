"""Forwards of several texts, timed: which ones, how many, and that the rows stay as they were."""

from __future__ import annotations

import pytest
from tiny_models import bare, tiny_pair

from specdec_lib.bench.measure.batches import measure_batches
from specdec_lib.bench.tables.batches import batch_table
from specdec_lib.errors import InvalidArgument


@pytest.mark.parametrize("wrap", [lambda model: model, bare], ids=["wrapped", "row by row"])
def test_every_batch_and_width_is_timed(wrap):
    target, draft = map(wrap, tiny_pair("llama"))
    times = measure_batches(target, draft, [1, 2, 3], k_values=(1, 3), batches=(1, 4), repeats=2)
    assert [(f.model, f.batch, f.width) for f in times.forwards] == [
        (model, batch, width)
        for batch in (1, 4)
        for model, width in (("target", 1), ("target", 2), ("target", 4), ("draft", 1))
    ]
    assert all(len(f.seconds) == 2 and min(f.seconds) > 0 for f in times.forwards)
    assert times.context_length == 3
    rows = batch_table(times.to_dict())
    assert [(row.batch, row.k) for row in rows] == [(1, 1), (1, 3), (4, 1), (4, 3)]


@pytest.mark.parametrize(
    "asked",
    [{"context_ids": []}, {"repeats": 0}, {"k_values": (0,)}, {"batches": (2, 0)}],
)
def test_nothing_to_measure_is_refused(asked):
    options = {"context_ids": [1], "k_values": (1,), "batches": (1,), "repeats": 1}
    with pytest.raises(InvalidArgument, match="pass at least 1 of each"):
        measure_batches(*tiny_pair("llama"), **(options | asked))
