"""Engines are started in their ways beside plain decoding; llama.cpp's server is a table's in its place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from specdec_lib.errors import ServerUnavailable
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.peers import installed
from specdec_lib.lossless.audit.peers.installed import (
    FORM_OF,
    LLAMA_CPP,
    OPENVINO_GENAI,
    modes_of,
    running,
    why_not_installed,
)
from specdec_lib.lossless.audit.peers.llama_cpp import llama_program
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.models.export.pair import WrittenModel

TESTS = Path(__file__).parents[3]
FAKE = f"""#!{sys.executable}
import signal, sys
sys.path[:0] = [{str(TESTS)!r}, {str(TESTS.parent)!r}]
import table_server
from specdec_lib.lossless.laws.table_model import TableModel

port = int(sys.argv[sys.argv.index("--port") + 1])
model = TableModel.random(6, seed=1)
way = "exact" if "--spec-type" in sys.argv else ""
with table_server.serving(table_server.TableServer(model, model.near(seed=2, weight=0.5), way), port):
    print("serving", flush=True)
    signal.pause()
"""
WRITTEN = [WrittenModel(role, role, Path(f"/there/{role}.gguf"), 1, 1) for role in ("target", "draft")]


@pytest.fixture
def folder(tmp_path):
    program = llama_program(tmp_path)
    program.parent.mkdir(parents=True)
    program.write_text(FAKE)
    program.chmod(0o755)
    return tmp_path


def test_a_server_that_drafts_stands_beside_one_that_does_not(folder):
    with running(LLAMA_CPP, "draft, probabilistic", folder, WRITTEN, (5,)) as peer:
        request = EngineRequest(3, (1, 2), seed=3)
        plain, asked = peer.control.answer(request), peer.asked.answer(request)
        assert asked.num_drafted and plain.num_drafted is None
        assert (
            peer.asked.name == "llama.cpp, draft, probabilistic" and peer.control.name == "llama.cpp, plain"
        )
        model = TableModel.random(6, seed=1)
        assert all(token < model.vocab_size for token in (*(asked.ids or ()), *(plain.ids or ())))
        assert peer.options == (
            "-md DRAFT --spec-type draft-simple -td 1 -tbd 1 --spec-draft-sampling probabilistic"
        )
        assert peer.version == "unknown", "no package lies there"
    logs = sorted(path.name for path in (folder / "logs").iterdir())
    assert logs == ["llama.cpp draft probabilistic.log", "llama.cpp plain.log"]
    with pytest.raises(ServerUnavailable):
        peer.asked.answer(request)


def test_what_is_missing_is_said(folder, tmp_path, monkeypatch):
    assert why_not_installed(LLAMA_CPP, folder) == ""
    assert "llama-server is missing" in why_not_installed(LLAMA_CPP, tmp_path / "empty")

    def absent(name):
        raise installed.PackageNotFoundError(name)

    monkeypatch.setattr(installed, "version", absent)
    assert "openvino-genai is missing" in why_not_installed(OPENVINO_GENAI, folder)
    monkeypatch.setattr(installed, "version", lambda name: "2026")
    assert why_not_installed(OPENVINO_GENAI, folder) == ""


def test_every_way_that_drafts_is_audited():
    for engine in FORM_OF:
        assert "draft" in modes_of(engine) and "plain" not in modes_of(engine)
