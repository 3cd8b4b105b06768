"""Structured logging: where it goes, what form it takes, and what it leaves alone."""

from __future__ import annotations

import io
import json
import logging
import math
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.logging import configure_logging, get_logger


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def defaults() -> Iterator[None]:
    configure_logging()
    yield
    configure_logging()


def test_json_lines_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    get_logger("specdec_lib.models").info("loaded model", model_id="gpt2", seconds=1.5, ids=(1, 2))
    captured = capsys.readouterr()
    assert captured.out == ""
    line = json.loads(captured.err)
    timestamp = line.pop("timestamp")
    assert line == {
        "event": "loaded model",
        "level": "info",
        "logger": "specdec_lib.models",
        "model_id": "gpt2",
        "seconds": 1.5,
        "ids": [1, 2],
    }
    assert timestamp.endswith("Z") and "T" in timestamp


def test_text_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    get_logger("bench").warning("slow disk", seconds=3)
    written = terminal.getvalue()
    assert "slow disk" in written and "\x1b[" in written
    with pytest.raises(json.JSONDecodeError):
        json.loads(written)


def test_the_form_can_be_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("info", json=False)
    get_logger("bench").info("round", tokens=5)
    text = capsys.readouterr().err
    assert "round" in text and "tokens=5" in text and "\x1b[" not in text  # a pipe gets no colours
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    configure_logging("info", json=True)
    get_logger("bench").info("round", tokens=5)
    assert json.loads(terminal.getvalue())["tokens"] == 5


@pytest.mark.parametrize(
    ("level", "shown"),
    [("debug", 5), ("info", 4), ("warning", 3), ("error", 2), ("critical", 1), ("WARNING", 3)],
)
def test_levels(level: str, shown: int, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level, json=True)
    log = get_logger("bench")
    for method in (log.debug, log.info, log.warning, log.error, log.critical):
        method("event")
    assert len(capsys.readouterr().err.splitlines()) == shown


def test_unknown_level_is_named() -> None:
    with pytest.raises(InvalidArgument, match=r"'loud'.*debug, info, warning"):
        configure_logging("loud")


def test_a_logger_made_early_follows_a_later_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    log = get_logger("bench")
    log.info("hidden")
    configure_logging("info", json=True)
    log.info("shown")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["shown"]


def test_a_line_is_strict_json_whatever_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    get_logger("bench").warning(
        "odd", loss=math.nan, best=[math.inf], what=object, text="a\nb\x1b", none=None
    )
    (line,) = capsys.readouterr().err.splitlines()

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    entry = json.loads(line, parse_constant=refuse)
    assert (entry["loss"], entry["best"], entry["none"]) == ("nan", ["inf"], None)
    assert entry["text"] == "a\nb\x1b" and entry["what"] == "<class 'object'>"


@pytest.mark.parametrize("as_json", [True, False])
def test_an_exception_brings_its_traceback_but_no_local_values(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("error", json=as_json)
    secret = "a local value"
    try:
        raise KeyError("missing", len(secret))
    except KeyError:
        get_logger("bench").exception("failed")
    written = capsys.readouterr().err
    assert "KeyError" in written and "Traceback" in written
    assert secret not in written


def test_bound_values_come_with_every_event(capsys: pytest.CaptureFixture[str]) -> None:
    log = get_logger("bench").bind(pair="pocket")
    log.warning("one")
    log.warning("two")
    assert [json.loads(line)["pair"] for line in capsys.readouterr().err.splitlines()] == ["pocket"] * 2


def test_the_applications_logging_is_left_alone() -> None:
    before = (structlog.get_config(), structlog.is_configured(), logging.getLogger().handlers[:])
    configure_logging("debug", json=True)
    get_logger("bench").debug("event")
    assert (structlog.get_config(), structlog.is_configured(), logging.getLogger().handlers[:]) == before


def test_importing_it_imports_no_torch() -> None:
    program = "import sys, specdec_lib.utils.logging; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
