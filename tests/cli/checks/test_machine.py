"""What is looked at on a machine, and that nobody is waited for."""

from __future__ import annotations

import threading

from specdec_lib.cli import sentences
from specdec_lib.cli.checks import Finding, machine


def test_who_does_not_answer_is_given_up(monkeypatch) -> None:
    monkeypatch.setattr(machine, "PATIENCE", 0.1)
    never = threading.Event()
    hub, other = machine.ask(
        {"hub": lambda: never.wait(60), "Ollama": lambda: Finding("Ollama", "ok", "here")}
    )
    never.set()
    assert (hub.status, hub.detail) == ("note", sentences.no_answer(0.1))
    assert other.status == "ok"


def test_no_hub_and_no_ollama_are_facts_not_failures(monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    assert machine.check_hub().status == "note"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in machine.check_hub().detail
    for host in ("127.0.0.1:9", "not a host"):
        monkeypatch.setenv("OLLAMA_HOST", host)
        assert machine.check_ollama().status == "note"


def test_a_compiler_or_what_to_do_without(monkeypatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(machine.shutil, "which", lambda name: name if name == "clang++" else None)
    assert machine.check_compiler().detail.startswith("clang++")
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    assert "--no-compile" in machine.check_compiler().detail
