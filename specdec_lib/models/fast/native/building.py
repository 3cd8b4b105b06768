"""The library of native forwards: built by the machine's C++ compiler, once, and kept for other processes.

It is named by everything that it depends on: the sources, the compiler, and the instructions that torch uses
here (``ATEN_CPU_CAPABILITY`` lowers both alike). ``SPECDEC_CACHE`` says where it is kept.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from ctypes import POINTER, c_double, c_int, c_int64, c_void_p
from functools import cache
from hashlib import sha256
from pathlib import Path

import torch

from specdec_lib.errors import in_one_line
from specdec_lib.models.fast import sentences
from specdec_lib.models.fast.native.description import Description, Layer
from specdec_lib.utils.logging import get_logger

SWITCH = "SPECDEC_NATIVE"
"""Set to 0, nothing is built, and compiled forwards are torch.compile's."""
CACHE = "SPECDEC_CACHE"
"""Names the folder that built libraries are kept in; unset, it is ``specdec`` in the user's cache."""
_SOURCES = Path(__file__).parent / "source"
_COMPILERS = ("c++", "g++", "clang++")
_ALWAYS = ("-O3", "-std=c++17", "-fPIC", "-shared", "-ffp-contract=fast")
_INSTRUCTIONS = {
    "AVX2": ("-mavx2", "-mfma"),
    "AVX512": ("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx2", "-mfma"),
}
_PATIENCE = 300.0


class NoNative(Exception):
    """Why there is no native forward, in a few words."""


def native_library() -> ctypes.CDLL:
    """The library, built if it is not there yet.

    Raises:
        NoNative: no compiler, one that cannot build it, or somebody who does not want it.
    """
    if os.environ.get(SWITCH) == "0":
        raise NoNative(sentences.SWITCHED_OFF.format(SWITCH))
    return _library()


@cache
def _library() -> ctypes.CDLL:
    compiler = next((found for name in _compilers() if (found := shutil.which(name))), None)
    if compiler is None:
        raise NoNative(sentences.NO_COMPILER.format(", ".join(_compilers())))
    instructions = _INSTRUCTIONS.get(torch.backends.cpu.get_cpu_capability(), ())
    path = _kept(compiler, instructions)
    if not path.is_file():
        _build(compiler, instructions, path)
    return _loaded(path)


def _compilers() -> Sequence[str]:
    named = os.environ.get("CXX")
    return (named,) if named else _COMPILERS


def _kept(compiler: str, instructions: Sequence[str]) -> Path:
    """Where a library of these sources, this compiler and these instructions lies."""
    digest = sha256()
    for source in sorted(_SOURCES.iterdir()):
        if source.is_file():
            digest.update(source.read_bytes())
    about = (compiler, _run([compiler, "--version"]), *_ALWAYS, *instructions, platform.machine())
    digest.update("\n".join(about).encode())
    return cache_folder() / f"forward-{digest.hexdigest()[:16]}.so"


def cache_folder() -> Path:
    """Where built libraries are kept; a temporary folder where the user's cannot be written."""
    named = os.environ.get(CACHE)
    users = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "specdec"
    for folder in (Path(named),) if named else (users, Path(tempfile.gettempdir()) / f"specdec-{_user()}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK) and _is_ours(folder):
            return folder
    raise NoNative(sentences.NO_CACHE_FOLDER)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _is_ours(folder: Path) -> bool:
    """Code is loaded from it: nobody else may have made it."""
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def _build(compiler: str, instructions: Sequence[str], path: Path) -> None:
    """Compile, with threads where the compiler has them, and move the library into its place whole."""
    source = str(_SOURCES / "forward.cpp")
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / path.name
        command = [compiler, *_ALWAYS, *instructions, source, "-o", str(made)]
        try:
            _run([*command, "-fopenmp"])
        except NoNative:
            _run(command)
        os.replace(made, path)
    get_logger(__name__).info("built", library=path.name)


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoNative(in_one_line(error)) from error
    if done.returncode:
        told = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise NoNative(next((line for line in told if "error" in line), told[-1]))
    return done.stdout


def _loaded(path: Path) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise NoNative(in_one_line(error)) from error
    library.specdec_sizes.restype = c_int64
    library.specdec_sizes.argtypes = [c_int]
    sizes = tuple(library.specdec_sizes(which) for which in (0, 1))
    if sizes != (ctypes.sizeof(Description), ctypes.sizeof(Layer)):
        raise NoNative(sentences.OTHER_SIZES)
    fed = (POINTER(Description), c_void_p, c_int, c_int64, POINTER(c_void_p), POINTER(c_void_p), c_int64)
    library.specdec_forward.restype = library.specdec_draft.restype = c_int
    library.specdec_forward.argtypes = [*fed, c_int, c_void_p, c_int]
    library.specdec_draft.argtypes = [*fed, c_int, c_double, c_void_p, c_void_p, c_void_p, c_int]
    library.specdec_judge.restype = c_int
    library.specdec_judge.argtypes = [
        c_void_p, c_int64, c_double, c_void_p, c_void_p, c_int64, c_void_p, c_double, c_void_p,
    ]  # fmt: skip
    return library
