"""What ``specdec export`` shows: a row a model, and the call that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from specdec_lib.cli.terminal import safe_table, text
from specdec_lib.utils.numbers import short_count

if TYPE_CHECKING:
    from rich.console import Console

    from specdec_lib.models.export.pair import WrittenModel

_COLUMNS = ("role", "made from", "weights", "MB", "written to")


def show_export_of_models(console: Console, written: Sequence[WrittenModel], command: str) -> None:
    """A table of what was written, and how to run it."""
    rows = [
        [
            text(model.role, "bold"),
            model.model_id,
            short_count(model.num_weights),
            f"{model.num_bytes / 1e6:.1f}",
            str(model.path),
        ]
        for model in written
    ]
    console.print(safe_table("Written", _COLUMNS, "llrrl", rows))
    console.print(text("Try it:", "bold"), text(command), soft_wrap=True)


def document_of_export(
    form: str, width: str, written: Sequence[WrittenModel], command: str
) -> dict[str, Any]:
    """The same as one JSON document."""
    models = [
        {
            "role": model.role,
            "model": model.model_id,
            "path": str(model.path),
            "num_bytes": model.num_bytes,
            "num_weights": model.num_weights,
        }
        for model in written
    ]
    return {"to": form, "dtype": width, "models": models, "run": command}
