"""The commands that llama.cpp's server is started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from specdec_lib.lossless.audit.peers.llama_cpp import (
    LLAMA_MODES,
    PLAIN,
    as_asked,
    llama_command,
    llama_program,
)


@pytest.mark.parametrize("mode", LLAMA_MODES)
def test_a_draft_is_drafted_with_and_the_rest_is_the_same(mode):
    program, target, draft = (Path(f"/somewhere/{name}") for name in ("llama-server", "t.gguf", "d.gguf"))
    command = llama_command(program, target, draft, mode, slots=3, context=512)
    plain = llama_command(program, target, draft, PLAIN, slots=3, context=512)
    assert command[: len(plain)] == plain and command[0] == str(program)
    assert command[command.index("-c") + 1] == "1536" and "127.0.0.1" in command
    assert (str(draft) in command) == mode.startswith("draft")
    assert ("--spec-type" in command) == (mode != PLAIN), "without it llama.cpp never drafts"
    assert "/somewhere" not in as_asked(command) and "{" not in " ".join(command).replace("{port}", "")


def test_where_the_program_is_looked_for():
    assert llama_program(Path(".peers")).parts[:2] == (".peers", "llama")
