"""llama.cpp's server as an arm: the command that starts it with the pair's weights.

Options as of build 11434. One slot, one request at a time; the prompt's cache is off, so that every text pays
for its prompt. Weights and both caches are kept in what the pair is in.
"""

from __future__ import annotations

from pathlib import Path

from specdec_lib.lossless.audit.peers.server_process import HOST, PORT
from specdec_lib.utils.http.exchange import HttpLimits

TEXT_LIMITS = HttpLimits(read=600.0, total=600.0, repeats=1, pause=1e-3)
"""Of a timed text: asked once more at once, as servers hang up on connections that wait for their turn."""


def timed_server_command(
    program: Path, target: Path, context: int, threads: int, width: str, draft: Path | None = None, k: int = 0
) -> list[str]:
    """The command that serves ``target``, with ``k`` tokens of ``draft`` a round where there is one.

    Args:
        context: positions of its one slot.
        width: of the caches: f32, f16 or bf16. Flash attention is on for f16 alone: with f32 it is slower.
    """
    told = ["-m", str(target), "--host", HOST, "--port", PORT, "-np", "1", "-c", str(context)]
    told += ["-t", str(threads), "-tb", str(threads), "-fa", "on" if width == "f16" else "off"]
    told += ["-ctk", width, "-ctv", width]
    if draft is not None:
        told += ["-md", str(draft), "--spec-type", "draft-simple", "--spec-draft-n-max", str(k)]
        told += ["--spec-draft-p-min", "0", "-td", str(threads), "-tbd", str(threads)]
        told += ["-ctkd", width, "-ctvd", width]
    return [str(program), *told, "--no-webui"]
