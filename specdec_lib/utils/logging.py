"""Structured logging: readable on a terminal, one JSON object a line everywhere else.

Events go to standard error, so that standard output stays what a command prints. Loggers of this package
carry their own processors: an application's structlog configuration and the root logger are left alone,
and :func:`configure_logging` also reaches loggers that were made before it was called. Until then,
warnings and worse are shown.
"""

from __future__ import annotations

import json as json_module
import logging
import math
import sys
from dataclasses import dataclass
from typing import Any

import structlog
from structlog.typing import EventDict

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.notices import current_form

LEVELS = ("debug", "info", "warning", "error", "critical")


@dataclass
class _Settings:
    level: int = logging.WARNING
    json: bool | None = None


_settings = _Settings()


class _StandardError:
    """Whatever ``sys.stderr`` is at the moment of writing: tests and notebooks replace it."""

    def msg(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    debug = info = warning = error = critical = msg


def configure_logging(level: str = "warning", json: bool | None = None) -> None:
    """Set how this package logs, from now on and for every logger it has.

    Args:
        level: the least severe level to show, in any case: debug, info, warning, error or critical.
        json: True for JSON lines, False for text; None decides by whether stderr is a terminal.

    Raises:
        InvalidArgument: an unknown level.
    """
    if level.lower() not in LEVELS:
        raise InvalidArgument(f"configure logging: level is {level!r}; choose from {', '.join(LEVELS)}")
    _settings.level = getattr(logging, level.upper())
    _settings.json = json


def get_logger(name: str) -> Any:
    """A logger that names its module in every event: ``log.info("loaded model", model_id=…)``."""
    return structlog.wrap_logger(
        _StandardError(),
        processors=[
            _drop_below_level,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=False,
    ).bind(logger=name)


def _drop_below_level(logger: Any, method: str, event: EventDict) -> EventDict:
    if getattr(logging, {"exception": "error"}.get(method, method).upper()) < _settings.level:
        raise structlog.DropEvent
    return event


def _render(logger: Any, method: str, event: EventDict) -> str:
    form = current_form()
    if form is not None:
        return form(method, event)
    terminal = sys.stderr.isatty()
    as_json = not terminal if _settings.json is None else _settings.json
    if not as_json:
        plain = structlog.dev.plain_traceback  # a rich one prints the local variables as well
        console = structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=plain)
        return console(logger, method, event)
    event = structlog.processors.format_exc_info(logger, method, event)
    return json_module.dumps(_plain(event), allow_nan=False)


def _plain(value: Any) -> Any:
    """``value`` as JSON types; what JSON cannot say (NaN, a path, a tensor) becomes its text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, str | int) else str(value)
