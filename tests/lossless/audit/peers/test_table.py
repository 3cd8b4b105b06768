"""The table of engines: a line each, the newest of each kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from specdec_lib.errors import RecordError
from specdec_lib.lossless.audit.peers.table import PeerAudit, keep_peer_audits, read_peer_audits

AUDIT = PeerAudit(
    engine="llama.cpp", version="11434", mode="draft", options="-md DRAFT", pair="pocket", date="2026-12-01",
    greedy_equal=30, greedy_texts=30, greedy_tokens=128, verdict="exact as far as seen", says="It is.",
    num_samples=4000, num_tokens=3, p_value=0.5, catches=0.1, low=0.0, high=0.2, confidence=0.9999,
)  # fmt: skip


def test_what_is_kept_is_read(tmp_path):
    path = tmp_path / "results" / "engines.jsonl"
    assert read_peer_audits(path) == []
    other = replace(AUDIT, engine="OpenVINO GenAI", verdict="not exact", p_value=None)
    assert keep_peer_audits(path, [AUDIT, other]) == [other, AUDIT] == read_peer_audits(path)


def test_a_later_audit_of_the_same_takes_its_place(tmp_path):
    path = tmp_path / "engines.jsonl"
    keep_peer_audits(path, [AUDIT, replace(AUDIT, mode="draft, probabilistic")])
    later = replace(AUDIT, date="2026-12-02", verdict="not exact")
    assert [audit.mode for audit in keep_peer_audits(path, [later])] == ["draft", "draft, probabilistic"]
    assert read_peer_audits(path)[0] == later
    assert len(keep_peer_audits(path, [replace(AUDIT, version="11435")])) == 3


@pytest.mark.parametrize("line", ["{", "[1]", '{"engine": "x"}'])
def test_a_line_that_is_none_is_named_and_nothing_is_written(tmp_path, line):
    path = tmp_path / "engines.jsonl"
    keep_peer_audits(path, [AUDIT])
    path.write_text(path.read_text() + line + "\n")
    before = path.read_bytes()
    with pytest.raises(RecordError, match=r"engines\.jsonl, line 2, is no audit"):
        keep_peer_audits(path, [AUDIT])
    assert path.read_bytes() == before
