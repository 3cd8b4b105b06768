"""What every option is declared with, and the one that every command has."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from specdec_lib.cli.terminal import reserve_output
from specdec_lib.errors import InvalidArgument

DEFAULT_PAIR = "pocket"
LARGEST_SEED = 2**63 - 1


def require_seed(seed: int | None) -> None:
    """Raises InvalidArgument: a seed that no generator takes, by the number that was given."""
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise InvalidArgument(f"the seed is {seed}; give a whole number from 0 to {LARGEST_SEED}")


def option(panel: str | None, metavar: str | None, *names: str, **more: Any) -> Any:
    """An option of a panel of the help; None puts it among the others."""
    return typer.Option(*names, metavar=metavar, rich_help_panel=panel, **more)


Json = Annotated[
    bool,
    option(None, None, "--json", help="Print one JSON document instead.", callback=reserve_output),
]
