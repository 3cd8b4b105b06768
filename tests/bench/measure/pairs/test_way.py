"""Whose engine, which verifier, how many texts at a time: what runs is what the record says."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_models

from specdec_lib.bench.measure.benchmark import Benchmark
from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.measure.pairs.blocks import in_batches
from specdec_lib.bench.measure.pairs.stages import Stages
from specdec_lib.bench.measure.pairs.way import Way
from specdec_lib.bench.measure.prompts import TokenisedPrompt
from specdec_lib.bench.records.identity import require_identical
from specdec_lib.bench.records.kinds import CostsRecord, ProfileRecord, RunRecord, StagesRecord, of_kind
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.sweep.condensing import cell_record
from specdec_lib.decoding.drafters.grammar import open_draft
from specdec_lib.errors import InvalidArgument

GRID = Grid(k_values=(3,), domains=("code",), temperatures=(0.0,), max_new_tokens=9, num_prompts=3, repeats=1)
PROMPTS = {
    "code": [TokenisedPrompt(f"code_{i:03d}", ids) for i, ids in enumerate(tiny_models.prompts(3, seed=1))]
}


def measured(path: Path, way: Way, draft: str | None = None) -> list:
    """The records of a whole session in that way."""
    target, model = tiny_models.tiny_pair("llama")
    drafter = model if draft is None else open_draft(draft, target)
    stages = Stages()
    asked = GRID, target, drafter, PROMPTS, path / "runs.jsonl", lambda line: None
    bench = Benchmark(*asked, way=way)
    with stages.stage("runs"):
        bench.warm_up()
        require_identical(bench.measure())
    bench.measure_costs(repeats=2)
    bench.profile()
    bench.append_stages(stages)
    records, problems = read_records(path / "runs.jsonl")
    assert problems == []
    return records


@pytest.mark.parametrize("way", [Way(), Way(verifier="block"), Way(batch=2), Way(engine="transformers")])
def test_a_session_says_in_which_way_it_ran_and_condenses_to_a_cell(tmp_path, way: Way) -> None:
    records = measured(tmp_path, way)
    cell = cell_record(records, key="1", sweep="mine", parameters={}, made_of={}, engine=way.engine)
    assert (cell.arm.library, cell.arm.verifier, cell.arm.batch) == (way.engine, way.verifier, way.batch)
    assert cell.baseline.library == way.engine and cell.baseline.drafter is None
    assert cell.seconds.keys() == {"runs"} and cell.memory_mb is not None and cell.memory_mb["runs"] > 0
    assert sum(cell.counts.num_tokens) == 9 * way.batch * len(cell.blocks.prompt_ids)
    assert set(cell.blocks.first_difference) == {-1}
    assert bool(list(of_kind(records, ProfileRecord))) is way.is_plain is bool(cell.rounds)
    assert bool(list(of_kind(records, CostsRecord))) is (way.engine == "specdec_lib")


def test_texts_of_a_batch_are_those_that_come_alone(tmp_path) -> None:
    alone = {r.prompt_id: r.result.generated_ids for r in of_kind(measured(tmp_path / "a", Way()), RunRecord)}
    together = list(of_kind(measured(tmp_path / "b", Way(batch=2)), RunRecord))
    assert {r.prompt_id for r in together} == {"code_000+code_001", "code_002+code_000"}
    for record in together:
        first, second = record.prompt_id.split("+")
        assert record.result.generated_ids == alone[first] + alone[second]
        assert record.prompt_tokens == sum(
            len(prompt.ids) for prompt in PROMPTS["code"] if prompt.prompt_id in (first, second)
        )


def test_the_last_batch_is_filled_up_with_the_first_prompts() -> None:
    names = [batch.prompt_id for batch in in_batches(PROMPTS["code"], 4)]
    assert names == ["code_000+code_001+code_002+code_000"]


def test_transformers_looks_up_what_lookup_would(tmp_path) -> None:
    (stages,) = of_kind(measured(tmp_path, Way(engine="transformers"), "lookup"), StagesRecord)
    assert stages.arms["SD-K3"]["method"] == "lookup" and stages.arms["AR"]["method"] == "autoregressive"


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ({"engine": "vllm"}, "engine is 'vllm'; choose from specdec_lib, transformers"),
        ({"verifier": "tokn"}, "verifier is 'tokn'"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": True}, "batch is True"),
        ({"engine": "transformers", "verifier": "block"}, "one text at a time and verifies token by token"),
        ({"engine": "transformers", "batch": 2}, "one text at a time"),
    ],
)
def test_what_an_engine_does_not_have_is_refused(way: dict, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        Way(**way)


@pytest.mark.parametrize(
    ("draft", "lengths", "compiled", "said"),
    [
        ("suffix", (4,), False, "the draft 'suffix'"),
        (None, ("cost-aware",), False, "the draft length 'cost-aware'"),
        (None, (4,), True, "compiled models"),
    ],
)
def test_what_generate_cannot_take_is_refused_before_anything_runs(draft, lengths, compiled, said) -> None:
    target, model = tiny_models.tiny_pair("llama")
    drafter = model if draft is None else open_draft(draft, target)
    with pytest.raises(InvalidArgument, match=said):
        Way(engine="transformers").require(drafter, lengths, compiled)
    Way().require(drafter, lengths, compiled)


def test_stages_add_up_and_are_told_also_where_one_ends_in_an_error() -> None:
    stages = Stages()
    for _ in range(2):
        with pytest.raises(ValueError), stages.stage("load"):
            raise ValueError
    assert list(stages.seconds) == ["load"] == list(stages.memory_mb) and stages.seconds["load"] > 0
