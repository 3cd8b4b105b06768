"""A benchmark that was cut off goes on where it stopped: no block twice, none left out, one session."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from pathlib import Path

import pytest
import tiny_models
import torch

from specdec_lib.bench.measure.arm import Ours
from specdec_lib.bench.measure.benchmark import Benchmark
from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.measure.prompts import ChosenPrompts, TokenisedPrompt
from specdec_lib.bench.measure.resume import missing_blocks, recorded_keys
from specdec_lib.bench.records.appending import append_records
from specdec_lib.bench.records.kinds import ProfileRecord
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.records.runs import load_session, runs_of
from specdec_lib.bench.tables.summary import speedup_table
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from tests.bench.sessions import timed

AXES = {"domains": ("code",), "temperatures": (0.0, 0.8), "max_new_tokens": 6, "num_prompts": 2}
GRID = Grid(k_values=(1, 2), repeats=2, **AXES)
PROMPTS = {"code": [TokenisedPrompt(f"code_{i}", ids) for i, ids in enumerate(tiny_models.prompts(2))]}


def benchmark(path: Path, grid: Grid = GRID, resume: bool = False, **options) -> Benchmark:
    target, draft = tiny_models.tiny_pair("llama")
    options.setdefault("report", lambda line: None)
    return Benchmark(grid, target, draft, PROMPTS, path / "runs.jsonl", resume=resume, **options)


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory) -> Path:
    """The records of the whole grid, measured once for all tests."""
    folder = tmp_path_factory.mktemp("whole")
    benchmark(folder).measure()
    return folder / "runs.jsonl"


@pytest.fixture
def measured(recorded_once: Path, tmp_path: Path) -> Path:
    """A folder in which the whole grid was measured."""
    shutil.copy(recorded_once, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def finished_once(recorded_once: Path, tmp_path_factory) -> Path:
    """The records of the whole grid, with its costs and its profile."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copy(recorded_once, folder)
    last = benchmark(folder, resume=True)
    last.measure(), last.measure_costs(repeats=2), last.profile()
    return folder / "runs.jsonl"


@pytest.fixture
def finished(finished_once: Path, tmp_path: Path) -> Path:
    """A folder in which the whole grid was measured, with its costs and its profile."""
    shutil.copy(finished_once, tmp_path)
    return tmp_path


class Cut(BaseException):
    """The machine went down."""


def cut_off(path: Path, after: int, monkeypatch) -> None:
    """A benchmark that ends in the middle of its block number ``after``."""
    honest, jobs = Ours.__call__, itertools.count()

    def failing(self, *job):
        if next(jobs) == after * len(GRID.arms) + 1:
            raise Cut
        return honest(self, *job)

    with monkeypatch.context() as cutting, pytest.raises(Cut):
        cutting.setattr(Ours, "__call__", failing)
        benchmark(path).measure()


def test_what_is_left_runs_once_in_the_same_session(tmp_path: Path, monkeypatch) -> None:
    cut_off(tmp_path, 3, monkeypatch)
    before = read_records(tmp_path / "runs.jsonl")[0]
    assert len(before) == 3 * 3
    left = missing_blocks(GRID, PROMPTS, before)
    assert left == list(GRID.blocks())[3:]

    lines: list[str] = []
    runs = benchmark(tmp_path, resume=True, report=lines.append).measure()
    records, problems = load_session(tmp_path / "runs.jsonl")
    assert problems == [] and records[: len(before)] == before and runs == records
    assert (
        len(records) == GRID.num_runs == len({(r["config_hash"], r["prompt_id"], r["repeat"]) for r in runs})
    )
    assert len({r["session"] for r in records}) == 1 and missing_blocks(GRID, PROMPTS, records) == []
    assert lines[0] == f"9 runs are recorded already, {GRID.num_runs - 9} are left"
    assert lines[-1].split()[0] == f"{GRID.num_runs - 9}/{GRID.num_runs - 9}"
    assert {row["num_pairs"] for row in speedup_table(runs_of(records), draws=5)} == {4}


