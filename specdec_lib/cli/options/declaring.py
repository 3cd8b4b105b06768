"""How an option is declared, and how several that belong together become parameters of a command."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import fields, is_dataclass
from functools import partial, wraps
from inspect import Parameter, signature
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from specdec_lib.cli.terminal import reserve_output
from specdec_lib.utils.numbers import written_real, written_whole


def option(
    panel: str | None, metavar: str | None, *names: str, help: str, default: str | None = None, **more: Any
) -> Any:
    """An option of a panel of the help; None puts it among the others. ``default`` is one told in words."""
    told = "" if default is None else f" [dim]\\[default: {default}][/dim]"
    return typer.Option(*names, metavar=metavar, help=help + told, rich_help_panel=panel, **more)


Json = Annotated[
    bool, option(None, None, "--json", help="Print one JSON document instead.", callback=reserve_output)
]


def with_groups(run: Callable[..., None]) -> Callable[..., None]:
    """``run`` as typer takes it: each parameter that is a dataclass of options gives way to its fields, and
    numbers are read as they are written here."""
    asked = signature(run, eval_str=True)
    annotated = {name: parameter.annotation for name, parameter in asked.parameters.items()}
    groups: dict[str, Any] = {name: group for name, group in annotated.items() if is_dataclass(group)}

    @wraps(run)
    def run_with(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        run(**given)

    shown: Any = run_with
    shown.__signature__ = asked.replace(
        parameters=[each for one in asked.parameters.values() for each in _options_of(one)]
    )
    return shown


def _options_of(parameter: Parameter) -> list[Parameter]:
    group = parameter.annotation
    if not is_dataclass(group):
        return [parameter.replace(annotation=_plainly(group))]
    hints = get_type_hints(group, include_extras=True)
    return [
        parameter.replace(name=field.name, default=field.default, annotation=_plainly(hints[field.name]))
        for field in fields(group)
    ]


def _plainly(annotation: Any) -> Any:
    """An option of a number, as a text is read by :mod:`specdec_lib.utils.numbers`: typer, which leaves it to
    Python, would take ``--temperature 0_1`` for 1."""
    hint, *declared = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    kind = next((kind for kind in (int, float) if kind in (hint, *get_args(hint))), None)
    if kind is None or not declared:
        return annotation
    info = copy(declared[0])
    info.parser = partial(_number, kind, info.min)
    return Annotated[hint, info]


def _number(kind: type[int] | type[float], least: float | None, given: Any) -> float:
    """The number that was given, or the default."""
    number = (written_whole if kind is int else written_real)(str(given))
    if number is None:
        one = "whole number; write one such as 4" if kind is int else "number; write one such as 0.8"
        raise typer.BadParameter(f"'{given}' is no {one}")
    if least is not None and number < least:
        raise typer.BadParameter(f"{number} is below {least}; give {least} or more")
    return number
