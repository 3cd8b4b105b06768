"""A law as a server tells it, by log-probabilities of the likeliest tokens, and as a request warps it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from specdec_lib.errors import LawNotTold, ServerFailed
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.servers import sentences

_ROUNDING = 1e-3
"""By how much the sum of a law in float32 over a large vocabulary may pass 1, and a log-probability 0."""
_WHOLE = 1e-4
"""What may be missing of a law that counts as told whole."""


def read_law(pairs: Iterable[tuple[int, float]], server: str) -> dict[int, float]:
    """Probability by id, of ids and log-probabilities at temperature 1; those of probability 0 left out.

    Raises:
        ServerFailed: an id that comes twice, a log-probability above 0, or a sum above 1.
    """
    law: dict[int, float] = {}
    for token, log_probability in pairs:
        if token in law:
            raise _no_law(server, sentences.TOLD_TWICE.format(token))
        if log_probability > _ROUNDING:
            raise _no_law(server, sentences.ABOVE_ONE.format(token, log_probability))
        law[token] = math.exp(min(0.0, log_probability))
    if (total := math.fsum(law.values())) > 1.0 + _ROUNDING:
        raise _no_law(server, sentences.ADDS_UP_TO.format(total))
    return {token: probability for token, probability in law.items() if probability > 0.0}


def is_told_whole(law: Mapping[int, float]) -> bool:
    """Whether nothing that counts is missing of it."""
    return math.fsum(law.values()) >= 1.0 - _WHOLE


def warped_law(law: Mapping[int, float], request: EngineRequest, server: str) -> dict[int, float]:
    """The law at the temperature of ``request``, cut to its ``top_k``.

    Raises:
        LawNotTold: too little of it is told for that.
    """
    likeliest = sorted(law, key=lambda token: -law[token])
    if request.temperature == 0.0 and likeliest:
        return {likeliest[0]: 1.0}
    kept = likeliest if request.top_k is None else likeliest[: request.top_k]
    if request.temperature == 1.0 and request.top_k is None:
        return dict(law)
    cut_is_told = request.top_k is not None and len(kept) == request.top_k
    if not likeliest or not (cut_is_told or is_told_whole(law)):
        mass, temperature = math.fsum(law.values()), request.temperature
        said = sentences.CANNOT_WARP.format(server, len(law), mass, temperature, request.top_k)
        raise LawNotTold(said)
    top = math.log(law[kept[0]])
    weights = {token: math.exp((math.log(law[token]) - top) / request.temperature) for token in kept}
    total = math.fsum(weights.values())
    return {token: weight / total for token, weight in weights.items()}


def with_one_end(law: Mapping[int, float], ends: Collection[int]) -> dict[int | None, float]:
    """The law with all ends of the text under None."""
    ended = math.fsum(probability for token, probability in law.items() if token in ends)
    inside: dict[int | None, float] = {token: p for token, p in law.items() if token not in ends}
    return inside | ({None: ended} if ended > 0.0 else {})


def _no_law(server: str, what: str) -> ServerFailed:
    return ServerFailed(sentences.NOT_A_LAW.format(server, what))
