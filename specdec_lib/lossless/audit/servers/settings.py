"""What a law must not be changed by, as llama.cpp's server names it: sent as off, held against its echo."""

from __future__ import annotations

import math
from typing import Any

from specdec_lib.errors import ServerFailed
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.servers import sentences
from specdec_lib.lossless.audit.servers.fields import Fields
from specdec_lib.utils.http.documents import in_a_line

OFF: dict[str, Any] = {
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "top_n_sigma": -1.0,
    "xtc_probability": 0.0,
    "dynatemp_range": 0.0,
    "repeat_penalty": 1.0,
    "repeat_last_n": 0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "dry_multiplier": 0.0,
    "mirostat": 0,
    "adaptive_target": -1.0,
    "min_keep": 0,
    "grammar": "",
    "logit_bias": [],
    "stop": [],
    "backend_sampling": False,
}
"""Names and values of tools/server/server-schema.cpp (build 11434): everything that cuts, shifts or ends."""
NEVER_SENT = {"ignore_eos": False}
"""It puts the end of a text at probability 0, which is another law; its echo has to say that it is off."""
_NEWER = {"adaptive_target", "backend_sampling", "top_n_sigma"}
"""What older servers neither know nor echo."""


def samplers_of(request: EngineRequest) -> list[str]:
    """The whole chain: "temperature" is always in it, since without it llama.cpp samples at 1."""
    return ["top_k", "temperature"] if request.top_k is not None else ["temperature"]


def sent_settings(request: EngineRequest) -> dict[str, Any]:
    """The settings of a request: its own law, and everything else off."""
    own = {
        "temperature": float(request.temperature),
        "top_k": request.top_k or 0,
        "samplers": samplers_of(request),
    }
    return {**OFF, **own}


def check_echo(echo: Fields, sent: dict[str, Any], server: str) -> list[str]:
    """Names of what the server does not echo; ``echo`` is its ``generation_settings``.

    Raises:
        ServerFailed: it used another value than was sent.
    """
    missing = []
    for name, value in {**sent, **NEVER_SENT}.items():
        if name not in echo.read:
            missing += [] if name in _NEWER else [name]
        elif not _is_same(echo.read[name], value):
            came = in_a_line(repr(echo.read[name]), 60)
            raise ServerFailed(sentences.STILL_ON.format(server, name, _shown(value), came))
    return missing


def _shown(value: Any) -> str:
    return "'nothing'" if value in ("", []) else in_a_line(repr(value), 60)


def _is_same(came: Any, sent: Any) -> bool:
    if isinstance(came, bool) or isinstance(sent, bool):
        return came is sent
    if isinstance(came, (int, float)) and isinstance(sent, (int, float)):
        return math.isclose(came, sent, rel_tol=1e-5, abs_tol=1e-6)  # it holds them in float32
    return type(came) is type(sent) and came == sent
