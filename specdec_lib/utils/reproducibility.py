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
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.machine import describe_compute, describe_machine, output

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
    """What a measurement depends on: versions, the machine (:mod:`specdec_lib.utils.machine`), the commit.

    ``hash`` is the first 12 hex digits of SHA-256 over the rest, commit excepted: equal hashes mean
    comparable machines, which is asked with :func:`specdec_lib.utils.machine.difference`.
    """
    import torch

    machine: dict[str, Any] = {
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.machine()}",
        **describe_machine(),
        "threads": torch.get_num_threads(),
        **{package: _version(package) for package in _PACKAGES},
        **describe_compute(torch),
    }
    digest = hashlib.sha256(json.dumps(machine, sort_keys=True).encode()).hexdigest()[:12]
    return {**machine, "commit": _commit(), "hash": digest}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@cache
def _commit() -> str | None:
    """The checkout's commit, with "+" where tracked files were changed; None outside of one."""
    checkout = Path(__file__).resolve().parents[2]
    git = ("git", "--no-optional-locks", "-C", str(checkout))
    root = output(*git, "rev-parse", "--show-toplevel")
    if root is None or Path(root).resolve() != checkout:  # installed inside somebody else's repository
        return None
    commit = output(*git, "rev-parse", "--short=12", "HEAD")
    return f"{commit}+" if commit and output(*git, "status", "--porcelain", "-uno") else commit
