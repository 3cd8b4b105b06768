"""Machines that look alike and are not, from /proc and /sys trees written for the occasion."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from specdec_lib.utils import machine
from specdec_lib.utils.machine import (
    cpu_model,
    cpu_quota,
    describe_compute,
    describe_machine,
    difference,
    memory_gb,
)

GIB = 2**30


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


# -- processor -------------------------------------------------------------------------------------


def test_a_name_is_taken_as_it_is(tmp_path: Path) -> None:
    tree(tmp_path, {"proc/cpuinfo": "processor : 0\nmodel name\t: Some CPU @ 2: fast\nflags :\n"})
    assert cpu_model(tmp_path) == "Some CPU @ 2: fast"


def test_arm_is_implementer_and_parts(tmp_path: Path) -> None:
    """Neoverse N1 and V1 are both "aarch64"; a big.LITTLE processor has two parts."""
    core = "processor : {}\nCPU implementer : 0x41\nCPU part : {}\n\n"
    names = set()
    for number, parts in enumerate((["0xd0c"] * 2, ["0xd40"] * 2, ["0xd05", "0xd0a"])):
        listing = "".join(core.format(i, part) for i, part in enumerate(parts))
        names.add(cpu_model(tree(tmp_path / str(number), {"proc/cpuinfo": listing})))
    assert names == {
        "ARM implementer 0x41, part 0xd0c",
        "ARM implementer 0x41, part 0xd40",
        "ARM implementer 0x41, part 0xd05/0xd0a",
    }


def test_a_system_without_listing_says_what_python_knows(tmp_path: Path) -> None:
    assert cpu_model(tmp_path)
    assert (cpu_quota(tmp_path), memory_gb(tmp_path)) == (None, None)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a system without affinity")
def test_cores_that_may_not_be_used_are_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for usable, said in (({0}, "0"), ({3, 1, 2, 7}, "1-3,7"), (set(range(8)), None)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, usable=usable: usable)
        assert describe_machine(tmp_path)["affinity"] == said
        assert describe_machine(tmp_path)["cores"] == 8


# -- containers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "50000 100000\n"}, 0.5),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, None),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
            },
            1.5,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2.0),
        ({"proc/self/cgroup": "0::/../../host/x\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2.0),
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us": "25000\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000\n",
            },
            0.25,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/docker/x\n",  # a path of the host
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "25000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000\n",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        ({"proc/self/cgroup": "0::/\nnonsense\n", "sys/fs/cgroup/cpu.max": "many of them\n"}, None),
    ],
)
def test_the_tightest_quota_counts(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    assert cpu_quota(tree(tmp_path, files)) == quota


@pytest.mark.parametrize(
    ("files", "gib"),
    [
        ({}, 32.0),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": f"{4 * GIB}\n"}, 4.0),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 32.0),
        (
            {"proc/self/cgroup": "3:memory:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": f"{GIB}\n"},
            1.0,
        ),
        (
            {
                "proc/self/cgroup": "3:memory:/x\n",
                "sys/fs/cgroup/memory/x/memory.limit_in_bytes": f"{2**63 - 4096}",
            },
            32.0,
        ),
    ],
)
def test_the_memory_of_a_container_counts(tmp_path: Path, files: dict[str, str], gib: float) -> None:
    meminfo = {"proc/meminfo": f"MemTotal:       {32 * GIB // 1024} kB\nMemFree: 1 kB\n"}
    assert memory_gb(tree(tmp_path, meminfo | files)) == gib


# -- instruction set and GPU -----------------------------------------------------------------------


def test_the_instruction_set_is_told(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    monkeypatch.setenv("MKL_ENABLE_INSTRUCTIONS", "SSE4_2")
    found = describe_compute(torch)
    assert (found["cpu_capability"], found["mkl_instructions"], found["gpu"]) == ("DEFAULT", "SSE4_2", None)


@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_matrix_products_of_another_instruction_set_are_of_another_machine(
    monkeypatch, variable: str
) -> None:
    """oneDNN's own limit, which torch's capability does not show: bfloat16 products pass through it."""
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    free = describe_compute(torch)
    monkeypatch.setenv(variable, "AVX2")
    assert "onednn_instructions None is now 'AVX2'" in difference(free, describe_compute(torch))


@pytest.mark.parametrize(
    ("printed", "power", "mig"),
    [
        ("350.00, Disabled", 350.0, "Disabled"),
        ("700.00, Enabled", 700.0, "Enabled"),
        ("[N/A], [N/A]", None, "N/A"),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_capped_or_shared_gpu_is_told(monkeypatch, printed, power, mig) -> None:
    properties = SimpleNamespace(name="Played GPU", total_memory=8 * GIB, uuid="12-34")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties)
    asked = []
    monkeypatch.setattr(machine, "output", lambda *command: asked.append(command) or printed)
    found = describe_compute(torch)
    assert (found["gpu_power_limit_w"], found["gpu_mig"], found["gpu_memory_mb"]) == (power, mig, 8192)
    assert asked[0][0] == "nvidia-smi" and asked[0][-1] == "GPU-12-34"


# -- the rule --------------------------------------------------------------------------------------


def test_the_same_machine_has_no_difference() -> None:
    one = {"cpu": "x", "cores": 2, "commit": "a", "hash": "1"}
    assert difference(one, one | {"commit": "b"}) is None
    assert difference({}, {}) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"affinity": "0"}, "affinity None is now '0'"),
        ({"cpu_quota": 0.5}, "cpu_quota None is now 0.5"),
        ({"cpu": "y", "cores": 4}, "cpu 'x' is now 'y', cores 2 is now 4"),
    ],
)
def test_what_differs_is_named(change: dict, said: str) -> None:
    one = {"cpu": "x", "cores": 2, "affinity": None, "cpu_quota": None, "hash": "1"}
    assert difference(one, one | change | {"hash": "2"}) == said


def test_what_was_not_looked_at_is_not_taken_for_the_same() -> None:
    """A record from before the rule knew of quotas."""
    old = {"cpu": "x", "hash": "1"}
    assert (
        difference(old, {"cpu": "x", "cpu_quota": None, "hash": "2"})
        == "cpu_quota was not recorded, it is None"
    )
    assert difference({"hash": "1"}, {"hash": "2"}) == "another environment"
