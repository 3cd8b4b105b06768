"""The joint law of the next few tokens, from whoever tells the law of one: prefixes, the likeliest first.

Each prefix that is asked for is one request to a server, or one forward. What was not asked behind it, and
what its table of likeliest tokens leaves out, is *anything else* behind that prefix. Its mass is known, since
that of all the others is.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import EngineOutcome, EngineRequest, NextLaw
from specdec_lib.lossless.audit.sampled import sentences

_LEAST = 1e-6
"""Outcomes below it are left to *anything else*: no number of samples that anybody draws shows one."""
_ROUNDING = 1e-3
"""By which the probabilities of a table may exceed 1, as printed log-probabilities do; they are scaled."""

TokenTable = Mapping[int | None, float]
"""Probability by id of one token, None for the end of the text."""


@dataclass(frozen=True)
class PrefixLaw:
    """The joint law of up to ``request.num_tokens`` tokens.

    Attributes:
        outcomes: probability by outcome, as an :class:`~specdec_lib.lossless.audit.engines.Answer` tells it.
        rests: by continuation that was asked for, the probability of anything else behind it: 0.0 only where
            nothing else can come. What has a longer such continuation is not in it.
        tables: of one token, behind each continuation that was asked for; none where outcomes are texts.
        num_requests: how often the law was asked.
    """

    request: EngineRequest
    outcomes: Mapping[EngineOutcome, float]
    rests: Mapping[tuple[int, ...], float]
    tables: Mapping[tuple[int, ...], TokenTable]
    num_requests: int

    @property
    def mass(self) -> float:
        """What the outcomes have together."""
        return math.fsum(self.outcomes.values())

    @property
    def rest(self) -> float:
        """Probability of anything else: 0.0 only where nothing else can come."""
        return math.fsum(self.rests.values())

    def by_text(self, decode: Callable[[Sequence[int]], str]) -> PrefixLaw:
        """The law of the texts, for an engine that tells no ids: outcomes of one text are one.

        Args:
            decode: ids behind the prompt to their text, special tokens left out, as the engine does it.
        """
        texts: dict[EngineOutcome, float] = {}
        for (said, ended), chance in self.outcomes.items():
            text = said if isinstance(said, str) else decode(said)
            texts[text, ended] = texts.get((text, ended), 0.0) + chance
        return replace(self, outcomes=texts, rests={(): self.rest}, tables={})


def expand_law(
    law: NextLaw,
    request: EngineRequest,
    mass: float = 0.99,
    most_requests: int = 200,
    enough: Callable[[], bool] = lambda: False,
    report: Callable[[str], None] = lambda line: None,
) -> PrefixLaw:
    """Ask ``law`` behind the likeliest prefix again and again, until whole outcomes have ``mass`` together.

    Args:
        most_requests: asked at most; behind the empty continuation always.
        enough: asked before each further request; True ends the expansion, with what there is.
        report: called with a line of progress now and then.

    Raises:
        InvalidArgument: temperature 0, whose law is one text; no tokens; or a table that is none.
    """
    if not request.temperature > 0 or request.num_tokens < 1:
        raise InvalidArgument(sentences.NO_LAW_TO_COUNT.format(request.temperature, request.num_tokens))
    waiting: list[tuple[float, tuple[int, ...]]] = [(-1.0, ())]
    outcomes: dict[EngineOutcome, float] = {}
    tables: dict[tuple[int, ...], TokenTable] = {}
    rests: dict[tuple[int, ...], float] = {}
    found = 0.0
    while waiting and found < mass and len(tables) < most_requests and not (tables and enough()):
        if len(tables) % 20 == 0:
            report(sentences.READING_THE_LAW.format(len(tables), found))
        chance, prefix = heapq.heappop(waiting)
        table, untold = _checked_table(law.next_law(request, prefix), prefix)
        tables[prefix], rests[prefix] = table, -chance * untold
        for token, share in table.items():
            reached, text = -chance * share, (*prefix, *(() if token is None else (token,)))
            if reached < _LEAST:
                rests[prefix] += reached
            elif token is None or len(text) == request.num_tokens:
                outcomes[text, token is None] = reached
                found += reached
            else:
                heapq.heappush(waiting, (-reached, text))
    for chance, prefix in waiting:
        rests[prefix[:-1]] -= chance
    return PrefixLaw(request, outcomes, rests, tables, len(tables))


def _checked_table(table: Any, prefix: tuple[int, ...]) -> tuple[TokenTable, float]:
    """The possible tokens of a table, and the mass that it does not tell: 0.0 where that is rounding."""
    sound = isinstance(table, Mapping) and all(
        (token is None or (isinstance(token, int) and token >= 0))
        and isinstance(chance, float | int)
        and -1e-9 <= chance <= 1 + _ROUNDING
        for token, chance in table.items()
    )
    total = math.fsum(table.values()) if sound else math.nan
    if not 0 < total <= 1 + _ROUNDING:
        raise InvalidArgument(sentences.NO_TABLE.format(list(prefix), total))
    scale = 1 / total if total > 1 - 1e-9 else 1.0
    possible = {token: chance * scale for token, chance in table.items() if chance > 0}
    return possible, 0.0 if total > 1 - 1e-9 else 1 - total
