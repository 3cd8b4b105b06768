"""Sweeps on a real cluster of two processes: whatever dies, every cell is recorded once, or told to fail.

The cells' notebook is a stub that writes made records, so that no model is loaded; the workers, their kernels
and their deaths are real.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.config
import nbformat
import psutil
import pytest
from distributed import Client

from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK
from specdec_lib.bench.notebook.warm import VARIABLE
from specdec_lib.bench.sweep.cells import SweepCell
from specdec_lib.bench.sweep.cluster import local, run_on_cluster
from specdec_lib.bench.sweep.cluster.connecting import address_of
from specdec_lib.bench.sweep.cluster.force import ClusterFailed, Force
from specdec_lib.bench.sweep.cluster.local import local_workers
from specdec_lib.bench.sweep.config import config_of
from specdec_lib.bench.sweep.folder import SweepFolder
from specdec_lib.bench.sweep.identity import key_of, library_hash, notebook_hash, weights_hash
from specdec_lib.bench.sweep.plan import Planned, SweepPlan
from specdec_lib.bench.sweep.running import CellFailed, CellOrder, Done
from specdec_lib.bench.sweep.sweeping import CellRunner, run_here, run_sweep
from specdec_lib.errors import SpecDecError

STUB = """
import os, signal, time
from pathlib import Path
from specdec_lib.bench.records.appending import append_records
from specdec_lib.bench.records.synthetic import SyntheticPair, synthetic_session

k, folder = k_values[0], Path({folder!r})
def tell(name):
    (folder / ".told").write_text(f"{{os.getpid()}} {{os.getppid()}}")
    (folder / ".told").rename(folder / name)
{body}
pair = SyntheticPair(alpha=0.8, c=0.1, v={{k: 1.1}})
append_records(output_path, synthetic_session(pair, domains=domains, num_prompts=2, num_tokens=16))
"""


def stub(folder: Path, body: str = "") -> Path:
    """A notebook of the benchmark's parameters, which writes a session that is made up."""
    cells = json.loads(BENCHMARK_NOTEBOOK.read_text(encoding="utf8"))["cells"]
    (parameters,) = (cell for cell in cells if "parameters" in cell["metadata"].get("tags", []))
    first = nbformat.v4.new_code_cell("".join(parameters["source"]), metadata={"tags": ["parameters"]})
    second = nbformat.v4.new_code_cell(STUB.format(folder=str(folder), body=body))
    nbformat.write(nbformat.v4.new_notebook(cells=[first, second]), folder / "stub.ipynb")
    return folder / "stub.ipynb"


PARAMETERS = {
    "pair": "pocket", "target": None, "draft": None, "dtype": None, "draft_dtype": None, "domains": ["code"],
    "temperatures": [0.0], "engine": "specdec_lib", "device": "cpu",
}  # fmt: skip


def planned(folder: Path, ks: range, body: str = "", **changes: Any) -> SweepPlan:
    """A sweep of the pocket pair, a cell a K, whose notebook is the stub."""
    notebook, cells = stub(folder, body), list[Planned]()
    made_of = {"notebook": notebook_hash(notebook), "library": library_hash(), "prompts": "0" * 12}
    made_of["weights"] = weights_hash(SweepCell(0, {}, PARAMETERS).asked)
    changed = changes.pop("made_of", {})
    for k in ks:
        cell = SweepCell(k, {"draft_length": k}, {**PARAMETERS, "k_values": [k]})
        told = {"gib": 0.1, "notebook": notebook, "made_of": {**made_of, **changed}}
        order = CellOrder(key_of(cell, made_of), "made", cell.parameters, **{**told, **changes})
        cells.append(Planned(cell, order, order.gib))
    return SweepPlan(config_of({"pairs": ["pocket"]}), cells, [], ["draft_length"])


class Told:
    """What a sweep's listener hears."""

    def __init__(self) -> None:
        self.failures = dict[int, str]()
        self.notebooks = list[Path | None]()

    def begins(self, order: Any) -> None: ...

    def is_done(self, planned: Any, record: Any) -> None: ...

    def failed(self, planned: Any, why: str, notebook: Path | None) -> None:
        self.failures[planned.order.parameters["k_values"][0]] = why
        self.notebooks.append(notebook)


