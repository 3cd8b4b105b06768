"""What of a machine this process has, and when two machines are the same.

Two sessions pair only if they ran on the same machine, and that is more than the processor's name: cores
that the process may not use, a quota of a container, its memory, another instruction set or a GPU whose
power is capped make another machine of it. :func:`difference` is the one rule, wherever it is asked. No
host, user or path is named. The trees of /proc and /sys are read below a root that tests can replace.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path("/")
UNRELATED = ("commit", "hash")
"""Fields of a fingerprint that do not tell machines apart: the code, and the digest over the others."""

_NO_LIMIT = 2**60
_GIBIBYTE = 2**30
_ARM_FIELDS = ("CPU implementer", "CPU part")


def difference(then: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """What tells two fingerprints apart, in a few words; None where they are of the same machine.

    A fingerprint that lacks a field, from before it was looked at, is of another machine: nobody knows.
    """
    if then.get("hash") == now.get("hash") and (now.get("hash") is not None or not then):
        return None
    names = dict.fromkeys(name for name in (*now, *then) if name not in UNRELATED)
    other = [name for name in names if then.get(name) != now.get(name) or (name in then) != (name in now)]
    if not other:
        return None if dict(then) == dict(now) else "another environment"
    return ", ".join(_change(name, then, now) for name in other)


def _change(name: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    if name not in then:
        return f"{name} was not recorded, it is {now[name]!r}"
    return f"{name} {then[name]!r} is now {now.get(name)!r}"


def describe_machine(root: Path = ROOT) -> dict[str, Any]:
    """Processor, cores of it, cores that may be used, share of them, and memory of this process.

    Returns:
        ``cpu``; ``cores`` of the machine; ``affinity``, the cores that this process may use ("0-3,8"), None
        for all of them; ``cpu_quota``, cores' worth of time that a container leaves it, None for no limit;
        ``memory_gb``, of the machine or the container, whichever is less.
    """
    cores = os.cpu_count() or 1
    return {
        "cpu": cpu_model(root),
        "cores": cores,
        "affinity": _affinity(cores),
        "cpu_quota": cpu_quota(root),
        "memory_gb": memory_gb(root),
    }


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux, or not for us to read
        return ""


# -- processor -------------------------------------------------------------------------------------


def cpu_model(root: Path = ROOT) -> str:
    """The processor's name as the system gives it; of ARM, which gives none, implementer and part."""
    fields = _cpuinfo(root)
    if name := fields.get("model name") or fields.get("cpu model"):
        return name[0]
    if all(key in fields for key in _ARM_FIELDS):
        return f"ARM implementer {'/'.join(fields[_ARM_FIELDS[0]])}, part {'/'.join(fields[_ARM_FIELDS[1]])}"
    brand = output("sysctl", "-n", "machdep.cpu.brand_string") if platform.system() == "Darwin" else None
    return brand or platform.processor() or platform.machine()


def _cpuinfo(root: Path) -> dict[str, list[str]]:
    """Each field of /proc/cpuinfo with its different values over the cores, in their order."""
    fields: dict[str, list[str]] = {}
    for line in _read(root / "proc/cpuinfo").splitlines():
        name, colon, value = line.partition(":")
        if colon and value.strip() and value.strip() not in fields.setdefault(name.strip(), []):
            fields[name.strip()].append(value.strip())
    return fields


def _affinity(cores: int) -> str | None:
    """The cores that this process may use, as the kernel lists them; None where it may use all."""
    if not hasattr(os, "sched_getaffinity"):  # not Linux
        return None
    usable = sorted(os.sched_getaffinity(0))
    return None if len(usable) >= cores else _ranges(usable)


def _ranges(numbers: list[int]) -> str:
    """``[0, 1, 2, 5]`` as ``"0-2,5"``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


# -- containers ------------------------------------------------------------------------------------


def cpu_quota(root: Path = ROOT) -> float | None:
    """Cores' worth of time that the tightest control group around this process grants; None for no limit."""
    shares = [share for folder in _control_groups(root, "cpu") if (share := _granted_by(folder))]
    return round(min(shares), 3) if shares else None


def _granted_by(folder: Path) -> float | None:
    """What one control group grants: of version 2 a file says it, of version 1 there are two."""
    first, _, second = _read(folder / "cpu.max").partition(" ")
    quota = _integer(first or _read(folder / "cpu.cfs_quota_us"))
    period = _integer(second or _read(folder / "cpu.cfs_period_us"))
    return quota / period if quota > 0 and period > 0 else None


def memory_gb(root: Path = ROOT) -> float | None:
    """GiB, to a tenth, of the machine or of the tightest control group; None where neither is said."""
    limits = [
        _integer(_read(folder / name))
        for folder in _control_groups(root, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
    ]
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            limits.append(1024 * _integer(line.split()[1]))
    limits = [limit for limit in limits if 0 < limit < _NO_LIMIT]
    return round(min(limits) / _GIBIBYTE, 1) if limits else None


def free_bytes() -> tuple[float, float]:
    """Bytes that this process may still take, and of how many: of the machine, or of its control group where
    that is less."""
    import psutil

    memory, limit = psutil.virtual_memory(), memory_gb()
    if limit is None:
        return memory.available, memory.total
    granted = limit * _GIBIBYTE
    held = psutil.Process().memory_info().rss
    return min(memory.available, granted - held), min(memory.total, granted)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # "max", which is no limit, or nothing
        return 0


def _control_groups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of the control groups around this process, the innermost first, of both versions.

    Inside a container the path may be one of the host, which is not there; its root then is ours.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            mounts = [root / "sys/fs/cgroup", root / "sys/fs/cgroup/unified"]
        elif controller in controllers.split(","):
            mounts = [root / "sys/fs/cgroup" / name for name in dict.fromkeys((controllers, controller))]
        else:
            continue
        inner = [part for part in path.split("/") if part not in ("", "..")]
        for mount in mounts:
            yield from (mount.joinpath(*inner[:depth]) for depth in range(len(inner), -1, -1))


# -- instruction set and GPU -----------------------------------------------------------------------


def describe_compute(torch: Any) -> dict[str, Any]:
    """Which instructions torch computes with, and the GPU: its memory, its power limit, whether it is shared.

    ``gpu_power_limit_w`` and ``gpu_mig`` are the driver's, and None where it does not say.
    """
    gpu = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
    power, mig = _driver(getattr(gpu, "uuid", None))
    return {
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "mkl_instructions": os.environ.get("MKL_ENABLE_INSTRUCTIONS"),
        "onednn_instructions": os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA"),
        "gpu": gpu and gpu.name,
        "gpu_memory_mb": gpu and gpu.total_memory // 2**20,
        "cuda": gpu and torch.version.cuda,
        "gpu_power_limit_w": power,
        "gpu_mig": mig,
    }


def _driver(uuid: Any) -> tuple[float | None, str | None]:
    """Power limit in watts and MIG mode of a GPU, as the driver's own tool says them."""
    if uuid is None:
        return None, None
    query = ("nvidia-smi", "--query-gpu=power.limit,mig.mode.current", "--format=csv,noheader,nounits")
    words = [word.strip() for word in (output(*query, "-i", f"GPU-{uuid}") or "").split(",")]
    if len(words) != 2:
        return None, None
    try:
        return float(words[0]), words[1].strip("[]") or None
    except ValueError:  # "[N/A]"
        return None, words[1].strip("[]") or None


def output(*command: str) -> str | None:
    """What a command prints, or None where it is missing or fails: then there is nothing to name."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
