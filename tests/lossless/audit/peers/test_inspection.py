"""Every engine that is installed is audited, a line each; what fails is said and passed over."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.errors import ServerUnavailable, UnknownPair
from specdec_lib.lossless.audit.peers import inspection
from specdec_lib.lossless.audit.peers.auditing import PeerEngine, PeerPlan
from specdec_lib.lossless.audit.peers.inspection import audit_installed
from specdec_lib.lossless.audit.peers.installed import LLAMA_CPP, OPENVINO_GENAI
from specdec_lib.lossless.audit.peers.table import read_peer_audits
from specdec_lib.lossless.audit.sampled.callables import LocalEngine
from specdec_lib.models.loader import load_model
from specdec_lib.models.wrapper import ModelWrapper

PLAN = PeerPlan(samples=60, num_tokens=1, texts=1, text_tokens=4)


def test_a_line_each_and_what_fails_is_passed_over(tmp_path, monkeypatch):
    ours = LocalEngine(AutoregressiveDecoder(ModelWrapper(*load_model("pocket-target", "float32", "cpu"))))

    @contextmanager
    def running(engine, mode, folder, written, ends):
        if mode == "draft, probabilistic":
            raise ServerUnavailable("it ended")
        assert [model.path.name for model in written] == ["target.gguf", "draft.gguf"]
        assert all(model.path.is_file() for model in written) and ends == (0,)
        yield PeerEngine(engine, "1", mode, "", ours, ours)

    monkeypatch.setattr(inspection, "running", running)
    missing = {LLAMA_CPP: "", OPENVINO_GENAI: "OpenVINO GenAI is not installed"}
    monkeypatch.setattr(inspection, "why_not_installed", lambda engine, folder: missing[engine])
    said, output = [], tmp_path / "engines.jsonl"
    modes = ["draft", "draft, probabilistic"]
    audits = audit_installed(tmp_path, output, "pocket", PLAN, modes=modes, report=said.append)
    assert [(audit.engine, audit.mode) for audit in audits] == [(LLAMA_CPP, "draft")]
    assert read_peer_audits(output) == audits and audits[0].greedy_equal == 1
    assert any("passed over, since it ended" in line for line in said)
    assert "OpenVINO GenAI is not installed" in said and audits[0].says in said
    assert audit_installed(tmp_path, output, "pocket", PLAN, engines=["neither"]) == []


def test_an_unknown_pair_is_refused(tmp_path):
    with pytest.raises(UnknownPair):
        audit_installed(tmp_path, tmp_path / "x", "no-such", PLAN)
