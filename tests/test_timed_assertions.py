"""No test and no chapter asserts a measured time, or a quotient of times: a busy machine would be red."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import nbformat
import pytest
from timed_assertions import timed_assertions

ROOT = Path(__file__).parents[1]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
CHAPTERS = sorted((ROOT / "notebooks").rglob("*.ipynb"))

TIMED = {
    "a limit": "t = time.perf_counter()\nassert time.perf_counter() - t < 5",
    "a ratio": "a, b = cuda_sync_time(), cuda_sync_time()\nassert 0.4 < a / b < 2.5",
    "through a function": """
        def seconds(work):
            began = perf_counter()
            work()
            return perf_counter() - began
        fast, slow = seconds(f), seconds(g)
        assert fast < slow""",
    "through containers": """
        samples = {}
        for width in widths:
            samples[width] = [cuda_sync_time() for _ in range(9)]
        rows = [{"seconds": median(times)} for times in samples.values()]
        v = {n: row["seconds"] / rows[0]["seconds"] for n, row in enumerate(rows)}
        assert v[7] < 4""",
    "appended": "times = []\ntimes.append(monotonic())\nassert max(times) < 1",
    "a field of a run": "r = decoder.generate(ids, 9)\nassert r.total_time < 2",
    "a field of a result": "rows = table(load_results('pocket', cells)[0])\nassert rows[0]['speedup'] > 1",
    "a cost": "costs = measure_costs(a, b)\nc = median(costs['draft']['seconds'])\nassert c < 0.8",
    "a method of a timer": "timers = CUDATimerCollection()\nassert timers.elapsed_ms()['draft'] < 1000.0",
    "a tolerance": "r = decoder.generate(ids)\nassert sum(r.latencies) == approx(r.total_time, rel=0.2)",
    "a named verdict": "ok = time.monotonic() - start < 3\nassert ok",
    "all of them": "rows = load_results('x', ())\nassert all(r['measured'] > 1 for r in rows)",
    "in a test": "def test_it():\n    began = time.time()\n    assert time.time() - began < 1",
    "from a fixture": """
        @pytest.fixture
        def took():
            return time.perf_counter()
        def test_it(took):
            assert took < 1""",
    "inside a helper": """
        def check(took):
            assert took < 1
        check(time.perf_counter())""",
    "a with block": "with CUDATimer('x') as timer:\n    work()\nassert 19.0 <= timer.elapsed_ms < 2000.0",
}
UNTIMED = {
    "a count": "r = decoder.generate(ids, 9)\nassert r.num_tokens < 10 and len(r.per_token_latencies) > 3",
    "acceptance": "r = decoder.generate(ids, 9)\nassert r.alpha_hat > 0.2 and max(r.accepted_per_round) < 5",
    "it took time": "r = decoder.generate(ids, 9)\nassert r.total_time > 0",
    "twice the same": "r = load_results('x', ())\nassert abs(r['speedup'] - by_hand(r)) < 1e-9",
    "an equality": "r = decoder.generate(ids)\nassert r.total_time == approx(sum(r.per_token_latencies))",
    "a theory": "gain = theory.speedup(0.8, 4, 0.05)\nassert gain > 2.7",
    "a recorded file": "rows = json.loads(path.read_text())\nassert rows[0]['seconds'] < 2",
    "a name used again": "x = time.perf_counter()\nx = len(ids)\nassert x < 7",
    "shown": "print(time.perf_counter() < 7)",
    "another function's local": """
        def seconds():
            x = perf_counter()
            return x
        x = 3
        assert x < 4""",
    "chosen by a clock": "best = 4 if time.perf_counter() > 1 else 8\nassert best < 9",
    "a set clock": "result = GenerationResult([1], [0.5], 0.5)\nassert result.tokens_per_second < 3",
}


@pytest.mark.parametrize("source", TIMED.values(), ids=TIMED)
def test_an_assertion_that_hangs_on_a_clock_is_found(source: str):
    assert len(timed_assertions(dedent(source))) == 1


@pytest.mark.parametrize("source", UNTIMED.values(), ids=UNTIMED)
def test_any_other_is_left_alone(source: str):
    assert timed_assertions(dedent(source)) == []


def test_no_test_asserts_a_measured_time():
    found = {path.relative_to(ROOT): timed_assertions(path.read_text(encoding="utf8")) for path in TESTS}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_no_chapter_asserts_a_measured_time():
    found = {}
    for path in CHAPTERS:
        cells = nbformat.read(path, as_version=4).cells
        source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        lines = source.splitlines()
        found |= {(path.name, line): lines[line - 1] for line in timed_assertions(source)}
    assert found == {}
