"""The record of a cell holds the counts of its session, and nothing that they do not say."""

from __future__ import annotations

import pytest

from specdec_lib.bench.records.kinds import ArmRecord, RunRecord, of_kind
from specdec_lib.bench.records.kinds.counts import bin_seconds, binned, latency_bin
from specdec_lib.bench.records.parts import Facts, RecordedArm
from specdec_lib.bench.records.synthetic import SyntheticPair, synthetic_session
from specdec_lib.bench.sweep.condensing import cell_record
from specdec_lib.errors import RecordError

ASKED = {"key": "1", "sweep": "mine", "parameters": {}, "made_of": {}}


def session(**more):
    return synthetic_session(SyntheticPair(v={4: 1.1}), num_prompts=3, repeats=2, num_tokens=32, **more)


def test_counts_are_those_of_the_runs() -> None:
    records = session()
    cell, runs = cell_record(records, **ASKED), list(of_kind(records, RunRecord))
    drafted = [run.result for run in runs if run.config.K]
    assert cell.counts.num_accepted_tokens == [sum(r.accepted_per_round) for r in drafted]
    assert cell.counts.num_draft_tokens == [sum(r.drafted_per_round) for r in drafted]
    assert sum(n for _, _, n in cell.counts.outcomes) == sum(len(r.drafted_per_round) for r in drafted)
    assert sum(a * n for _, a, n in cell.counts.outcomes) == sum(cell.counts.num_accepted_tokens)
    assert cell.blocks.repeats == [0] * 3 + [1] * 3 and set(cell.blocks.first_difference) == {-1}
    assert cell.baseline_counts.num_drafts == [0] * 6 and cell.baseline_counts.outcomes == []
    later = [t for run in runs if not run.config.K for t in run.result.per_token_latencies[1:]]
    assert sum(n for _, n in cell.baseline_counts.latencies) == len(later)


def test_a_session_that_lacks_an_arm_or_refused_one_is_no_cell() -> None:
    records = session()
    alone = [r for r in records if not (isinstance(r, RunRecord) and r.config.K)]
    with pytest.raises(RecordError, match="6 runs of the baseline and 0 of the draft"):
        cell_record(alone, **ASKED)
    arm = RecordedArm.of(Facts("specdec_lib", "speculative", 4))
    refused = ArmRecord(pair="p", decoder="SD-K4", arm=RecordedArm(**{**vars(arm), "refused": "no room"}))
    with pytest.raises(RecordError, match="SD-K4 was refused: no room"):
        cell_record([*records, refused], **ASKED)


def test_a_latency_lies_within_its_bin() -> None:
    for seconds in (1e-6, 3.3e-5, 0.017, 2.5, 1e-9):
        number = latency_bin(seconds)
        assert bin_seconds(number) <= max(seconds, 1e-6) * (1 + 1e-12) < bin_seconds(number + 1) * (1 + 1e-9)
    assert binned([0.01, 0.01, 0.5]) == [[latency_bin(0.01), 2], [latency_bin(0.5), 1]]
