"""``python -m specdec_lib.lossless.audit.peers``."""

from __future__ import annotations

import signal

import pytest

from specdec_lib.lossless.audit.peers import __main__ as program
from specdec_lib.lossless.audit.peers import inspection


@pytest.fixture(autouse=True)
def kept_signal():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_what_is_asked_is_handed_on(monkeypatch, tmp_path, capsys):
    asked = []

    def audit(folder, output, pair, plan, engines, modes, report):
        asked.append((folder, output, pair, plan, engines, modes))
        report("done")

    monkeypatch.setattr(inspection, "audit_installed", audit)
    told = ["--folder", str(tmp_path), "--samples", "50", "--texts", "2", "--engine", "llama.cpp"]
    assert program.main(told) == 0
    folder, _, pair, plan, engines, modes = asked[0]
    assert (folder, pair, plan.samples, plan.texts) == (tmp_path, "pocket", 50, 2)
    assert engines == ["llama.cpp"] and modes is None
    assert capsys.readouterr().out == "[peers] done\n"


def test_being_told_to_end_ends_like_an_interruption(monkeypatch, tmp_path):
    monkeypatch.setattr(inspection, "audit_installed", lambda *a, **b: signal.raise_signal(signal.SIGTERM))
    assert program.main(["--folder", str(tmp_path)]) == 130


def test_an_unknown_pair_is_one_line(tmp_path, capsys):
    assert program.main(["--folder", str(tmp_path), "--pair", "no-such"]) == 2
    assert "Unknown pair 'no-such'" in capsys.readouterr().err