def test_the_texts_are_those_of_a_benchmark_that_was_not_cut_off(
    tmp_path: Path, monkeypatch, recorded_once: Path
) -> None:
    cut_off(tmp_path, 5, monkeypatch)
    resumed = benchmark(tmp_path, resume=True).measure()
    whole = load_session(recorded_once)[0]
    for one, other in zip(resumed, whole, strict=True):
        assert (one["config_hash"], one["seed"], one["turn"]) == (
            other["config_hash"],
            other["seed"],
            other["turn"],
        )
        assert one["result"]["generated_ids"] == other["result"]["generated_ids"]


def test_a_finished_benchmark_is_not_measured_again_and_can_be_extended(finished: Path) -> None:
    size = (finished / "runs.jsonl").stat().st_size
    again = benchmark(finished, resume=True)
    assert len(again.measure()) == GRID.num_runs
    assert again.measure_costs() == [] and again.profile() == []
    assert (finished / "runs.jsonl").stat().st_size == size

    more = Grid(k_values=(1, 2), repeats=3, **AXES)
    runs = benchmark(finished, more, resume=True).measure()
    assert len(runs) == more.num_runs and len({r["session"] for r in runs}) == 1
    assert [r["repeat"] for r in runs] == sorted(r["repeat"] for r in runs)


def test_of_a_complete_session_nothing_is_announced_that_will_not_be_done(
    finished: Path, monkeypatch
) -> None:
    lines: list[str] = []
    again = benchmark(finished, resume=True, report=lines.append)
    monkeypatch.setattr(Ours, "__call__", lambda *_, **__: pytest.fail("something was run"))
    assert again.num_left == 0
    again.warm_up(), again.measure(), again.measure_costs(), again.profile()
    assert lines == [f"{GRID.num_runs} runs are recorded already, none are left"]


def test_what_is_left_of_a_profile_is_profiled_and_said(tmp_path: Path) -> None:
    first = benchmark(tmp_path, Grid(k_values=(1, 2), repeats=2, **AXES | {"temperatures": (0.0,)}))
    first.measure(), first.measure_costs(repeats=2), first.profile()
    lines: list[str] = []
    wider = benchmark(tmp_path, resume=True, report=lines.append)
    assert wider.num_left == GRID.num_runs // 2
    assert len(wider.profile()) == 3 and lines == ["profiled rounds at temperature 0.8"]


def test_without_resume_a_session_of_its_own_is_made(measured: Path) -> None:
    benchmark(measured).measure()
    records = read_records(measured / "runs.jsonl")[0]
    assert len(records) == 2 * GRID.num_runs and len({r["session"] for r in records}) == 2


@pytest.mark.parametrize("content", [None, b"", b'{"schema":1,"torn\n'])
def test_nothing_to_resume_is_a_new_session(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "runs.jsonl").write_bytes(content)
    assert len(benchmark(tmp_path, resume=True).measure()) == GRID.num_runs


def test_other_draft_lengths_are_refused(measured: Path) -> None:
    """Arms of a block run back to back, so a block can have no arm added."""
    wider = benchmark(measured, Grid(k_values=(1, 2, 4), repeats=2, **AXES), resume=True)
    with pytest.raises(InvalidArgument, match=r"draft lengths 0, 1, 2, 4 the session ran 0, 1, 2; all arms"):
        wider.measure()
    fewer = benchmark(measured, Grid(k_values=(2,), repeats=2, **AXES), resume=True)
    assert len(fewer.measure()) == GRID.num_runs  # all there, and nothing was run


@pytest.mark.parametrize("change", [{"max_new_tokens": 9}, {"seed": 7}])
def test_texts_of_another_length_or_seed_are_refused(measured: Path, change: dict[str, int]) -> None:
    """A subset of the arms would run: K = 1 would be held against baselines that it never ran beside."""
    other = benchmark(measured, Grid(k_values=(2,), repeats=2, **AXES | change), resume=True)
    [(name, asked)] = change.items()
    with pytest.raises(InvalidArgument, match=f"resume: {name} was [0-9]+ in the session and is {asked} now"):
        other.measure()


