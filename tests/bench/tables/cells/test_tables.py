"""Every table against counts that are added up here by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_cells import ROUNDS, made_cell, made_sweep

from specdec_lib.bench.tables.cells.forwards import forward_rows
from specdec_lib.bench.tables.cells.gathering import gather
from specdec_lib.bench.tables.cells.tables import SweepTables, counted_cells, machine_words, sweep_tables
from specdec_lib.theory.speedup import speedup


@pytest.fixture(scope="module")
def tables() -> SweepTables:
    return sweep_tables(counted_cells(made_sweep(seeds=(0, 1), num_prompts=6)))


def test_a_speedup_is_total_over_total_with_its_seeds_pooled(tables: SweepTables) -> None:
    cells = [made_cell(4, "code", 0.0, alpha=0.85, seed=seed, num_prompts=6) for seed in (0, 1)]
    seconds, tokens = (
        [
            sum(sum(getattr(arm(cell), name)) for cell in cells)
            for arm in (lambda c: c.baseline_counts, lambda c: c.counts)
        ]
        for name in ("seconds", "num_tokens")
    )
    (row,) = [r for r in tables.speedups if (r.domain, r.k, r.temperature) == ("code", 4, 0.0)]
    assert row.speedup == pytest.approx((seconds[0] / tokens[0]) / (seconds[1] / tokens[1]))
    assert row.ar_tokens_per_second == pytest.approx(tokens[0] / seconds[0])
    assert row.low < row.speedup < row.high and row.has_interval
    assert (row.num_cells, row.num_pairs, row.num_prompts) == (2, 12, 6)
    assert row.num_identical == row.num_compared == 12


def test_all_domains_together_lie_between_the_domains(tables: SweepTables) -> None:
    own = {row.domain: row for row in tables.speedups if (row.k, row.temperature) == (4, 0.0)}
    together = own.pop("all")
    assert min(r.speedup for r in own.values()) < together.speedup < max(r.speedup for r in own.values())
    assert together.num_pairs == sum(row.num_pairs for row in own.values())
    assert together.high - together.low < max(row.high - row.low for row in own.values())


def test_one_prompt_has_no_interval() -> None:
    (row,) = sweep_tables(counted_cells([made_cell(4, num_prompts=1)])).speedups
    assert not row.has_interval and row.low == row.speedup == row.high


def test_a_block_without_time_counts_for_nothing() -> None:
    cell = made_cell(4, num_prompts=3)
    counts = {**cell.line["counts"], "seconds": [0.0, *cell.counts.seconds[1:]]}
    (row,) = sweep_tables(counted_cells([cell | {"counts": counts}])).speedups
    assert row.num_pairs == row.num_prompts == 2


def test_alpha_is_accepted_over_judged(tables: SweepTables) -> None:
    cells = [made_cell(8, "code", 0.8, alpha=0.77, seed=seed, num_prompts=6) for seed in (0, 1)]
    accepted, rejected, drafted = (
        sum(sum(getattr(cell.counts, name)) for cell in cells)
        for name in ("num_accepted_tokens", "num_rejections", "num_draft_tokens")
    )
    (row,) = [r for r in tables.acceptance if (r.domain, r.k, r.temperature) == ("code", 8, 0.8)]
    assert row.alpha_hat == pytest.approx(accepted / (accepted + rejected))
    assert row.acceptance_rate == pytest.approx(accepted / drafted)
    assert row.alpha_low < row.alpha_hat < row.alpha_high
    positions = [r for r in tables.positions if (r.domain, r.k, r.temperature) == ("code", 8, 0.8)]
    assert sum(r.num_accepted for r in positions) == accepted
    assert sum(r.num_drafted for r in positions) == drafted
    assert [r.position for r in positions] == list(range(1, 9))
    for row in positions:
        assert row.conditional is None or row.unconditional <= row.conditional <= 1


def test_texts_are_those_of_all_lengths_and_warmth_keeps_less(tables: SweepTables) -> None:
    for domain in ("code", "conversation", "summarization"):
        cold, warm = [row for row in tables.texts if row.domain == domain]
        assert cold.temperature < warm.temperature and cold.alpha_hat > warm.alpha_hat
        assert len(cold.alphas) == cold.num_prompts == 6
        assert cold.alphas == sorted(cold.alphas)
        assert cold.alphas[0] <= cold.alpha_hat <= cold.alphas[-1]


def test_latencies_come_back_from_their_bins(tables: SweepTables) -> None:
    for row in tables.latencies:
        assert row.quantiles_ms == sorted(row.quantiles_ms) and len(row.quantiles_ms) == 201
        assert row.p50_ms <= row.p95_ms <= row.p99_ms
    plain = next(row for row in tables.latencies if row.k == 0)
    assert plain.decoder == "AR" and plain.p50_ms == pytest.approx(20.0, rel=0.05)
    assert plain.tpot_ms == pytest.approx(20.0, rel=0.05)
    assert plain.ttft_ms > plain.tpot_ms  # it also reads the prompt


def test_a_round_is_the_sum_of_its_phases_and_stands_beside_a_step(tables: SweepTables) -> None:
    assert {row.decoder for row in tables.phases} == {"K = 1", "K = 2", "K = 4", "K = 8"}
    for row in tables.phases:
        parts = row.draft_ms + row.verify_ms + row.sampling_ms + row.rollback_ms + row.other_ms
        assert parts == pytest.approx(row.round_ms)
        assert row.step_ms == pytest.approx(20.0, rel=0.05)


def test_the_first_text_of_each_length_has_its_rounds(tables: SweepTables) -> None:
    assert len(tables.timelines) == 8
    rounds = tables.timelines[0].rounds
    assert [[r["drafted"], r["accepted"], r["total_ms"]] for r in rounds] == [
        [r[0], r[1], r[6]] for r in ROUNDS
    ]


def test_forwards_say_what_weights_and_operations_a_second_they_imply() -> None:
    cell = made_cell(4)
    target = {**cell.models["target"], "parameters": 10**7, "memory_mb": 40.0}
    rows = forward_rows(gather([cell | {"models": {**cell.models, "target": target}}]))
    one, wide, draft = rows
    assert (one.width, wide.width, draft.model) == (1, 5, "draft")
    assert wide.ratio == pytest.approx(1.12)
    assert one.gigabytes_per_second == pytest.approx(40 * 2**20 / 0.02 / 1e9)
    assert wide.gigaflops == pytest.approx(2 * 5 * 1e7 / 0.0224 / 1e9)
    assert wide.intensity == pytest.approx(5 * one.intensity)
    assert draft.gigabytes_per_second is None  # nobody recorded its bytes


def test_a_prediction_is_the_law_of_its_parts(tables: SweepTables) -> None:
    assert len(tables.predictions) == len(tables.speedups)
    for row in tables.predictions:
        assert row.predicted == pytest.approx(speedup(row.alpha_hat, row.k, row.c, row.v, row.overhead))
        assert row.difference == pytest.approx(row.measured / row.predicted - 1)
        assert row.is_inside == (row.low <= row.predicted <= row.high)
    assert np.mean([row.is_inside for row in tables.predictions]) > 0.8  # they are made by that law


def test_a_policy_is_named_and_not_predicted() -> None:
    cell = made_cell(4)
    config = {**cell.line["config"], "policy": "cost-aware"}
    tables = sweep_tables(counted_cells([cell, cell | {"config": config, "key": "p"}]))
    assert {row.length for row in tables.speedups} == {"4", "cost-aware"}
    assert {row.length for row in tables.predictions} == {"4"}
    assert {row.decoder for row in tables.phases} == {"K = 4", "cost-aware"}


def test_other_prompts_of_a_domain_are_another_group() -> None:
    cell = made_cell(4)
    other = cell | {"made_of": {**cell.made_of, "prompts": "f" * 12}}
    rows = sweep_tables(counted_cells([cell, other])).speedups
    assert {row.domain for row in rows} == {"code (dddddddd)", "code (ffffffff)"}


def test_what_was_not_recorded_leaves_its_tables_empty() -> None:
    bare = dict(made_cell(4).line)
    for name in ("costs", "phases", "rounds", "memory_mb"):
        del bare[name]
    tables = sweep_tables(counted_cells([made_cell(4).of(bare)]))
    assert tables.forwards == tables.predictions == tables.phases == tables.timelines == []
    assert tables.speedups and all(row.memory_mb is None for row in tables.stages)


def test_numbers_are_finite_and_rows_are_plain(tables: SweepTables) -> None:
    def check(value: object) -> None:
        if isinstance(value, dict):
            [check(one) for one in value.values()]
        elif isinstance(value, list):
            [check(one) for one in value]
        else:
            assert value is None or type(value) in (str, int, bool, float), type(value)
            assert not isinstance(value, float) or math.isfinite(value)

    check(tables.to_dict())


def test_a_machine_in_words() -> None:
    assert machine_words({"gpu": "H200", "cpu": "x"}) == "H200"
    assert machine_words({}) == "unknown machine"
