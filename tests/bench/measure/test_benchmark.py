"""A whole benchmark on random tiny models: what is run, what is recorded, what is refused."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import tiny_models
import torch

from specdec_lib.bench.measure import arm
from specdec_lib.bench.measure import session as session_module
from specdec_lib.bench.measure.benchmark import Benchmark
from specdec_lib.bench.measure.costs import measure_costs
from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.measure.prompts import TokenisedPrompt, choose_prompts
from specdec_lib.bench.records.appending import append_records
from specdec_lib.bench.records.identity import OutputsDiffer, first_difference, require_identical
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.records.runs import load_session, runs_of
from specdec_lib.bench.records.schema import PHASES
from specdec_lib.bench.tables.prediction import costs_of, phase_table, prediction_table
from specdec_lib.bench.tables.summary import speedup_table
from specdec_lib.data.prompts import Prompt, PromptDataset
from specdec_lib.decoding import generation
from specdec_lib.decoding.drafters.draft_model import DraftModelState
from specdec_lib.errors import InvalidArgument, RecordError, UnsoundLogits
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult
from tests.bench.sessions import timed

GRID = Grid(k_values=(1, 3), domains=("code", "conversation"), max_new_tokens=9, num_prompts=2, repeats=2)
PROMPTS = {
    domain: [
        TokenisedPrompt(f"{domain}_{i:03d}", ids) for i, ids in enumerate(tiny_models.prompts(2, seed=seed))
    ]
    for seed, domain in enumerate(GRID.domains)
}


def benchmark(path: Path, grid: Grid = GRID, architecture: str = "llama", **options) -> Benchmark:
    target, draft = tiny_models.tiny_pair(architecture)
    return Benchmark(
        grid, target, draft, PROMPTS, path / "runs.jsonl", report=options.pop("report", lambda line: None)
    )


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> tuple[Path, list[str]]:
    """A results file with everything that the notebook measures, and the progress it reported."""
    path, lines = tmp_path_factory.mktemp("bench"), []
    bench = benchmark(path, report=lines.append)
    bench.warm_up()
    bench.measure()
    bench.measure_costs(repeats=3)
    bench.profile()
    return path / "runs.jsonl", lines


def test_one_record_a_run_with_configuration_hash_counts_and_times(session) -> None:
    records, problems = read_records(session[0])
    runs = [r for r in records if r["kind"] == "run"]
    assert problems == [] and len(runs) == GRID.num_runs == 2 * 2 * 2 * 2 * 3
    cells = {(r["config_hash"], r["prompt_id"], r["repeat"]) for r in runs}
    assert len(cells) == len(runs)
    assert {r["config_hash"] for r in runs} == {c.config_hash() for c in GRID.cells()}
    assert {r["decoder"] for r in runs} == {"AR", "SD-K1", "SD-K3"}
    for record in runs:
        assert record["result"]["total_time"] > 0 and record["environment"] and record["session"]
        assert record["models"]["target"]["dtype"] == "float32"
        assert record["prompt_tokens"] > 0


def test_every_run_is_equally_long(session) -> None:
    """Trap 30: the end of text is ignored."""
    runs = runs_of(read_records(session[0])[0])
    assert {run.result.num_tokens for run in runs} == {GRID.max_new_tokens}
    assert {run.result.finish_reason for run in runs} == {"length"}


def test_arms_are_interleaved_and_rotate(session) -> None:
    records = [r for r in read_records(session[0])[0] if r["kind"] == "run"]
    blocks = [records[i : i + 3] for i in range(0, len(records), 3)]
    for block in blocks:
        assert len({(r["prompt_id"], r["repeat"], r["config"]["temperature"], r["seed"]) for r in block}) == 1
        assert [r["turn"] for r in block] == [0, 1, 2]
    assert [block[0]["decoder"] for block in blocks[:4]] == ["AR", "SD-K1", "SD-K3", "AR"]


def test_at_temperature_0_all_arms_and_repeats_emit_the_same_ids(session) -> None:
    records = [r for r in read_records(session[0])[0] if r["kind"] == "run"]
    greedy = [r for r in records if r["config"]["temperature"] == 0]
    texts: dict[str, set] = {}
    for record in greedy:
        texts.setdefault(record["prompt_id"], set()).add(tuple(record["result"]["generated_ids"]))
    assert all(len(ids) == 1 for ids in texts.values()) and len(texts) == 4
    assert require_identical(records) == sum(r["decoder"] != "AR" for r in greedy)
    assert {r["first_difference"] for r in records if r not in greedy} == {None}


def test_repeats_sample_anew_and_a_session_can_be_repeated(session, tmp_path: Path) -> None:
    bench = benchmark(tmp_path)
    again = {key(r): r["result"]["generated_ids"] for r in bench.measure()}
    first = {key(r): r["result"]["generated_ids"] for r in read_records(session[0])[0] if r["kind"] == "run"}
    assert again == first
    sampled = [k for k in first if k[0] == 0.8 and k[3] == 0]
    assert any(first[k] != first[(*k[:3], 1)] for k in sampled)


def key(record: dict) -> tuple:
    return record["config"]["temperature"], record["config"]["K"], record["prompt_id"], record["repeat"]


def test_profiles_are_marked_and_never_summarised(session) -> None:
    """Trap 33."""
    records, _ = load_session(session[0])
    profiled = [r for r in records if r["kind"] == "profile"]
    assert len(profiled) == 2 * 2 * 3
    assert len(runs_of(records)) == GRID.num_runs
    for record in (r for r in records if r["kind"] == "run"):
        assert all(record["result"][f"{phase}_time_total_ms"] == 0 for phase in PHASES)
    for row in phase_table(records):
        assert row["verify_ms"] > 0 and (row["draft_ms"] > 0) == (row["k"] > 0)
        assert row["round_ms"] == pytest.approx(sum(row[f"{p}_ms"] for p in (*PHASES, "other")))


def test_the_phases_are_those_of_the_decoder() -> None:
    assert PHASES == generation.PHASES


def test_costs_are_of_every_width_that_the_decoders_use(session) -> None:
    costs = costs_of(read_records(session[0])[0])
    assert set(costs["target_ms"]) == {1, 2, 4} and set(costs["v"]) == {1, 3}
    assert costs["c"] > 0 and all(v > 0 for v in costs["v"].values())


def test_records_lead_to_a_speedup_and_a_prediction_for_every_cell(session) -> None:
    records, _ = load_session(session[0])
    assert len(speedup_table(runs_of(records), draws=20)) == 2 * 3 * 2
    assert len(prediction_table(records, draws=20)) == 2 * 3 * 2


def test_progress_is_told_as_it_goes(session) -> None:
    heading, *rows = session[1][: 1 + 2 * 2 * 2]
    assert heading.split() == ["runs", "T", "tokens/s", "AR", "SD-K1", "SD-K3", "left"]
    told = [row.split() for row in rows]
    assert [(row[1], row[2]) for row in told] == [(t, d) for t in ("0", "0.8") for d in GRID.domains] * 2
    assert all(int(rate) > 0 for row in told for rate in row[3:6])
    assert told[-1][0] == f"{GRID.num_runs}/{GRID.num_runs}" and rows[-1].endswith("     0 s")


def test_progress_stands_in_columns_that_fit_in_a_terminal(session, tmp_path: Path) -> None:
    """With the longest names of the default grid, whatever the rates are up to five digits."""
    ends = [[end.end() for end in re.finditer(r"\S+(?: s$)?", line)] for line in session[1][: 1 + 2 * 2 * 2]]
    assert len(ends) == 9 and len({(*row[:2], *row[3:]) for row in ends}) == 1
    whole = benchmark(tmp_path, Grid(repeats=3))
    cells = [*("720/720", "0.8", "summarization"), *["12345"] * len(whole.grid.arms), "1234 s"]
    assert len(f"[bench] {whole._row(*cells)}") <= 80


def test_every_run_has_a_decoder_of_its_own(tmp_path: Path, monkeypatch) -> None:
    """Trap 29: no draft keeps anything from the run before."""
    made = []

    class Watched(arm.SpeculativeDecoder):
        def __init__(self, *arguments, **options) -> None:
            super().__init__(*arguments, **options)
            made.append(self.drafter)

    monkeypatch.setattr(arm, "SpeculativeDecoder", Watched)
    grid = Grid(
        k_values=(2,), domains=("code",), temperatures=(0.0,), max_new_tokens=4, num_prompts=2, repeats=2
    )
    benchmark(tmp_path, grid).measure()
    assert len({id(drafter) for drafter in made}) == len(made) == 4


def test_a_full_disk_ends_the_benchmark_and_keeps_what_was_measured(tmp_path: Path, monkeypatch) -> None:
    bench = benchmark(tmp_path)
    written = []

    def append_until_full(path, records) -> None:
        if len(written) == 2:
            raise RecordError("append: No space left on device")
        written.append(append_records(path, records))

    monkeypatch.setattr(session_module, "append_records", append_until_full)
    with pytest.raises(RecordError, match="No space left"):
        bench.measure()
    records, problems = read_records(tmp_path / "runs.jsonl")
    assert len(records) == 2 * len(GRID.arms) and problems == []  # a block is there whole, or not at all


def result(ids: list[int]) -> GenerationResult:
    return GenerationResult(generated_ids=ids)


def test_the_first_difference() -> None:
    assert first_difference(result([1, 2, 3]), result([1, 2, 3])) == -1
    assert first_difference(result([1, 9, 3]), result([1, 2, 3])) == 1
    assert first_difference(result([1, 2]), result([1, 2, 3])) == 2
    assert first_difference(result([1, 2, 3]), result([1, 2])) == 2


def test_a_difference_fails_in_float32_and_is_only_a_fact_in_bfloat16() -> None:
    """Trap 24."""
    changes = {"decoder": "SD-K3", "prompt_id": "code_001", "first_difference": 5}
    record = timed(k=3, prompts=1, repeats=1)[1] | changes
    with pytest.raises(OutputsDiffer, match="SD-K3 differs from AR on code_001 from token 5"):
        require_identical([record | {"first_difference": -1}, record])
    half = record | {"models": {"target": record["models"]["target"] | {"dtype": "bfloat16"}}}
    assert require_identical([half, half | {"first_difference": -1}]) == 1


def test_a_lossy_decoder_is_caught(tmp_path: Path, monkeypatch) -> None:
    """A bug put in on purpose: the speculative arm emits one wrong token."""
    honest = arm.SpeculativeDecoder.generate

    def lossy(self, *arguments, **options):
        outcome = honest(self, *arguments, **options)
        outcome.generated_ids[3] = (outcome.generated_ids[3] + 1) % tiny_models.VOCAB
        return outcome

    monkeypatch.setattr(arm.SpeculativeDecoder, "generate", lossy)
    grid = Grid(
        k_values=(2,), domains=("code",), temperatures=(0.0,), max_new_tokens=6, num_prompts=1, repeats=1
    )
    with pytest.raises(OutputsDiffer, match="from token 3 on"):
        require_identical(benchmark(tmp_path, grid).measure())


def dataset(lengths: list[int]) -> PromptDataset:
    prompts = [Prompt(f"code_{i:03d}", "code", "x" * n, n) for i, n in enumerate(lengths)]
    return PromptDataset(tuple(prompts))


class CharacterModel(ModelWrapper):
    """As much of a model as choosing prompts needs: a token a character, and a context of twenty."""

    context_length = 20  # type: ignore[assignment]

    def __init__(self) -> None:
        pass

    def encode(self, text: str) -> list[int]:
        return [1] * len(text)


def test_prompts_are_spread_over_those_with_room_to_generate() -> None:
    grid = Grid(domains=("code",), max_new_tokens=8, num_prompts=2)
    chosen = choose_prompts(grid, CharacterModel(), dataset([5, 13, 12, 6, 7]))
    assert [(p.prompt_id, len(p.ids)) for p in chosen["code"]] == [("code_000", 5), ("code_003", 6)]


def test_too_few_prompts_with_room_are_refused() -> None:
    model = CharacterModel()
    for tokens, fitting in ((8, 2), (model.context_length, 0)):
        grid = Grid(domains=("code",), max_new_tokens=tokens, num_prompts=3)
        room = f"code has {fitting} prompts .* {tokens} new tokens .* {model.context_length}, 3 are asked"
        with pytest.raises(InvalidArgument, match=room) as refusal:
            choose_prompts(grid, model, dataset([5, 13, 12]))
        assert ("fewer prompts" in str(refusal.value)) == bool(fitting)


@pytest.mark.parametrize("context, repeats", [([], 3), ([1, 2], 0)])
def test_costs_need_a_context_and_a_repeat(context: list[int], repeats: int) -> None:
    target, draft = tiny_models.tiny_pair("gpt2")
    with pytest.raises(InvalidArgument, match="pass at least 1 of each"):
        measure_costs(target, draft, context, (1,), repeats)


def test_costs_behind_a_context_shorter_than_the_widest_forward() -> None:
    target, draft = tiny_models.tiny_pair("gpt2")
    costs = measure_costs(target, draft, [5, 6], (8,), repeats=2)
    assert {(f["model"], f["width"]): len(f["seconds"]) for f in costs["forwards"]} == {
        ("draft", 1): 16,
        ("target", 1): 6,
        ("target", 9): 2,
    }


def test_a_compiled_draft_is_timed_by_whole_proposals(monkeypatch) -> None:
    """Its K steps are one graph, so a step by itself would be the price of something that never runs."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    target, draft = (ModelWrapper(model.model, compile=True) for model in tiny_models.tiny_pair("llama"))
    proposals = []
    propose = DraftModelState.propose
    monkeypatch.setattr(
        DraftModelState,
        "propose",
        lambda self, ids, k, *more: proposals.append(k) or propose(self, ids, k, *more),
    )
    costs = measure_costs(target, draft, [5, 6, 7], (2, 4), repeats=2)
    counts = {(f["model"], f["width"]): len(f["seconds"]) for f in costs["forwards"]}
    assert counts == {("target", 1): 6, ("target", 3): 2, ("target", 5): 2, ("draft", 1): 2 * (2 + 4)}
    assert sorted(proposals[-4:]) == [2, 2, 4, 4] and draft.compiled.active