def recorded(folder: Path) -> dict[str, dict[str, Any]]:
    """The records of a sweep by key, of which none is there twice."""
    records = [json.loads(line) for line in (folder / "results.jsonl").read_text("utf8").splitlines()]
    by_key = {record["key"]: record for record in records}
    assert len(by_key) == len(records)
    return by_key


def swept(plan: SweepPlan, folder: Path, runner: CellRunner | None = None) -> Told:
    told = Told()
    with SweepFolder(folder) as kept:
        run_sweep(plan, kept, runner or run_here(kept.work), told)
    return told


def until(is_so: Callable[[], Any], seconds: float = 120.0) -> None:
    """Wait for something that is bound to come."""
    for _ in range(round(seconds / 0.02)):
        if is_so():
            return
        time.sleep(0.02)
    raise AssertionError("it never came")


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of two processes, which believe in two GPUs; cells get a new Python each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "fresh")
        patch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
        patch.setattr(local, "output", lambda *command: "GPU 0: made up")
        with local_workers(2, lambda line: None) as cluster:
            patch.undo()
            patch.setenv(VARIABLE, "fresh")
            yield cluster.scheduler_address


@pytest.fixture
def on_cluster(cluster: str) -> Iterator[CellRunner]:
    with run_on_cluster(scheduler=cluster) as runner:
        yield runner


# -- what is recorded --------------------------------------------------------------------------------------


def test_two_workers_record_what_one_process_does_and_a_cell_that_raises_leaves_the_others_alone(
    on_cluster: CellRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "fresh")
    plan = planned(tmp_path, range(1, 5), "if k == 3: raise ValueError('three is no number')")
    here, there = tmp_path / "here", tmp_path / "there"
    assert swept(plan, there, on_cluster).failures == {3: "stub.ipynb: ValueError: three is no number"}
    assert swept(plan, here).failures.keys() == {3}
    (mine, theirs) = recorded(here), recorded(there)
    assert mine.keys() == theirs.keys() == {one.order.key for one in plan.planned} - failed_keys(there)
    for key, record in mine.items():
        assert theirs[key]["counts"] == record["counts"]
        assert theirs[key]["blocks"] == record["blocks"]
        assert theirs[key]["parameters"] == record["parameters"]
    assert (there / "failed" / f"{failed_keys(there).pop()}.ipynb").stat().st_size > 0


def failed_keys(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "failed").iterdir()}


