"""Timers: accumulation, misuse, the printed form, and CUDA events through a device that is played."""

from __future__ import annotations

import sys
import time

import pytest
import torch

from specdec_lib.errors import SpecDecError
from specdec_lib.profiling import timer as timer_module
from specdec_lib.profiling.timer import CUDATimer, CUDATimerCollection, cuda_sync_time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A wall clock that the test sets, on a machine without CUDA: ``clock[0]`` is the time in seconds."""
    now = [100.0]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(timer_module.time, "perf_counter", lambda: now[0])
    return now


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> float:
    """The time in seconds that a wall clock shows for ever."""
    monkeypatch.setattr(timer_module.time, "perf_counter", lambda: 100.0)
    return 100.0


class PlayedDevice:
    """A GPU whose queue runs only when somebody waits: an event has a time once it was synchronised."""

    def __init__(self) -> None:
        self.queue_ms = 0.0
        self.waits = 0
        self.marked: list[object] = []

    def event(self, enable_timing: bool = False) -> PlayedEvent:
        assert enable_timing, "an event without timing has no elapsed_time"
        return PlayedEvent(self)

    def wait(self, device: object = None) -> None:
        self.waits += 1


class PlayedEvent:
    def __init__(self, device: PlayedDevice) -> None:
        self.device, self.at, self.done = device, None, False

    def record(self, stream: object = None) -> None:
        self.device.marked.append(stream)
        self.at = self.device.queue_ms

    def synchronize(self) -> None:
        self.device.wait()
        self.done = True

    def elapsed_time(self, other: PlayedEvent) -> float:
        assert other.done, "the later event has not happened yet"
        return other.at - self.at


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> PlayedDevice:
    played = PlayedDevice()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "Event", played.event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: f"stream of {device}")
    monkeypatch.setattr(torch.cuda, "synchronize", played.wait)
    return played


class TestWithoutCuda:
    def test_measures_the_block(self, clock: list[float]) -> None:
        with CUDATimer("verify") as timer:
            clock[0] += 0.25
        clock[0] += 9.0
        assert timer.elapsed_ms == pytest.approx(250.0)

    def test_accumulates_across_starts_and_reads(self, clock: list[float]) -> None:
        timer = CUDATimer("draft")
        for seconds in (0.1, 0.2):
            timer.start()
            clock[0] += seconds
            timer.stop()
            clock[0] += 5.0
        assert timer.elapsed_ms == pytest.approx(300.0)
        assert timer.elapsed_ms == pytest.approx(300.0)
        with timer:
            clock[0] += 0.05
        assert timer.elapsed_ms == pytest.approx(350.0)

    def test_a_block_that_raises_is_timed_and_ended(self, clock: list[float]) -> None:
        timer = CUDATimer("verify")
        with pytest.raises(KeyError), timer:
            clock[0] += 0.5
            raise KeyError
        assert timer.elapsed_ms == pytest.approx(500.0) and not timer.is_running

    def test_real_clock(self) -> None:
        with CUDATimer("sleep", device="cpu") as timer:
            time.sleep(0.002)
        assert timer.elapsed_ms > 0


class TestMisuse:
    @pytest.mark.parametrize(
        "wrong", ["elapsed_ms before any start", "elapsed_ms while running", "stop", "start"]
    )
    def test_raises_and_names_the_timer(self, wrong: str) -> None:
        timer = CUDATimer("draft", device="cpu")
        if wrong in ("elapsed_ms while running", "start"):
            timer.start()
        with pytest.raises(RuntimeError, match="'draft'") as caught:
            timer.elapsed_ms if wrong.startswith("elapsed_ms") else getattr(timer, wrong)()
        assert isinstance(caught.value, SpecDecError)

    def test_elapsed_inside_the_block(self) -> None:
        with CUDATimer("draft") as timer, pytest.raises(RuntimeError, match="stop it before reading"):
            _ = timer.elapsed_ms

    def test_stopping_twice(self) -> None:
        timer = CUDATimer("draft").start()
        timer.stop()
        with pytest.raises(RuntimeError, match="'draft': it is not running"):
            timer.stop()

    def test_collection(self) -> None:
        timers = CUDATimerCollection()
        with pytest.raises(RuntimeError, match="'verify': it was never started"):
            timers.stop("verify")
        timers.start("draft")
        with pytest.raises(RuntimeError, match="'draft': it is running"):
            timers.start("draft")
        with pytest.raises(RuntimeError, match="'draft'"):
            timers.elapsed_ms()


class TestCollection:
    def test_printed_form(self, clock: list[float]) -> None:
        timers = CUDATimerCollection()
        for name, ms in (("draft", 1.0), ("verify", 4.817), ("draft", 0.243)):
            with timers.time(name):
                clock[0] += ms / 1000
        assert repr(timers) == "CUDATimerCollection:\n  draft  :    1.243 ms\n  verify :    4.817 ms"

    def test_printed_form_leaves_out_what_still_runs(self, clock: list[float]) -> None:
        timers = CUDATimerCollection()
        timers.start("draft")
        assert repr(timers) == "CUDATimerCollection:"

    def test_totals_by_name_in_order_of_first_start(self, clock: list[float]) -> None:
        timers = CUDATimerCollection()
        timers.start("verify")
        clock[0] += 0.001
        timers.start("draft")  # names may overlap
        clock[0] += 0.002
        timers.stop("verify")
        timers.stop("draft")
        totals = timers.elapsed_ms()
        assert list(totals) == ["verify", "draft"]
        assert totals == pytest.approx({"verify": 3.0, "draft": 2.0})

    def test_a_block_that_raises_is_ended(self, clock: list[float]) -> None:
        timers = CUDATimerCollection()
        with pytest.raises(KeyError), timers.time("draft"):
            clock[0] += 0.001
            raise KeyError
        assert timers.elapsed_ms() == pytest.approx({"draft": 1.0})

    def test_reset(self, clock: list[float]) -> None:
        timers = CUDATimerCollection()
        with timers.time("draft"):
            clock[0] += 1.0
        timers.reset()
        assert timers.elapsed_ms() == {}


class TestWithPlayedCuda:
    def test_time_is_the_devices_and_waiting_happens_only_on_reading(self, device: PlayedDevice) -> None:
        timer = CUDATimer("verify")
        for _ in range(3):
            with timer:
                device.queue_ms += 2.5
        assert device.waits == 0
        assert timer.elapsed_ms == 7.5
        waited = device.waits
        assert waited == 3
        assert timer.elapsed_ms == 7.5
        assert device.waits == waited  # nothing new to wait for

    def test_events_lie_on_the_device_that_was_named(self, device: PlayedDevice) -> None:
        """With two GPUs, an event of the current one says nothing of a model on the other."""
        with CUDATimer("verify", device="cuda:1"), CUDATimer("draft"):
            pass
        assert device.marked == [f"stream of {where}" for where in ("cuda:1", None, None, "cuda:1")]

    def test_work_of_a_model_on_the_cpu_is_timed_by_the_clock(
        self, device: PlayedDevice, still: float
    ) -> None:
        with CUDATimer("verify", device="cpu") as timer:
            device.queue_ms += 1000.0
        assert timer.elapsed_ms == 0.0 and device.waits == 0

    def test_collection_passes_the_device_on(self, device: PlayedDevice, still: float) -> None:
        timers = CUDATimerCollection(torch.device("cpu"))
        with timers.time("draft"):
            device.queue_ms += 1000.0
        assert timers.elapsed_ms() == {"draft": 0.0}

    def test_sync_time_waits_for_the_device_first(self, device: PlayedDevice, still: float) -> None:
        assert cuda_sync_time() == still and device.waits == 1
        assert cuda_sync_time("cuda:0") == still and device.waits == 2
        assert cuda_sync_time(torch.device("cpu")) == still and device.waits == 2


def test_without_torch_the_clock_is_the_wall_clock(monkeypatch: pytest.MonkeyPatch, still: float) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    assert cuda_sync_time() == still
    with CUDATimer() as timer:
        pass
    assert timer.elapsed_ms == 0.0
    assert "torch" not in sys.modules


@pytest.mark.gpu
def test_on_a_gpu_events_time_what_was_queued() -> None:
    matrix = torch.randn(8192, 8192, device="cuda")
    matrix @ matrix  # the first product also loads its kernels
    cuda_sync_time()
    with CUDATimer("product") as timer:
        for _ in range(20):
            matrix @ matrix
    assert timer.elapsed_ms > 0
