"""What an audit was asked for, and what cannot be, found out before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from specdec_lib.cli.auditing import sentences
from specdec_lib.cli.options import ModelOptions
from specdec_lib.errors import InvalidArgument

OURS, PLAIN = "ours", "plain"
"""Engines of this library: with a draft, and without."""
MODE = "hf:"
_URLS = ("http://", "https://")


@dataclass(frozen=True)
class AuditOrder:
    """What was asked for; None where a way of auditing has a default of its own."""

    engine: str
    models: ModelOptions
    threads: int | None = None
    plain: str | None = None
    exactly: bool | None = None
    prompts: str | None = None
    samples: int = 4_000
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

    def require_sound(self, greedy: bool) -> None:
        """Refuse what cannot be, before anything is loaded.

        Raises:
            InvalidArgument: a temperature that is not above 0, a server whose law shall be summed, a name
                of no engine, a server without a control.
        """
        _require_name(self.engine)
        if self.temperature is not None and not self.temperature > 0:
            raise InvalidArgument(sentences.AUDIT_TEMPERATURE.format(self.temperature))
        if self.plain is not None:
            _require_name(self.plain)
        if greedy:
            return
        if self.sums and is_server(self.engine):
            raise InvalidArgument(sentences.EXACT_SERVER)
        if self.plain is None and is_server(self.engine):
            raise InvalidArgument(sentences.NEEDS_PLAIN.format(self.engine))
        is_own = ":" in self.engine and not self.engine.startswith(MODE)
        if is_own and self.plain is None and not self.names_models and not self.sums:
            raise InvalidArgument(sentences.NEEDS_PLAIN_OR_TARGET.format(self.engine))


def is_server(name: str) -> bool:
    """Whether an engine's name is an address."""
    return name.startswith(_URLS)


def _require_name(name: str) -> None:
    if name in (OURS, PLAIN) or is_server(name) or ":" in name:
        if name.startswith(MODE):
            from specdec_lib.lossless.audit.hugging_face.modes import find_mode

            find_mode(name)
        return
    raise InvalidArgument(sentences.NO_ENGINE.format(name))