def test_the_cell_of_a_worker_that_is_killed_runs_elsewhere_and_nothing_is_there_twice(
    on_cluster: CellRunner, tmp_path: Path
) -> None:
    waits = "if k == 2 and not (folder / 'told').exists():\n    tell('told'); time.sleep(600)"
    plan = planned(tmp_path, range(1, 6), waits)
    killed = list[int]()

    def kill() -> None:
        until((tmp_path / "told").exists)
        killed.extend(map(int, (tmp_path / "told").read_text().split()))
        os.kill(killed[1], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    told = swept(plan, tmp_path / "sweep", on_cluster)
    killer.join()
    assert told.failures == {}
    assert recorded(tmp_path / "sweep").keys() == {one.order.key for one in plan.planned}
    until(lambda: not is_running(killed[0]))  # the kernel goes with its worker


def test_a_cell_that_kills_its_workers_is_given_up(on_cluster: CellRunner, tmp_path: Path) -> None:
    plan = planned(tmp_path, range(1, 3), "if k == 1: os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)")
    told = swept(plan, tmp_path / "sweep", on_cluster)
    assert told.failures[1].startswith("it ended the worker that ran it, 3 times (the last was tcp://")
    assert told.failures.keys() == {1}
    assert len(recorded(tmp_path / "sweep")) == 1


SWEPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from bench.sweep.test_cluster import planned
from specdec_lib.bench.sweep.cluster import run_on_cluster
plan = planned(Path({folder!r}), range(1, 3), "tell(f'told-{{k}}'); time.sleep(600)")
try:
    with run_on_cluster(scheduler={cluster!r}) as runner:
        print(list(runner([one.order for one in plan.planned])))
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_sweep_that_ends_takes_its_running_cells_along(cluster: str, tmp_path: Path) -> None:
    code = SWEPT.format(tests=str(Path(__file__).parents[2]), folder=str(tmp_path), cluster=cluster)
    sweep = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    there = [tmp_path / "told-1", tmp_path / "told-2"]
    until(lambda: sweep.poll() is not None or all(path.exists() for path in there))
    for _ in range(12):  # one may come while a library holds it back
        sweep.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            sweep.wait(10)
            break
    assert sweep.communicate()[0] == "interrupted\n"
    for path in there:
        kernel, worker = map(int, path.read_text().split())
        until(lambda kernel=kernel: not is_running(kernel))
        assert is_running(worker)


# -- what a worker refuses ---------------------------------------------------------------------------------


def outcome(runner: CellRunner, plan: SweepPlan) -> Done | CellFailed:
    ((_, came),) = runner([one.order for one in plan.planned])
    return came


def test_a_cell_that_no_machine_has_the_memory_for_is_told_as_on_one_machine(
    on_cluster: CellRunner, tmp_path: Path
) -> None:
    came = outcome(on_cluster, planned(tmp_path, range(1, 2), gib=4e6))
    assert isinstance(came, CellFailed)
    assert str(came).startswith("needs 4000000.0 GiB, and ") and str(came).endswith(" GiB are free")


def test_other_weights_are_refused(on_cluster: CellRunner, tmp_path: Path) -> None:
    came = outcome(on_cluster, planned(tmp_path, range(1, 2), made_of={"weights": "another"}))
    assert isinstance(came, CellFailed)
    assert str(came).startswith("pocket: its models' files hash to ") and "another where" in str(came)


def test_a_worker_of_another_library_is_left_out(cluster: str, tmp_path: Path) -> None:
    plan, said = planned(tmp_path, range(1, 2), made_of={"library": "another"}), list[str]()
    with (
        run_on_cluster(scheduler=cluster, say=said.append) as runner,
        pytest.raises(
            ClusterFailed, match=r"no worker at tcp\S+ can run the sweep; of tcp\S+: its lib"
        ) as no,
    ):
        outcome(runner, plan)
    assert f"is {library_hash()}, and another where the sweep was started" in str(no.value)
    assert len([line for line in said if "is left out: its library is" in line]) == 2


def test_workers_here_take_the_gpus_in_turn(cluster: str) -> None:
    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2)
        given = client.run(os.getenv, "CUDA_VISIBLE_DEVICES")
    assert set(given.values()) == {"0", "3"}


@pytest.mark.parametrize(
    ("listed", "chosen", "expected"),
    [
        (None, None, ()),
        ("GPU 0: H200 (UUID: a)\nGPU 1: H200 (UUID: b)", None, ("0", "1")),
        ("GPU 0: H200 (UUID: a)\nGPU 1: H200 (UUID: b)", "1", ("1",)),
        ("GPU 0: H200 (UUID: a)", "", ()),
    ],
)
def test_the_gpus_are_those_that_the_environment_leaves(listed, chosen, expected, monkeypatch) -> None:
    monkeypatch.setattr(local, "output", lambda *command: listed)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert local.visible_gpus() == expected


class Reporting:
    """A client as :class:`Force` asks it: of each worker its threads and its GPUs."""

    status = "running"

    def __init__(self, **workers: tuple[int, int]) -> None:
        self.workers = workers

    def nthreads(self) -> dict[str, int]:
        return {name: threads for name, (threads, _) in self.workers.items()}

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        told = {
            name: {"nthreads": n, "resources": {"GPU": g} if g else {}}
            for name, (n, g) in self.workers.items()
        }
        return {"workers": told}