@pytest.mark.parametrize(
    "change, said",
    [
        (
            {"environment": {"hash": "0", "cpu": "another one"}},
            "was measured elsewhere .*cpu 'another one' is now",
        ),
        ({"environment": {}}, "was measured elsewhere"),
        ({"models": {"target": {"name": "other", "dtype": "float32", "device": "cpu"}}}, "ran other models"),
        (
            {"prompts": {"source": "mine.jsonl", "hash": "1"}},
            r"ran other prompts \(mine.jsonl \(1\) is now not",
        ),
    ],
)
def test_another_machine_or_other_models_are_refused(measured: Path, change: dict, said: str) -> None:
    records = read_records(measured / "runs.jsonl")[0]
    append_records(measured / "runs.jsonl", [r | change | {"session": "later"} for r in records])
    with pytest.raises(InvalidArgument, match=f"session later {said}"):
        benchmark(measured, resume=True)


def test_another_commit_is_not_another_machine(measured: Path) -> None:
    records = read_records(measured / "runs.jsonl")[0]
    older = [r | {"environment": r["environment"] | {"commit": "older"}, "session": "x"} for r in records]
    append_records(measured / "runs.jsonl", older)
    assert {r["session"] for r in benchmark(measured, resume=True).measure()} == {"x"}


def test_keys_are_of_one_kind() -> None:
    records = timed(prompts=2, repeats=1)
    assert len(recorded_keys(records)) == 4 and recorded_keys(records, ProfileRecord) == set()


# -- other weights, other prompts ------------------------------------------------------------------


@pytest.fixture
def hashed(monkeypatch):
    """Weights that are known by their content."""

    def digest(model: ModelWrapper) -> str:
        return hashlib.sha256(model.model.get_input_embeddings().weight.detach().numpy()).hexdigest()

    monkeypatch.setattr(ModelWrapper, "weights_hash", property(digest), raising=False)


@pytest.mark.parametrize("role", [0, 1])
def test_a_model_that_was_trained_on_in_its_folder_is_another(tmp_path: Path, hashed, role: int) -> None:
    """Name, size, dtype and device are equal; the weights are not."""
    benchmark(tmp_path).measure()
    models = tiny_models.tiny_pair("llama")
    with torch.no_grad():
        models[role].model.get_input_embeddings().weight[3, 3] += 1e-3
    with pytest.raises(InvalidArgument, match=r"ran other models \((target|draft): weights_hash"):
        Benchmark(GRID, *models, PROMPTS, tmp_path / "runs.jsonl", resume=True)
    assert len(benchmark(tmp_path, resume=True).measure()) == GRID.num_runs


def test_records_from_before_weights_were_hashed_are_read_and_not_resumed(tmp_path: Path, hashed) -> None:
    benchmark(tmp_path).measure()
    later = ("weights_hash", "products", "revision")
    records = [
        record
        | {"models": {role: {n: v for n, v in told.items() if n not in later} for role, told in models}}
        for record in read_records(tmp_path / "runs.jsonl")[0]
        for models in [record["models"].items()]
    ]
    append_records(tmp_path / "old.jsonl", records)
    assert len(runs_of(load_session(tmp_path / "old.jsonl")[0])) == GRID.num_runs
    with pytest.raises(InvalidArgument, match="nothing was recorded of the target's weights"):
        Benchmark(GRID, *tiny_models.tiny_pair("llama"), PROMPTS, tmp_path / "old.jsonl", resume=True)


def test_a_file_of_prompts_that_was_changed_is_another(tmp_path: Path) -> None:
    """Same name, same ids, other texts; and the same texts as chat."""
    told = {"source": "mine.jsonl", "hash": "1", "chat": False}
    run_with(tmp_path, told, resume=False).measure()
    assert {r["prompts"]["hash"] for r in read_records(tmp_path / "runs.jsonl")[0]} == {"1"}
    for change in ({"hash": "2"}, {"chat": True}):
        with pytest.raises(InvalidArgument, match=r"ran other prompts \(mine.jsonl \(1\) is now mine.jsonl"):
            run_with(tmp_path, told | change)
    assert len(run_with(tmp_path, told).measure()) == GRID.num_runs


def run_with(path: Path, description: dict, resume: bool = True) -> Benchmark:
    prompts = ChosenPrompts(PROMPTS)
    prompts.description = description
    models = tiny_models.tiny_pair("llama")
    return Benchmark(GRID, *models, prompts, path / "runs.jsonl", lambda line: None, resume=resume)
