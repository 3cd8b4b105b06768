"""Seeds, deterministic kernels, and a fingerprint of the environment a number was measured in.

The engine draws from generators it is given; seeding the global ones is for what lies outside of
it (a model's random weights, a notebook's numpy). The fingerprint names versions and hardware, and
deliberately no host, user or path.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    import torch

_PACKAGES = ("torch", "transformers", "numpy", "bitsandbytes")


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and torch's global generators (all devices).

    numpy takes 32 bits, so it is seeded with ``seed`` modulo 2**32.

    Raises:
        InvalidArgument: a seed that is not an integer in [0, 2**64).
    """
    import numpy as np
    import torch

    seed = _checked_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def make_generator(seed: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator of its own, seeded, on ``device``; the global generators are not touched.

    Raises:
        InvalidArgument: a seed that is not an integer in [0, 2**64).
    """
    import torch

    return torch.Generator(device).manual_seed(_checked_seed(seed))


def _checked_seed(seed: int) -> int:
    if not 0 <= seed < 2**64:
        raise InvalidArgument(f"a seed is an unsigned 64-bit number: got {seed}; pass one in [0, 2**64)")
    return int(seed)


@contextmanager
def deterministic() -> Iterator[None]:
    """Ask torch for deterministic kernels within a ``with`` block; the flags are restored after it.

    CUDA needs ``CUBLAS_WORKSPACE_CONFIG`` before its first use; it is set here when it is not.
    """
    import torch

    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark


def environment_fingerprint() -> dict[str, Any]:
    """What a measurement depends on, as plain data: versions, processor, threads, GPU, commit.

    ``hash`` is the first 12 hex digits of SHA-256 over the rest, commit excepted: equal hashes mean
    comparable machines.
    """
    import torch

    machine: dict[str, Any] = {
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        **{package: _version(package) for package in _PACKAGES},
        **_gpu(torch),
    }
    digest = hashlib.sha256(json.dumps(machine, sort_keys=True).encode()).hexdigest()[:12]
    return {**machine, "commit": _commit(), "hash": digest}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _gpu(torch: Any) -> dict[str, Any]:
    if not torch.cuda.is_available():
        return {"gpu": None, "gpu_memory_mb": None, "cuda": None}
    properties = torch.cuda.get_device_properties(0)
    return {
        "gpu": properties.name,
        "gpu_memory_mb": properties.total_memory // 2**20,
        "cuda": torch.version.cuda,
    }


@cache
def _cpu_model() -> str:
    """The processor's name as the system gives it, or its architecture."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    brand = _output("sysctl", "-n", "machdep.cpu.brand_string") if platform.system() == "Darwin" else None
    return brand or platform.processor() or platform.machine()


@cache
def _commit() -> str | None:
    """The checkout's commit, with "+" where tracked files were changed; None outside of one."""
    checkout = Path(__file__).resolve().parents[2]
    git = ("git", "--no-optional-locks", "-C", str(checkout))
    root = _output(*git, "rev-parse", "--show-toplevel")
    if root is None or Path(root).resolve() != checkout:  # installed inside somebody else's repository
        return None
    commit = _output(*git, "rev-parse", "--short=12", "HEAD")
    return f"{commit}+" if commit and _output(*git, "status", "--porcelain", "-uno") else commit


def _output(*command: str) -> str | None:
    """What a command prints, or None where it is missing or fails: then there is nothing to name."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
