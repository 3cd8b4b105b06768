"""v(K, B), c(B) and B* from times whose law is known."""

from __future__ import annotations

import pytest

from specdec_lib.bench.tables.batches import batch_table, critical_of, last_paying_batch
from specdec_lib.errors import RecordError
from specdec_lib.theory.roofline import batch_verify_cost, break_even_batch


def times(critical: float, batches=(1, 2, 4, 8, 16, 32, 64), k_values=(1, 4), c=0.1) -> dict:
    """Forwards of a machine that keeps the roofline to the letter; the draft takes c of a step."""
    forwards = []
    for batch in batches:
        one = max(1.0, batch / critical)
        forwards.append({"model": "draft", "batch": batch, "width": 1, "seconds": [c * one]})
        for width in (1, *(k + 1 for k in k_values)):
            seconds = max(1.0, batch * width / critical)
            forwards.append(
                {"model": "target", "batch": batch, "width": width, "seconds": [seconds, seconds]}
            )
    return {"context_length": 8, "forwards": forwards}


@pytest.mark.parametrize("critical", [3.0, 20.0, 90.0])
def test_the_roofline_is_found_in_times_that_keep_it(critical):
    measured = times(critical)
    assert critical_of(measured) == pytest.approx(critical, rel=0.03)
    for row in batch_table(measured):
        assert row.v == pytest.approx(batch_verify_cost(row.k, row.batch, critical))
        assert row.roofline == pytest.approx(row.v, rel=0.05)
        assert row.c == pytest.approx(0.1) and row.step_ms == pytest.approx(
            1e3 * max(1, row.batch / critical)
        )


def test_speculation_pays_up_to_the_batch_of_the_closed_form():
    rows = batch_table(times(64.0, k_values=(4,)))
    even = break_even_batch(0.8, 4, 0.1, 64.0)
    assert 32 < even < 64 and last_paying_batch(rows, 0.8) == 32
    assert last_paying_batch(rows, 0.1) == 0
    assert last_paying_batch(rows, 0.8, overhead=1.0) == 16
    alone = next(row for row in rows if row.batch == 1)
    assert alone.speedup(0.8) == pytest.approx(3.3616 / 1.4)


def test_a_forward_that_is_missing_is_named():
    measured = times(20.0)
    del measured["forwards"][1]
    with pytest.raises(RecordError, match="no forward of"):
        batch_table(measured)
    with pytest.raises(RecordError, match="not complete"):
        batch_table({"forwards": [{"model": "target"}]})