def test_logits_that_are_no_numbers_leave_no_record_of_their_block(tmp_path: Path, monkeypatch) -> None:
    """Blocks before it are kept; of its own block also the arms that ran are not."""
    bench = benchmark(tmp_path)
    real, calls = arm.Ours.__call__, itertools.count()

    def unsound(self, *job) -> GenerationResult:
        if next(calls) == len(GRID.arms) + 2:  # the last arm of the second block
            raise UnsoundLogits("logits of llama hold NaN")
        return real(self, *job)

    monkeypatch.setattr(arm.Ours, "__call__", unsound)
    with pytest.raises(UnsoundLogits):
        bench.measure()
    assert len(read_records(tmp_path / "runs.jsonl")[0]) == len(GRID.arms)


# -- policies ------------------------------------------------------------------------------------------------


def test_a_policy_is_an_arm_with_its_name_in_every_record_and_costs_from_the_session(tmp_path) -> None:
    grid = Grid(
        k_values=(2, "cost-aware:most=3", "confidence"), domains=("code",), temperatures=(0.0,),
        max_new_tokens=6, num_prompts=1, repeats=1,
    )  # fmt: skip
    first = benchmark(tmp_path, grid)
    first.warm_up()
    runs = first.measure()
    assert [run["decoder"] for run in runs] == ["AR", "SD-K2", "SD-cost-aware:most=3", "SD-confidence:0.4"]
    assert [run["config"].get("policy") for run in runs] == [
        None,
        None,
        "cost-aware:most=3",
        "confidence:0.4",
    ]
    assert [run["config"]["K"] for run in runs] == [0, 2, 3, 8]
    assert {run["first_difference"] for run in runs[1:]} == {-1}
    records, problems = read_records(tmp_path / "runs.jsonl")
    assert not problems
    [costs] = [record for record in records if record["kind"] == "costs"]
    widths = {one["width"] for one in costs["costs"]["forwards"] if one["model"] == "target"}
    assert widths == {1, 2, 3, 4, 9}
    arms = {record["decoder"]: record["arm"] for record in records if record["kind"] == "arm"}
    assert {arm["options"]["draft_length"] for arm in arms.values()} == {
        "cost-aware:most=3",
        "confidence:0.4",
    }
    assert len({arm["facts_hash"] for arm in arms.values()}) == 2

    again = Benchmark(
        grid, first.target, first.draft, PROMPTS, tmp_path / "runs.jsonl", lambda line: None, resume=True
    )
    again.warm_up()
    assert again.num_left == 0 and len(again.measure()) == len(runs)
    assert read_records(tmp_path / "runs.jsonl")[0] == records
