"""Policies stand beside the draft lengths that are numbers, and never among them."""

from __future__ import annotations

import pytest

from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.runs import policies_of, runs_of
from specdec_lib.bench.tables.lengths import latencies, length_cells
from specdec_lib.bench.tables.prediction import phase_table
from specdec_lib.bench.tables.summary import speedup_table
from tests.bench.sessions import as_policy, by_policy, profiled, timed


def session() -> list[Record]:
    both = [timed(domain, k=8, accepted=2) for domain in ("code", "conversation")]
    policies = [by_policy("cost-aware", domain=d, k=8, accepted=3) for d in ("code", "conversation")]
    return [record for part in (*both, *policies) for record in part]


def test_a_policy_is_no_draft_length_of_its_most_tokens() -> None:
    records = session()
    assert policies_of(records) == ["cost-aware"]
    alone = [record for record in records if not record["config"].get("policy")]
    assert speedup_table(runs_of(records)) == speedup_table(runs_of(alone))
    assert {run.config.policy for run in runs_of(records, "cost-aware") if run.k} == {"cost-aware"}
    assert runs_of(records, "entropy:0.4") == [run for run in runs_of(records) if not run.k]


def test_cells_come_by_domain_numbers_first() -> None:
    cells = length_cells(session())
    domains = ["code", "conversation", "all"]
    assert [(cell.speedup.domain, cell.length) for cell in cells] == [
        (domain, length) for domain in domains for length in ("8", "cost-aware")
    ]
    fixed, policy = cells[:2]
    assert fixed.acceptance is not None and policy.acceptance is not None
    assert policy.acceptance.mean_acceptance_length == pytest.approx(4)
    assert policy.speedup.speedup > fixed.speedup.speedup
    assert policy.speedup.ar_tokens_per_second == fixed.speedup.ar_tokens_per_second


def test_latencies_hold_the_baseline_once() -> None:
    assert [row.decoder for row in latencies(session())] == ["AR", "SD-K8", "SD-cost-aware"]


def test_profiled_rounds_of_a_policy_are_none_of_one_k() -> None:
    records = [profiled(8, 2)]
    policy = as_policy(profiled(8, 2), "cost-aware")
    assert phase_table([*records, policy]) == phase_table(records)
