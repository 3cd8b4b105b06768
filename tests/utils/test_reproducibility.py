"""Seeds that repeat, flags that come back, and a fingerprint that names the machine and nobody."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils import reproducibility
from specdec_lib.utils.reproducibility import (
    deterministic,
    environment_fingerprint,
    make_generator,
    seed_everything,
)


@pytest.fixture
def global_states():
    """The global generators as they were, put back after the test."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield states
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.random()), float(torch.rand(()))


def test_seeding_repeats_all_three_generators(global_states) -> None:
    seed_everything(7)
    first = draws()
    seed_everything(7)
    assert draws() == first
    seed_everything(8)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


def test_seeds_beyond_32_bits_are_seeds(global_states) -> None:
    seed_everything(2**63 + 5)
    assert all(0 <= draw < 1 for draw in draws())


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_what_is_no_seed_is_refused(seed: int) -> None:
    for function in (seed_everything, make_generator):
        with pytest.raises(InvalidArgument, match=str(seed)):
            function(seed)


def test_a_generator_is_its_own(global_states) -> None:
    generator = make_generator(3)
    assert generator.device.type == "cpu"
    first = torch.rand(4, generator=generator)
    assert torch.equal(first, torch.rand(4, generator=make_generator(3, torch.device("cpu"))))
    assert not torch.equal(first, torch.rand(4, generator=make_generator(4)))
    assert torch.equal(torch.get_rng_state(), global_states[2])  # the global one did not move
    assert random.getstate() == global_states[0]


@pytest.mark.parametrize("before", [(False, False), (True, True), (True, False)], ids=str)
def test_deterministic_flags_come_back_also_after_an_exception(
    before: tuple[bool, bool], monkeypatch
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    enabled, warn_only = before
    torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
    try:
        with pytest.raises(KeyError), deterministic():
            assert torch.are_deterministic_algorithms_enabled()
            assert not torch.is_deterministic_algorithms_warn_only_enabled()
            assert not torch.backends.cudnn.benchmark
            raise KeyError
        assert torch.are_deterministic_algorithms_enabled() == enabled
        assert torch.is_deterministic_algorithms_warn_only_enabled() == warn_only
        assert torch.backends.cudnn.benchmark
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"  # what was set stays
    finally:
        torch.use_deterministic_algorithms(False)


class TestFingerprint:
    def test_names_what_a_measurement_depends_on(self) -> None:
        fingerprint = environment_fingerprint()
        assert fingerprint["python"] == ".".join(map(str, sys.version_info[:3]))
        assert fingerprint["numpy"] == np.__version__
        # A build's own suffix (+cpu, +cu130) is in the package's metadata for some builds and not for others.
        assert fingerprint["torch"].split("+")[0] == torch.__version__.split("+")[0]
        assert fingerprint["threads"] == torch.get_num_threads()
        assert fingerprint["cores"] >= 1 and fingerprint["cpu"] and fingerprint["transformers"]
        assert {"os", "gpu", "cuda", "commit", "hash"} <= set(fingerprint)

    def test_is_plain_json(self) -> None:
        fingerprint = environment_fingerprint()
        assert json.loads(json.dumps(fingerprint, allow_nan=False)) == fingerprint

    def test_names_no_host_no_user_no_path(self) -> None:
        written = json.dumps(environment_fingerprint())
        assert str(Path.home()) not in written and str(Path.cwd()) not in written
        values = [str(value) for value in environment_fingerprint().values()]
        assert socket.gethostname() not in values and Path.home().name not in values

    def test_hash_tells_threads_apart_and_ignores_the_commit(self, monkeypatch) -> None:
        first = environment_fingerprint()["hash"]
        assert len(first) == 12 and int(first, 16) >= 0
        monkeypatch.setattr(reproducibility, "_commit", lambda: "another")
        assert environment_fingerprint()["hash"] == first
        monkeypatch.setattr(torch, "get_num_threads", lambda: 4096)
        assert environment_fingerprint()["hash"] != first

    def test_a_gpu_is_named(self, monkeypatch) -> None:
        class Properties:
            name, total_memory = "Played GPU", 8 * 2**30

        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Properties)
        fingerprint = environment_fingerprint()
        assert (fingerprint["gpu"], fingerprint["gpu_memory_mb"]) == ("Played GPU", 8192)


class TestCommit:
    """Against a played git, because the machine that runs the tests need not have one."""

    @pytest.fixture
    def git(self, tmp_path: Path, monkeypatch) -> Iterator[dict[str, str | None]]:
        """What git answers to each subcommand; the package lies at ``tmp_path/specdec_lib``."""
        answers: dict[str, str | None] = {
            "rev-parse --show-toplevel": str(tmp_path),
            "rev-parse --short=12 HEAD": "0123456789ab",
            "status --porcelain -uno": "",
        }

        def play(*command: str) -> str | None:
            assert command[:4] == ("git", "--no-optional-locks", "-C", str(tmp_path))
            return answers[" ".join(command[4:])]

        module = tmp_path / "specdec_lib" / "utils" / "reproducibility.py"
        monkeypatch.setattr(reproducibility, "__file__", str(module))
        monkeypatch.setattr(reproducibility, "output", play)
        reproducibility._commit.cache_clear()
        yield answers
        reproducibility._commit.cache_clear()

    def test_of_a_clean_checkout(self, git) -> None:
        assert environment_fingerprint()["commit"] == "0123456789ab"

    def test_of_changed_files_carries_a_plus(self, git) -> None:
        git["status --porcelain -uno"] = " M README.md"
        assert environment_fingerprint()["commit"] == "0123456789ab+"

    def test_of_somebody_elses_repository_is_not_ours(self, git, tmp_path: Path) -> None:
        git["rev-parse --show-toplevel"] = str(tmp_path.parent)
        assert environment_fingerprint()["commit"] is None

    def test_is_none_outside_of_a_repository(self, git) -> None:
        git["rev-parse --show-toplevel"] = None
        assert environment_fingerprint()["commit"] is None

    def test_is_none_before_the_first_commit(self, git) -> None:
        git["rev-parse --short=12 HEAD"] = None
        assert environment_fingerprint()["commit"] is None


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ((sys.executable, "-c", "print(' words ')"), "words"),
        ((sys.executable, "-c", "print('words'); raise SystemExit(3)"), None),
        (("no-such-program-anywhere",), None),
    ],
    ids=["prints", "fails", "missing"],
)
def test_a_command_that_cannot_answer_says_nothing(command: tuple[str, ...], printed: str | None) -> None:
    assert reproducibility.output(*command) == printed


def test_importing_it_imports_no_torch() -> None:
    program = "import sys, specdec_lib.utils.reproducibility; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
