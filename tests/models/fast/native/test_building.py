"""The library of native forwards: built once, kept, and done without where it cannot be built."""

from __future__ import annotations

import ctypes
import platform
import shutil
import stat
import sys
from pathlib import Path

import pytest
from models.architectures import tiny_model

from specdec_lib.models.fast.native import building, description
from specdec_lib.models.fast.native.building import NoNative, cache_folder, native_library
from specdec_lib.models.wrapper import ModelWrapper

needs_compiler = pytest.mark.skipif(not any(map(shutil.which, building._COMPILERS)), reason="no C++ compiler")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv(building.CACHE, str(tmp_path / "kept"))
    building._library.cache_clear()
    yield tmp_path / "kept"
    building._library.cache_clear()


@pytest.fixture
def unloaded(monkeypatch):
    """Libraries that are built and not loaded, since this processor may lack their instructions."""
    paths: list[Path] = []

    def loaded(path: Path) -> ctypes.CDLL:
        paths.append(path)
        return ctypes.CDLL(None)

    monkeypatch.setattr(building, "_loaded", loaded)
    return paths


def program(path, text: str) -> str:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@needs_compiler
def test_it_is_built_once_and_found_again(own_cache, monkeypatch):
    native_library()
    (kept,) = own_cache.glob("*.so")
    building._library.cache_clear()
    monkeypatch.setattr(building, "_build", lambda *_: pytest.fail("built again"))
    native_library()
    assert [path.name for path in own_cache.iterdir()] == [kept.name]


@needs_compiler
@pytest.mark.skipif(platform.machine() != "x86_64", reason="instructions of another processor")
def test_every_set_of_instructions_is_a_library_of_its_own(unloaded, monkeypatch):
    for capability in ("DEFAULT", "AVX2", "AVX512"):
        monkeypatch.setattr(building.torch.backends.cpu, "get_cpu_capability", lambda now=capability: now)
        building._library.cache_clear()
        native_library()
    assert len({*unloaded}) == 3 and all(path.stat().st_size > 10_000 for path in unloaded)


def test_without_a_compiler_graphs_do_it(monkeypatch):
    monkeypatch.setenv("CXX", "there-is-no-such-compiler")
    with pytest.raises(NoNative, match=r"no C\+\+ compiler \(there-is-no-such-compiler\)"):
        native_library()
    model = ModelWrapper(tiny_model("llama"), compile=True)
    assert model.compiled.native is None and model.compiled.active


def test_a_compiler_that_fails_is_quoted(monkeypatch, tmp_path):
    text = "import sys\nif '--version' not in sys.argv: sys.exit('x.cpp:3: error: no such thing')\n"
    monkeypatch.setenv("CXX", program(tmp_path / "broken", text))
    with pytest.raises(NoNative, match="error: no such thing"):
        native_library()
    assert not list(building.cache_folder().glob("*.so"))


def test_a_compiler_without_threads_builds_it_without(unloaded, monkeypatch, tmp_path):
    text = (
        "import pathlib, sys\n"
        "if '-fopenmp' in sys.argv: sys.exit('error: no threads')\n"
        "if '-o' in sys.argv: pathlib.Path(sys.argv[sys.argv.index('-o') + 1]).write_text('built')\n"
    )
    monkeypatch.setenv("CXX", program(tmp_path / "single", text))
    native_library()
    assert [path.read_text() for path in unloaded] == ["built"]


def test_what_is_no_library_is_said(monkeypatch, tmp_path):
    text = (
        "import pathlib, sys\n"
        "if '-o' in sys.argv: pathlib.Path(sys.argv[sys.argv.index('-o') + 1]).write_text('text')\n"
    )
    monkeypatch.setenv("CXX", program(tmp_path / "odd", text))
    with pytest.raises(NoNative):
        native_library()


@needs_compiler
def test_a_library_that_lays_structures_out_otherwise_is_refused(monkeypatch):
    class Longer(description.Layer):
        _fields_ = (("more", description.c_int64),)

    monkeypatch.setattr(building, "Layer", Longer)
    with pytest.raises(NoNative, match="structures"):
        native_library()


def test_a_folder_that_cannot_be_made_is_said(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(building.CACHE, str(tmp_path / "file" / "below"))
    with pytest.raises(NoNative, match="SPECDEC_CACHE"):
        cache_folder()
