"""The papers' tables as data: what was published, and where the law can and cannot explain it."""

from __future__ import annotations

from specdec_lib.theory.published import CHEN_2023, LEVIATHAN_2023, SPEC_BENCH_2024
from specdec_lib.theory.speedup import expected_tokens, speedup


def test_the_table_of_leviathan_has_twelve_lines_with_all_that_the_law_needs():
    assert len(LEVIATHAN_2023) == 12 == len({run.name for run in LEVIATHAN_2023})
    first, last = LEVIATHAN_2023[0], LEVIATHAN_2023[-1]
    assert first.name == "En-De, T5-small, T = 0"
    assert (first.k, first.alpha, first.c, first.speedup) == (7, 0.75, 0.02, 3.4)
    assert last.name == "CNN/DM, T5-large, T = 1"
    assert (last.k, last.alpha, last.c, last.speedup) == (3, 0.56, 0.11, 1.7)
    assert {(run.draft, run.c) for run in LEVIATHAN_2023} == {
        ("T5-small", 0.02),
        ("T5-base", 0.04),
        ("T5-large", 0.11),
    }


def test_the_law_ranks_the_drafts_of_each_task_as_the_clock_did():
    """T5-large was the slowest draft everywhere, and the law says so."""
    for first in range(0, 12, 3):
        small, base, large = LEVIATHAN_2023[first : first + 3]
        for of in (lambda run: run.speedup, lambda run: speedup(run.alpha, run.k, run.c)):
            assert of(large) < min(of(small), of(base))


def test_some_lines_beat_even_a_free_draft_and_so_no_cost_explains_them():
    beyond = [run.name for run in LEVIATHAN_2023 if run.speedup > expected_tokens(run.alpha + 0.005, run.k)]
    assert beyond == ["CNN/DM, T5-small, T = 0", "CNN/DM, T5-small, T = 1", "CNN/DM, T5-base, T = 1"]


def test_the_times_of_chen_are_not_quite_their_speedup():
    nucleus = CHEN_2023[0]
    assert nucleus.name == "XSum, nucleus" and CHEN_2023[2].name == "HumanEval"
    assert round(nucleus.plain_ms / nucleus.speculative_ms, 3) == 1.875 and nucleus.speedup == 1.92
    assert all(run.k == 4 and run.alpha is None for run in CHEN_2023)


def test_spec_bench_has_nine_drafts_of_which_four_are_not_trained():
    assert len({line.method for line in SPEC_BENCH_2024}) == 9
    assert [line.kind for line in SPEC_BENCH_2024].count("nothing is trained") == 4
    assert all(line.round_cost > 1 for line in SPEC_BENCH_2024), "no draft is free"
    assert (SPEC_BENCH_2024[-1].method, SPEC_BENCH_2024[-1].speedup) == ("EAGLE-2", 2.36)
