"""Drafts of the target's own layers, read and not opened: its first ones, all but some, a trained exit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from specdec_lib.decoding.drafters.base import Drafter
    from specdec_lib.models.wrapper import ModelWrapper


@dataclass(frozen=True)
class LayersSpec:
    """The target's first ``count`` layers."""

    count: int

    def __str__(self) -> str:
        return f"layers:{self.count}"

    @property
    def label(self) -> str:
        """As of a cascade: a name fit for a file, in which results of this draft are kept."""
        return f"layers.{self.count}"

    def open(self, target: ModelWrapper, dtype: str = "auto", compile: bool = False) -> Drafter:
        """Layers of the target itself: in its dtype, and compiled where it is."""
        from specdec_lib.decoding.drafters.layer_skip import first_layers_of

        return first_layers_of(target, self.count, str(self))


@dataclass(frozen=True)
class SkipSpec:
    """The target without some of its layers, counted from 0."""

    skipped: tuple[int, ...]

    def __str__(self) -> str:
        return f"skip:{','.join(_runs(self.skipped))}"

    @property
    def label(self) -> str:
        """As :attr:`LayersSpec.label`."""
        return f"skip.{'.'.join(_runs(self.skipped))}"

    def open(self, target: ModelWrapper, dtype: str = "auto", compile: bool = False) -> Drafter:
        """As :meth:`LayersSpec.open`."""
        from specdec_lib.decoding.drafters.layer_skip import all_but

        return all_but(target, self.skipped, str(self))


@dataclass(frozen=True)
class HeadSpec:
    """An exit that was trained for the target, in a folder."""

    folder: str

    def __str__(self) -> str:
        return f"head:{self.folder}"

    @property
    def label(self) -> str:
        """As :attr:`LayersSpec.label`."""
        return f"head.{Path(self.folder).expanduser().resolve().name}"

    def open(self, target: ModelWrapper, dtype: str = "auto", compile: bool = False) -> Drafter:
        """As :meth:`LayersSpec.open`, with what was trained behind them."""
        from specdec_lib.decoding.drafters.heads.trained_exit import open_exit

        return open_exit(self.folder, target, str(self))


def _runs(places: tuple[int, ...]) -> list[str]:
    """Ascending numbers, those in a row as one.

    >>> _runs((3, 5, 7, 8, 9))
    ['3', '5', '7-9']
    """
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