@pytest.mark.parametrize(
    ("device", "workers", "able", "resources"),
    [
        ("cpu", {"a": (1, 0), "b": (1, 1), "c": (4, 0)}, ["a", "b"], {}),
        (None, {"a": (1, 0), "b": (1, 0)}, ["a", "b"], {}),
        (None, {"a": (1, 0), "b": (8, 1), "c": (8, 2)}, ["b"], {"GPU": 1}),
        ("cuda", {"a": (1, 0), "b": (1, 1)}, ["b"], {"GPU": 1}),
    ],
)
def test_a_worker_has_one_cell_at_a_time_and_a_gpu_where_cells_want_one(
    device, workers, able, resources
) -> None:
    said = list[str]()
    force = Force(Reporting(**workers), "there", said.append, device)
    force.look()
    assert force.able == able and force.resources == resources
    many = [line for line in said if "cells at a time" in line]
    assert [line.split()[1] for line in many] == [name for name in force.left_out]
    assert set(force.left_out) == set(workers) - set(able) - ({"a"} if resources else set())


def test_cells_of_a_gpu_do_not_wait_where_no_worker_has_one() -> None:
    force = Force(Reporting(a=(1, 0)), "tcp://there", lambda line: None, "cuda:0")
    with pytest.raises(ClusterFailed, match="no worker of tcp://there declares a GPU, and cells want cuda:0"):
        force.look()


# -- a scheduler that is not there -------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A scheduler as one starts it by hand, and one worker of it: the scheduler's file and its process."""
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "dask"]
    scheduler = [
        "scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--scheduler-file",
        str(file),
        "--no-dashboard",
    ]
    worker = ["worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    worker += ["--local-directory", str(tmp_path)]
    environment = {**os.environ, VARIABLE: "fresh"}
    started = [
        subprocess.Popen([*command, *one], env=environment, stderr=subprocess.DEVNULL)
        for one in (scheduler, worker)
    ]
    try:
        until(file.exists)
        yield file, started[0]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_scheduler_that_dies_ends_the_sweep_and_what_is_done_stays(outside: Any, tmp_path: Path) -> None:
    file, scheduler = outside
    plan = planned(tmp_path, range(1, 4), "if k == 2: tell('told'); time.sleep(600)")
    killer = threading.Thread(target=lambda: (until((tmp_path / "told").exists), scheduler.kill()))
    killer.start()
    with (
        run_on_cluster(scheduler=str(file)) as runner,
        pytest.raises(ClusterFailed, match=r"the Dask scheduler at tcp://\S+ is gone; cells that are done"),
    ):
        swept(plan, tmp_path / "sweep", runner)
    killer.join()
    assert len(recorded(tmp_path / "sweep")) == 1
    until(lambda: not is_running(int((tmp_path / "told").read_text().split()[0])))


@pytest.mark.parametrize(
    ("scheduler", "said"),
    [
        ("tcp://127.0.0.1:9", "no Dask scheduler answers at tcp://127.0.0.1:9 ("),
        ("tcp://nowhere.invalid:8786", "no Dask scheduler answers at tcp://nowhere.invalid:8786 ("),
        ("127.0.0.1", "--scheduler 127.0.0.1: there is no such file, and it is no address"),
        ("pyproject.toml", "--scheduler pyproject.toml: not a file of a Dask scheduler"),
    ],
)
def test_a_wrong_address_is_one_line(scheduler: str, said: str) -> None:
    short = dask.config.set({"distributed.comm.timeouts.connect": "0.5s"})
    with short, pytest.raises(ClusterFailed) as no, run_on_cluster(scheduler=scheduler):
        pass
    assert str(no.value).startswith(said) and "\n" not in str(no.value)


def test_nobody_who_works_is_not_waited_for_in_vain() -> None:
    said = list[str]()
    with dask.config.set({"distributed.scheduler.no-workers-timeout": "50 ms"}):
        force = Force(Reporting(), "tcp://there", said.append, None)
    force.look()
    assert said == ["[sweep] no worker yet at tcp://there; waiting up to 0 s"]
    with pytest.raises(
        ClusterFailed, match="no worker at tcp://there for 0 s; start some with `dask worker tcp:"
    ):
        until(force.look)


def test_dask_is_asked_for_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    no_dask = pytest.raises(SpecDecError, match=r"needs Dask, which cannot be imported .* install it with")
    with no_dask, run_on_cluster(workers=2):
        pass


def test_an_address_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text('{"address": "tcp://10.0.0.1:8786"}')
    assert address_of(str(file)) == address_of("10.0.0.1:8786") == "tcp://10.0.0.1:8786"
    assert address_of("tls://head:8786") == "tls://head:8786"
