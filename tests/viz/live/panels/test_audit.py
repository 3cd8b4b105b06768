"""*Audit*: checks as they are done, a verdict behind the last, Stop within one, room for other engines."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.plan import ProofPlan
from specdec_lib.lossless.verdict import Check
from specdec_lib.utils.paths import data_path
from specdec_lib.viz.live.panels.audit import AuditPair, check_table

PASSED = Check("exact, tables", "token", "|Δ| = 1e-17", 243, "outcomes", True, "says", bound=1e-12)
FAILED = Check("joint law", "", "χ²(1) = 99", 2000, "samples", False, "says", p_value=1e-20)


@pytest.fixture
def panel(shelf):
    made = AuditPair(shelf=shelf)
    assert made.widget.children
    yield made
    made.stop()
    assert made.wait(60)


def by(*checks: Check, error: Exception | None = None):
    def engine(wish, shelf, stopped, report) -> Iterator[Check]:
        report(f"on trial: {wish.asked.pair.pair_name}")
        yield from checks
        if error is not None:
            raise error

    return {"another": engine}


def test_the_librarys_checks_come_one_by_one_and_stop_ends_them_within_one(panel):
    third, hear = threading.Event(), panel._worker._hear
    panel._worker._hear = lambda event: (hear(event), len(panel.checks) > 2 and third.set())
    panel._samples.value = 10**6
    assert panel.run() and third.wait(120)
    panel.stop()
    assert panel.wait(120) and "stopped after" in panel._status.value
    assert all(check.passed for check in panel.checks) and panel._verdict.value == ""
    assert panel._table.value.count("✓ pass") == len(panel.checks)


@pytest.mark.parametrize(("checks", "word"), [([PASSED], "is exact"), ([PASSED, FAILED], "not exact")])
def test_another_engine_has_its_place_and_a_verdict_ends_it(checks, word):
    panel = AuditPair(engines=by(*checks))
    assert panel.widget.children and panel.run() and panel.wait(20)
    assert panel.checks == checks and word in panel._verdict.value.lower()


def test_errors_are_one_line_before_and_while_it_runs(panel):
    panel._k.value = "four"
    assert panel.run() is False and "sp-error" in panel._status.value
    other = AuditPair(engines=by(PASSED, error=InvalidArgument("the server went away")))
    assert other.widget.children and other.run() and other.wait(20)
    assert "the server went away" in other._status.value and other._verdict.value == ""


def test_what_is_wished_for_is_what_the_controls_say(panel):
    panel._verifier.value, panel._k.value, panel._samples.value = "block", "entropy:0.4", 500
    wish = panel._wish()
    assert str(wish.length) == "entropy:0.4"
    assert wish.plan == ProofPlan(("block",), 8, 0.8, 500)


def test_the_recorded_verdict_is_on_the_page():
    document = json.loads(data_path("results", "audit.json").read_text(encoding="utf8"))
    page = AuditPair(recorded=document).static()
    assert document["exact"] and document["sentence"].split(":")[0] in page
    table = check_table(document["checks"])
    assert len(table.cells) == len(document["checks"]) and {cells[4] for cells in table.cells} <= {
        "✓ pass",
        "– not applicable",
    }
