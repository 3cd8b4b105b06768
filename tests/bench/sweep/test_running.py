"""One cell run through papermill, and a sweep that runs what is left; the notebook here knows no model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_cells import made_cell
from stub_notebook import RECORDED, stub_notebook

from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.sweep import running, sweeping
from specdec_lib.bench.sweep.config import config_of
from specdec_lib.bench.sweep.folder import SweepFolder, SweepNotSaved
from specdec_lib.bench.sweep.plan import SweepPlan, plan_sweep, seconds_of
from specdec_lib.bench.sweep.running import CellFailed, CellOrder, Done, run_cell
from specdec_lib.bench.sweep.sweeping import run_here, run_sweep
from specdec_lib.errors import InvalidArgument, SpecDecError


def plan_of(**settings) -> SweepPlan:
    return plan_sweep(config_of({"pairs": ["pocket"], "max_new_tokens": 8, **settings}))


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes the notebook of every cell one that records by arithmetic, or runs other code."""

    def use(*cells: str) -> None:
        monkeypatch.setattr(running, "BENCHMARK_NOTEBOOK", stub_notebook(tmp_path, *cells))

    use()
    return use


class Heard:
    """A listener that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def is_done(self, planned, record) -> None:
        self.told.append(("done", planned.cell.label(["domain"])))

    def failed(self, planned, why, notebook) -> None:
        self.told.append(("failed", why))
        assert notebook is not None and "nbformat" in json.loads(notebook.read_text())


def test_a_cell_is_its_record_its_notebook_and_its_runs(stub, tmp_path) -> None:
    (planned,) = plan_of(domains=["code"]).planned
    came = run_cell(planned.order, tmp_path)
    assert came.record.key == planned.order.key == came.key
    assert came.record.parameters == planned.order.parameters
    assert came.record.made_of == planned.order.made_of and came.record.seconds["whole"] > 0
    assert b"made" in came.notebook and came.runs.count(b"\n") > 4


def test_a_sweep_runs_what_is_left_and_a_cell_that_fails_leaves_the_others_alone(stub, tmp_path) -> None:
    plan, heard = plan_of(), Heard()
    stub(f"if domains == ['conversation']:\n    1 / 0\n{RECORDED}")
    with SweepFolder(tmp_path / "sweep") as folder:
        came = run_sweep(plan, folder, run_here(folder.work), heard)
    (failure,) = [why for kind, why in heard.told if kind == "failed"]
    assert "ZeroDivisionError: division by zero" in failure and "\n" not in failure
    assert [told for told in heard.told if told[0] == "done"] == [("done", "code"), ("done", "summarization")]
    assert len(came.done) == 2 and len(came.failed) == 1 and came.recorded == []
    stub()
    with SweepFolder(tmp_path / "sweep") as folder:
        again = run_sweep(plan, folder, run_here(folder.work), Heard())
    assert again.done == came.failed and set(again.recorded) == set(came.done)
    assert len(read_records(folder.results)[0]) == 3 and not list((folder.path / "failed").iterdir())
    told = json.loads((folder.path / "sweep.json").read_text())
    assert [cell["label"] for cell in told["cells"]] == ["code", "conversation", "summarization"]


def test_a_notebook_that_records_nothing_or_dies_is_a_failed_cell(stub, tmp_path) -> None:
    (planned,) = plan_of(domains=["code"]).planned
    stub("print('nothing')")
    with pytest.raises(CellFailed, match="No such file"):
        run_cell(planned.order, tmp_path)
    stub("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(CellFailed, match="its Python ended") as caught:
        run_cell(planned.order, tmp_path)
    assert caught.value.notebook is not None


def test_a_cell_that_fails_where_nothing_can_be_written_ends_the_sweep(tmp_path, monkeypatch) -> None:
    plan = plan_of()
    ran = list[str]()

    def runner(orders):
        for order in orders:
            ran.append(order.key)
            yield order, CellFailed("no space")

    with SweepFolder(tmp_path) as folder, pytest.raises(SweepNotSaved):
        monkeypatch.setattr(
            SweepFolder, "require_room", lambda self: (_ for _ in ()).throw(SweepNotSaved("full"))
        )
        run_sweep(plan, folder, runner, Heard())
    assert len(ran) == 1


def test_a_library_that_changes_while_a_sweep_runs_ends_it(stub, tmp_path, monkeypatch) -> None:
    plan, heard = plan_of(), Heard()
    monkeypatch.setattr(sweeping, "library_has_changed", lambda: bool(heard.told))
    with SweepFolder(tmp_path / "sweep") as folder, pytest.raises(SpecDecError, match="files were changed"):
        run_sweep(plan, folder, run_here(folder.work), heard)
    assert len(folder.done()) == 1


# -- what is planned -----------------------------------------------------------------------------------


def test_what_does_not_fit_is_left_out_by_name(monkeypatch) -> None:
    from specdec_lib.bench.sweep import plan as module

    monkeypatch.setattr(module, "memory_of", lambda device: (0.05, 24.0))
    plan = plan_of(domains=["code"])
    assert plan.planned == [] and plan.skipped[0].why == "needs 0.1 GiB, and 0.1 of 24.0 GiB are free"


def test_a_model_that_is_not_there_is_named_and_a_look_at_the_plan_says_so(tmp_path) -> None:
    settings = {"pairs": [{"target": str(tmp_path / "nowhere"), "draft": "lookup"}], "domains": ["code"]}
    with pytest.raises(InvalidArgument, match=r"cell 1 .*nowhere"):
        plan_sweep(config_of(settings))
    with pytest.raises(InvalidArgument, match=r"cell 1 .*nowhere"):
        plan_sweep(config_of(settings), fetch=False)


def test_a_model_of_the_hub_that_is_still_to_be_fetched_has_no_key_yet(monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings = {"pairs": [{"target": "nobody/nowhere", "draft": "lookup"}], "domains": ["code"]}
    (planned,) = plan_sweep(config_of(settings), fetch=False).planned
    assert "nobody/nowhere" in planned.lacks and planned.order.key == ""


def test_time_is_that_of_measured_cells_like_it_or_else_rough() -> None:
    (planned,) = plan_of(domains=["code"]).planned
    rough, known = seconds_of(planned, [])
    assert rough > 0 and not known
    like = made_cell() | {"parameters": dict(planned.order.parameters), "seconds": {"whole": 7.0}}
    other = like | {
        "parameters": {**planned.order.parameters, "pair": "gpt2_dev"},
        "seconds": {"whole": 99.0},
    }
    assert seconds_of(planned, [like, other]) == (7.0, True)
    assert not seconds_of(planned, [other])[1]
    kin = like | {"parameters": {**planned.order.parameters, "draft": "lookup"}, "seconds": {"whole": 5.0}}
    assert seconds_of(planned, [kin, other]) == (5.0, True)


def test_a_done_cell_and_an_order_can_be_sent_elsewhere() -> None:
    import pickle

    order = CellOrder("1", "mine", {"pair": "pocket"}, {"library": "2"})
    came = Done("1", made_cell(), b"notebook", b"runs")
    assert pickle.loads(pickle.dumps(order)) == order
    assert pickle.loads(pickle.dumps(came)).record == came.record


def test_chats_that_the_target_has_no_template_for_are_refused_before_anything_runs(tmp_path) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_text('{"question_id": 1, "category": "writing", "turns": ["Write.", "Shorter."]}\n')
    with pytest.raises(InvalidArgument, match=r"cell 1 .*chats.jsonl:1: .*chat template"):
        plan_of(prompts=[str(path)])
