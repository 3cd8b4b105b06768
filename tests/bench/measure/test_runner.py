"""The one loop under its three users: the order of the arms, going on after a cut, and arms that raise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_models

from specdec_lib.bench.measure.benchmark import Benchmark
from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.measure.peers.arms import make_arms
from specdec_lib.bench.measure.peers.comparison import PeerComparison
from specdec_lib.bench.measure.runner import Runner
from specdec_lib.bench.measure.scaling.growth import GrowthPlan, Scaling
from specdec_lib.bench.records.appending import append_records
from specdec_lib.bench.records.generations import TokenisedPrompt
from specdec_lib.bench.records.reading import read_records
from specdec_lib.errors import InvalidArgument, SpecDecError

AXES = {"domains": ("code",), "temperatures": (0.0,), "max_new_tokens": 4}
GRID = Grid(k_values=(1, 2), num_prompts=3, repeats=2, **AXES)
PLAN = GrowthPlan(contexts=(8, 10, 12, 14), k_values=(), k=1, context=8, new_tokens=5, repeats=1)
PROMPTS = {"code": [TokenisedPrompt(f"code_{i}", ids) for i, ids in enumerate(tiny_models.prompts(3))]}
COMPARED = ("hf-generate", "ours-AR", "ours-K1")


def benchmark(path: Path, resume: bool = False) -> Benchmark:
    models = tiny_models.tiny_pair("llama")
    return Benchmark(GRID, *models, PROMPTS, path / "r.jsonl", lambda line: None, resume=resume)


def comparison(path: Path, resume: bool = False) -> PeerComparison:
    models = tiny_models.tiny_pair("llama")
    arms = [arm for arm in make_arms(*models, (1,), compile=False) if arm.name in COMPARED]
    output = path / "r.jsonl"
    return PeerComparison(GRID, *models, PROMPTS, output, False, lambda line: None, arms, resume=resume)


def growth(path: Path, resume: bool = False) -> Scaling:
    models, text = tiny_models.tiny_pair("llama"), PROMPTS["code"][0].ids
    return Scaling(PLAN, "tiny", *models, text, path / "r.jsonl", lambda line: None, resume=resume)


USERS = {  # what is measured, the kind of its records, its arms
    "benchmark": (benchmark, "run", ("AR", "SD-K1", "SD-K2")),
    "comparison": (comparison, "peer", COMPARED),
    "growth": (growth, "scaling", ("ours round", "HF round", "ours token", "HF token")),
}
each_user = pytest.mark.parametrize("user, kind, arms", USERS.values(), ids=USERS)


class Cut(BaseException):
    """The machine went down."""


class Watch:
    """The arms of the timed jobs in their order; it can cut a measurement off, or let an arm raise."""

    def __init__(self, monkeypatch) -> None:
        self.jobs: list[str] = []
        self.cut_at = self.fails_from = None
        self.failing: set[str] = set()
        job, use = Runner._outcome, Runner._unless_refused

        def watched(runner, arm, *more):
            if len(self.jobs) == self.cut_at:
                raise Cut
            self.jobs.append(arm.name)
            return job(runner, arm, *more)

        def spoilt(runner, arm, engine):
            raises = arm.name in self.failing and len(self.jobs) > self.fails_from
            return use(runner, arm, _raise if raises else engine)

        monkeypatch.setattr(Runner, "_outcome", watched)
        monkeypatch.setattr(Runner, "_unless_refused", spoilt)

    def spent(self, measure: Callable[[], list]) -> list[str]:
        """The jobs of one measurement."""
        self.jobs = []
        measure()
        return self.jobs


def _raise(engine: object) -> None:
    raise ValueError("no such kernel\nand a page of details")


@pytest.fixture
def watch(monkeypatch) -> Watch:
    return Watch(monkeypatch)


@each_user
def test_each_arm_stands_at_each_place_of_a_block_equally_often(tmp_path, watch, user, kind, arms) -> None:
    jobs = watch.spent(user(tmp_path).measure)
    size = len(arms)
    blocks = [jobs[i : i + size] for i in range(0, len(jobs), size)]
    assert all(sorted(block) == sorted(arms) for block in blocks) and len(blocks) in (4, 6)
    places = Counter((arm, place) for block in blocks for place, arm in enumerate(block))
    assert set(places.values()) == {len(blocks) // size} and len(places) == size**2


@each_user
def test_what_was_cut_off_in_a_block_goes_on_with_that_block(tmp_path, watch, user, kind, arms) -> None:
    (tmp_path / "whole").mkdir()
    whole = watch.spent(user(tmp_path / "whole").measure)
    watch.cut_at = len(arms) + 1  # the second arm of the second block
    with pytest.raises(Cut):
        watch.spent(user(tmp_path).measure)
    before = read_records(tmp_path / "r.jsonl")[0]
    assert {r["repeat"] for r in before} == {0} and len(before) == (1 if kind == "scaling" else len(arms))

    watch.cut_at = None
    assert watch.spent(user(tmp_path, resume=True).measure) == whole[len(arms) :]
    records, problems = read_records(tmp_path / "r.jsonl")
    assert problems == [] and records[: len(before)] == before
    assert len({r["session"] for r in records}) == 1
    asked = [
        [r.get(name) for name in ("decoder", "prompt_id", "seed", "vary", "value", "repeat", "turn")]
        for records in (records, read_records(tmp_path / "whole/r.jsonl")[0])
        for r in records
    ]
    assert asked[: len(records)] == asked[len(records) :]
    assert watch.spent(user(tmp_path, resume=True).measure) == []


@each_user
def test_an_arm_that_raises_is_refused_and_the_others_go_on(tmp_path, watch, user, kind, arms) -> None:
    watch.failing, watch.fails_from = {arms[1]}, len(arms)  # from the second block on
    ran = Counter(watch.spent(user(tmp_path).measure))
    others = {ran[name] for name in arms if name != arms[1]}
    assert ran[arms[1]] == 2 and others == {4 if kind == "scaling" else 6}
    records = read_records(tmp_path / "r.jsonl")[0]
    (refused,) = [r for r in records if r["kind"] == "arm"]
    assert (refused["decoder"], refused["arm"]["refused"]) == (arms[1], "ValueError: no such kernel")
    kept = Counter(
        name for r in records if r["kind"] == kind for name in r.get("seconds", [r.get("decoder")])
    )
    assert kept == Counter(ran) - Counter({arms[1]: 1})
    watch.failing = set()
    assert watch.spent(user(tmp_path, resume=True).measure) == [], "it stays refused in its session"


@each_user
def test_an_arm_that_cannot_be_warmed_up_is_not_timed(tmp_path, watch, user, kind, arms) -> None:
    watch.failing, watch.fails_from = {arms[0]}, -1
    measured = user(tmp_path)
    if kind != "scaling":  # which warms up what it measures
        measured.warm_up()
    ran = Counter(watch.spent(measured.measure))
    assert arms[0] not in ran and set(ran) == set(arms[1:])


def test_a_benchmark_of_which_every_arm_is_refused_says_why(tmp_path, watch) -> None:
    watch.failing, watch.fails_from = {"AR", "SD-K1", "SD-K2"}, -1
    with pytest.raises(SpecDecError, match=r"every arm was refused, the last .*: ValueError: no such kernel"):
        benchmark(tmp_path).measure()


def test_a_comparison_does_not_go_on_with_another_arm_of_the_same_name(tmp_path) -> None:
    first = comparison(tmp_path)
    first.warm_up(), first.measure()
    again = comparison(tmp_path, resume=True)
    assert len(again.warm_up()) == 3 and len(again.measure()) == 3 * 6
    records = read_records(tmp_path / "r.jsonl")[0]
    for record in records:
        if record["kind"] == "arm":
            record["arm"].pop("facts_hash")  # as files from before have it
    append_records(tmp_path / "old/r.jsonl", records)
    assert len(comparison(tmp_path / "old", resume=True).measure()) == 3 * 6
    records[0]["arm"]["options"] = {"num_assistant_tokens": 7}
    append_records(tmp_path / "other/r.jsonl", records)
    with pytest.raises(InvalidArgument, match=r"hf-generate is another arm now .options was .'num_assist"):
        comparison(tmp_path / "other", resume=True)


@each_user
def test_another_machine_is_refused_where_its_session_was_to_go_on(tmp_path, watch, user, kind, arms) -> None:
    user(tmp_path).measure()
    records = read_records(tmp_path / "r.jsonl")[0]
    elsewhere = [r | {"environment": {"cpu": "another"}, "session": "later"} for r in records]
    append_records(tmp_path / "r.jsonl", elsewhere)
    with pytest.raises(InvalidArgument, match="session later was measured elsewhere"):
        user(tmp_path, resume=True)
    assert len(watch.spent(user(tmp_path).measure)) == len(elsewhere) * (4 if kind == "scaling" else 1)
    assert len({r["session"] for r in read_records(tmp_path / "r.jsonl")[0]}) == 3, "nobody asked to resume"
