"""What the command line says of sweeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from specdec_lib.utils.numbers import counted

# -- explain ----------------------------------------------------------------------------------------

BESIDE_FROM = "--from is another engine's run, and {} is of a results file of ours; give one of the two"
WITHOUT_FROM = "--{} is a time of another engine's run; give its counters with --from"


def about(seconds: float) -> str:
    """A time that is likely: of less than two minutes in seconds."""
    if seconds < 120:
        return f"about {seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"about {hours} h {minutes} min" if hours else f"about {minutes} min"


def cells_recorded(number: int, of: int) -> str:
    return f"[sweep] {number} of {counted(of, 'cell')} {'is' if number == 1 else 'are'} recorded already"


def cell_failed(number: int, why: str, notebook: Path | None) -> str:
    kept = "" if notebook is None else f"; the notebook as it stopped is {notebook}"
    return f"cell {number} failed: {why}{kept}"


def failed_again(is_known: bool) -> str:
    return "failed, for the same reason" if is_known else "failed"


def interrupted(folder: Path, done: int, cells: int) -> str:
    return f"interrupted; {done} of {counted(cells, 'cell')} are kept in {folder}, the same command goes on"


def planned(left: int, waiting: int, seconds: float, is_rough: bool, folder: Path) -> str:
    if waiting:
        wait = "waits for its models" if waiting == 1 else "wait for their models"
        fetched = f"{counted(waiting, 'cell')} {wait}, which will be fetched"
        return f"{fetched}; {counted(left, 'other')} to run, {about(seconds)}" if left else fetched
    if not left:
        return f"nothing is left to run; the results are in {folder}"
    rough = "; roughly, since no cell of that kind was measured yet" if is_rough else ""
    return f"{counted(left, 'cell')} to run, {about(seconds)}{rough}; the results go to {folder}"


def came_of(told: Mapping[str, Any]) -> str:
    """What came of a sweep."""
    parts = [f"{counted(len(told['done']), 'cell')} done"]
    for name, said in (("recorded", "recorded before"), ("failed", "failed"), ("skipped", "skipped")):
        parts += [f"{len(told[name])} {said}"] if told[name] else []
    if told["done"] or told["recorded"]:
        return f"{', '.join(parts)}; the results are in {told['folder']}"
    failed = f"; notebooks as they stopped are in {told['folder']}/failed" if told["failed"] else ""
    return ", ".join(parts) + failed


# -- engines of a comparison ------------------------------------------------------------------------

ENGINES_LEGEND = (
    "÷ best plain: over the fastest that has no draft, anybody's; ÷ ours: over our fastest; same ids: of "
    "texts at temperature 0, those that hf-generate gives"
)


def compiling_took(seconds: Mapping[str, str]) -> str:
    """How long arms were compiled, before anything was timed."""
    return "compiling took " + ", ".join(f"{told} of {arm}" for arm, told in seconds.items())


def texts_cut(count: int, arms: Iterable[str]) -> str:
    """Texts that engines ended where the model does."""
    left = f"{counted(count, 'text')} {'counts' if count == 1 else 'count'} for no arm"
    return f"{left}: {', '.join(arms)} ended before all tokens were there; a smaller -n keeps more"


# -- two engines at temperature 0 ------------------------------------------------------------------

TIE_OR_BUG = "Tie or bug?"
WHERE_THEY_PART = "Where A ({}) and B ({}) part"
MORE_PART = "… and {} more"
