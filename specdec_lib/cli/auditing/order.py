"""What an audit was asked for, and what cannot be, found out before anything is loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass

from specdec_lib.cli.auditing import sentences
from specdec_lib.cli.auditing.engine_names import (
    MODE,
    OURS,
    PLAIN,
    is_function,
    is_same_server,
    is_server,
    require_engine,
)
from specdec_lib.cli.options import ModelOptions
from specdec_lib.errors import InvalidArgument

_IN_PROCESS, _OF_SERVERS = 4_000, 40_000
"""Answers at most, where no number is named. What runs in this process is slower, and can be summed."""


@dataclass(frozen=True)
class AuditOrder:
    """What was asked for; None where a way of auditing has a default of its own."""

    engine: str
    models: ModelOptions
    threads: int | None = None
    plain: str | None = None
    exactly: bool | None = None
    prompts: str | None = None
    samples: int | None = None
    tokens: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    k: int | None = None
    minutes: float = 10.0
    seed: int = 0
    served: str | None = None
    at_once: int = 8

    @property
    def names_models(self) -> bool:
        """Whether models are named, whose weights then tell the law."""
        return any(value is not None for value in (self.models.pair, self.models.target, self.models.draft))

    @property
    def sums(self) -> bool:
        """Whether the law is summed over random branches; else answers are counted."""
        return self.engine.startswith(MODE) if self.exactly is None else self.exactly

    @property
    def most_samples(self) -> int:
        """Answers of each engine at most: of a server, as many as the minutes allow, up to a cap.

        Where the minutes are over first, what is left of the level is spent on what there is.
        """
        if self.samples is not None:
            return self.samples
        return _OF_SERVERS if is_server(self.engine) else _IN_PROCESS

    def loads_weights(self, *others: str) -> bool:
        """Whether weights are at hand: those that are named, or those that an engine here decodes with."""
        names = (self.engine, self.plain or "", *others)
        return self.names_models or any(name in (OURS, PLAIN) or name.startswith(MODE) for name in names)

    def require_sound(self, other: str | None) -> None:
        """Refuse what cannot be, before anything is loaded; with ``other``, of a comparison.

        Raises:
            InvalidArgument: a temperature or time that is none, a server whose law shall be summed, a name
                of no engine, a server without a control, a function without weights.
        """
        names = [name for name in (self.engine, self.plain, other) if name is not None]
        for name in names:
            require_engine(name)
        if self.temperature is not None and not 0 < self.temperature < math.inf:
            raise InvalidArgument(sentences.AUDIT_TEMPERATURE.format(self.temperature))
        if math.isnan(self.minutes):
            raise InvalidArgument(sentences.AUDIT_MINUTES)
        own = next((name for name in names if is_function(name)), None)
        if own is not None and not self.loads_weights(*names):
            sums = self.sums and other is None
            needs = sentences.EXACT_NEEDS_WEIGHTS if sums else sentences.IDS_NEED_WEIGHTS
            raise InvalidArgument(needs.format(own))
        if other is not None:
            return
        if self.sums and is_server(self.engine):
            raise InvalidArgument(sentences.EXACT_SERVER)
        if (
            self.plain is not None
            and is_server(self.engine)
            and is_server(self.plain)
            and is_same_server(self.plain, self.engine)
        ):
            raise InvalidArgument(sentences.SAME_SERVER.format(self.engine))
        if self.plain is None and is_server(self.engine):
            raise InvalidArgument(sentences.NEEDS_PLAIN.format(self.engine))
