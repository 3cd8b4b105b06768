"""How an option is declared, and how several that belong together become parameters of a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, get_type_hints

import typer

from specdec_lib.cli.terminal import reserve_output


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
    """``run`` as typer takes it: each parameter that is a dataclass of options gives way to its fields."""
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
        return [parameter]
    hints = get_type_hints(group, include_extras=True)
    return [
        parameter.replace(name=field.name, default=field.default, annotation=hints[field.name])
        for field in fields(group)
    ]
