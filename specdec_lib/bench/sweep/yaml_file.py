"""A YAML file as plain values: what YAML would pass over in silence is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from specdec_lib.bench.sweep import sentences
from specdec_lib.errors import InvalidArgument, first_line


class _Strict(yaml.SafeLoader):
    """Refuses a key that is given twice, of which YAML keeps the last."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue  # a list or a mapping as a key, which YAML itself refuses below
        if key.value in seen:
            raise InvalidArgument(sentences.TWICE.format(key.value, key.start_mark.line + 1))
        seen.add(str(key.value))
    return loader.construct_mapping(node, deep=True)


_Strict.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        InvalidArgument: it cannot be read, is no YAML, or names a key twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
        raise InvalidArgument(
            sentences.NO_YAML.format(path.name, f"no YAML: {error.problem}{line}")
        ) from error
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise InvalidArgument(sentences.NO_YAML.format(path.name, f"no YAML: {said:.100}")) from error
    except InvalidArgument as error:
        raise InvalidArgument(sentences.NO_YAML.format(path.name, error)) from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise InvalidArgument(sentences.NO_YAML.format(path.name, f"cannot be read: {why}")) from error
    except ValueError as error:  # what looks like a date or a number, and is none
        why = f"no YAML: {first_line(str(error))}"
        raise InvalidArgument(sentences.NO_YAML.format(path.name, why)) from error


def settings_as_yaml(plan: Path) -> str | None:
    """The settings in a sweep's ``sweep.json`` as the YAML that asks for them; None where it holds none."""
    try:
        told = json.loads(plan.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    settings = told.get("settings") if isinstance(told, dict) else None
    if not isinstance(settings, dict) or not settings:
        return None
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
