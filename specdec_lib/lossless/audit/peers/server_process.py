"""A server of somebody else's that runs for as long as a block does, on this machine alone.

It is a process group of its own, so that an interruption from the keyboard reaches whoever asks and not the
server first; whatever ends the block ends the server too.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from specdec_lib.errors import ServerUnavailable
from specdec_lib.lossless.audit.peers import sentences

HOST = "127.0.0.1"
PORT = "{port}"
"""Stands in a command for the port that was found free."""
_PAUSE, _GRACE = 0.05, 10.0
"""Seconds between two questions whether it answers, and for it to end when it is told to."""


@contextmanager
def served(
    command: Sequence[str],
    log: Path,
    health: str = "/health",
    patience: float = 120.0,
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """The address of a server, which runs while the block does.

    Args:
        command: the program and its arguments; ``{port}`` in them is a free port of 127.0.0.1.
        log: the file that all it prints goes to.
        health: what it answers with 200 when it is ready.
        patience: seconds until then.
        environment: variables beside this process's own.

    Raises:
        ServerUnavailable: there is no such program, it ended, or it did not become ready; by its last line.
    """
    port = free_port()
    arguments = [part.replace(PORT, str(port)) for part in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as printed:
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        except OSError as error:
            reason = sentences.INSTALL_BY_MAKE if isinstance(error, FileNotFoundError) else str(error)
            raise ServerUnavailable(sentences.NO_EXECUTABLE.format(arguments[0], reason)) from error
        try:
            _await_health(process, port, health, patience, log)
            yield f"http://{HOST}:{port}"
        finally:
            end_group(process)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def end_group(process: subprocess.Popen[bytes], grace: float = _GRACE) -> None:
    """End a process and those that it started: asked first, then killed. One that has ended is left alone."""
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal_)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue
        break
    with suppress(ProcessLookupError):  # those that it started and that outlived it
        os.killpg(process.pid, signal.SIGKILL)


def _await_health(
    process: subprocess.Popen[bytes], port: int, health: str, patience: float, log: Path
) -> None:
    name, end = Path(str(process.args[0])).name, time.monotonic() + patience  # pyright: ignore
    while time.monotonic() < end:
        if (code := process.poll()) is not None:
            raise ServerUnavailable(sentences.SERVER_ENDED.format(name, code, log, last_line(log)))
        if _answers(port, health):
            return
        time.sleep(_PAUSE)
    address = f"{HOST}:{port}{health}"
    raise ServerUnavailable(sentences.SERVER_IS_SILENT.format(name, address, patience, log, last_line(log)))


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):  # not yet
        return False
    finally:
        connection.close()


def last_line(log: Path, most: int = 200) -> str:
    """What a log ends with, shortened."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    told = next((line.strip() for line in reversed(lines) if line.strip()), sentences.LOG_IS_EMPTY)
    return told[-most:]
