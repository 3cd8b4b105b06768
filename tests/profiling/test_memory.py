"""Peak memory: real allocations in this process, nested phases, and CUDA through a device that is played."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from specdec_lib.profiling import memory as memory_module
from specdec_lib.profiling.memory import PhaseMemory, peak_memory, process_peak_mb, resident_mb


def touch(megabytes: int) -> None:
    """Hold that many MiB, touched, and let go of them."""
    np.ones(megabytes * 2**17).sum()


class PlayedAllocator:
    """``torch.cuda`` as far as peaks go: a level that is set, and its maximum since the last reset."""

    def __init__(self) -> None:
        self.level = self.peak = 0

    def hold(self, mebibytes: int) -> None:
        self.level = mebibytes * 2**20
        self.peak = max(self.peak, self.level)

    def reset_peak_memory_stats(self, device: object = None) -> None:
        self.peak = self.level

    def max_memory_allocated(self, device: object = None) -> int:
        return self.peak


@pytest.fixture
def allocator(monkeypatch: pytest.MonkeyPatch) -> PlayedAllocator:
    played = PlayedAllocator()
    monkeypatch.setattr(memory_module, "loaded_cuda", lambda device=None: None if device == "cpu" else played)
    return played


@pytest.fixture
def unresettable(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A system like macOS: one mark for the life of the process. The test sets both readings, in MiB."""
    readings = {"resident": 100.0, "peak": 500.0}
    monkeypatch.setattr(memory_module, "_reset_process_peak", lambda: False)
    monkeypatch.setattr(memory_module, "resident_mb", lambda: readings["resident"])
    monkeypatch.setattr(memory_module, "process_peak_mb", lambda: readings["peak"])
    return readings


def test_process_marks_are_in_mebibytes() -> None:
    import psutil

    assert resident_mb() == pytest.approx(psutil.Process().memory_info().rss / 2**20, rel=0.05)
    with peak_memory(device="cpu"):
        assert process_peak_mb() >= 0.9 * resident_mb()


def test_a_phase_sees_memory_that_is_gone_when_it_ends() -> None:
    with peak_memory("load", device="cpu") as quiet:
        before = resident_mb()
    with peak_memory("load", device="cpu") as watch:
        touch(200)
    assert (watch.phase, watch.source, watch.finished) == ("load", "process", True)
    assert watch.peak_mb > before + 150
    if quiet.exact:  # a system whose mark can be reset: the large phase does not show in the next one
        with peak_memory("after", device="cpu") as after:
            pass
        assert after.peak_mb < watch.peak_mb - 100


def test_an_inner_phase_does_not_lose_the_outer_peak() -> None:
    with peak_memory("outer", device="cpu") as outer:
        touch(200)
        with peak_memory("inner", device="cpu") as inner:
            touch(20)
    assert outer.peak_mb >= inner.peak_mb
    if inner.exact:
        assert outer.peak_mb > inner.peak_mb + 100


def test_cuda_peak_is_the_phases_own(allocator: PlayedAllocator) -> None:
    allocator.hold(900)
    allocator.hold(100)
    with peak_memory("verify") as watch:
        allocator.hold(300)
        allocator.hold(50)
    assert (watch.source, watch.peak_mb, watch.exact) == ("cuda", 300.0, True)


def test_cuda_phases_nest(allocator: PlayedAllocator) -> None:
    with peak_memory("outer") as outer:
        allocator.hold(800)
        allocator.hold(100)
        with peak_memory("inner") as inner:
            allocator.hold(200)
        allocator.hold(150)
    assert (outer.peak_mb, inner.peak_mb) == (800.0, 200.0)
    with peak_memory("outer") as outer, peak_memory("inner"):
        allocator.hold(700)
    assert outer.peak_mb == 700.0


def test_work_on_the_cpu_is_not_measured_by_the_gpu(allocator: PlayedAllocator) -> None:
    with peak_memory(device="cpu") as watch:
        allocator.hold(10**6)
    assert watch.source == "process" and watch.peak_mb < 10**6


def test_where_the_mark_cannot_be_reset_the_lower_bound_says_so(unresettable: dict[str, float]) -> None:
    with peak_memory(device="cpu") as watch:
        unresettable["resident"] = 120.0
    assert (watch.peak_mb, watch.exact) == (120.0, False)


def test_where_the_mark_cannot_be_reset_a_new_record_is_exact(unresettable: dict[str, float]) -> None:
    with peak_memory("outer", device="cpu") as outer:
        unresettable["resident"] = 130.0
        with peak_memory("inner", device="cpu") as inner:
            unresettable["peak"] = 640.0
        with peak_memory("later", device="cpu") as later:
            unresettable["resident"] = 90.0
    assert (inner.peak_mb, inner.exact) == (640.0, True)
    assert (outer.peak_mb, outer.exact) == (640.0, True)
    assert (later.peak_mb, later.exact) == (90.0, False)


def test_phases_keep_their_highest_peak_also_through_exceptions(allocator: PlayedAllocator) -> None:
    phases = PhaseMemory()
    for mebibytes in (30, 70, 50):
        with phases.phase("draft"):
            allocator.hold(mebibytes)
            allocator.hold(10)
    with pytest.raises(KeyError), phases.phase("verify"):
        allocator.hold(1234)
        raise KeyError
    assert phases.peaks_mb == {"draft": 70.0, "verify": 1234.0}
    assert repr(phases) == "PhaseMemory:\n  draft  :       70.0 MiB\n  verify :     1234.0 MiB"


@pytest.mark.gpu
def test_on_a_gpu_a_phase_sees_its_tensor() -> None:
    with peak_memory("outer") as outer:
        torch.empty(256 * 2**20, dtype=torch.uint8, device="cuda")
        with peak_memory("inner") as inner:
            torch.empty(64 * 2**20, dtype=torch.uint8, device="cuda")
    assert inner.source == "cuda"
    assert outer.peak_mb >= 256 > inner.peak_mb >= 64
