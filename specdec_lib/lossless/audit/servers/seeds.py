"""Whether a server's seeds are seeds: answers to different ones have to differ as often as the law has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from specdec_lib.errors import ServerFailed
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.servers import sentences
from specdec_lib.lossless.audit.servers.server import Server
from specdec_lib.utils.numbers import whole_number

UNLIKELY = 1e-6
"""Below this probability that all answers agree, they do not by chance."""


def check_seeds(
    server: Server,
    request: EngineRequest,
    law: Mapping[int | None, float] | None = None,
    num_seeds: int = 32,
    at_once: int = 4,
) -> None:
    """Ask with different seeds, and refuse a server whose answers are all one.

    Args:
        request: behind whose prompt; at temperature 0 nothing is asked.
        law: of the first token behind it, as ``next_law`` tells it; without one, equal answers are a notice.
        num_seeds: answers asked for.
        at_once: requests under way.

    Raises:
        ServerFailed: all answers agree, which the law makes less likely than ``UNLIKELY``.
    """
    num_seeds = whole_number(num_seeds, "check seeds: num_seeds", least=2)
    if request.temperature == 0.0:
        return
    asked = [replace(request, seed=request.seed + 7919 * number) for number in range(num_seeds)]
    outcomes = {answer.outcome for answer in server.answers(asked, at_once)}
    if len(outcomes) > 1:
        return
    if law is None:
        server.notice(sentences.SAME_ANSWERS_UNJUDGED.format(num_seeds))
        return
    untold = max(0.0, 1.0 - math.fsum(law.values()))
    agree = math.fsum(probability**num_seeds for probability in [*law.values(), untold])
    if agree < UNLIKELY:
        raise ServerFailed(sentences.SAME_ANSWERS.format(server.name, num_seeds, agree))
    server.notice(sentences.SAME_ANSWERS_UNJUDGED.format(num_seeds))
