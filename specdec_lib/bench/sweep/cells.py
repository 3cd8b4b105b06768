"""The cells of a sweep: the product of its axes, each cell the parameters of one notebook.

Repeats come outermost, so that a sweep which is cut short has whole repeats of everything, and a pair's cells
stand together. Every cell is checked before the first one runs. Nothing is loaded here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK
from specdec_lib.bench.notebook.parameters import checked_parameters
from specdec_lib.bench.records.schema import OURS
from specdec_lib.bench.sweep import sentences
from specdec_lib.bench.sweep.config import BUILTIN, OwnModels, SweepConfig
from specdec_lib.decoding.drafters.grammar.pairs import AskedPair, asked_pair
from specdec_lib.decoding.lengths import read_length
from specdec_lib.decoding.lengths.specs import FixedSpec
from specdec_lib.errors import InvalidArgument, SpecDecError

_USUAL = {"verifier": "token", "dtype": None, "compiled": False, "batch": 1, "prompts": BUILTIN}
_USUAL |= {"engine": OURS, "repeat": 0, "draft": None}
"""What need not be said of a cell."""
_NEVER = object()
_COST_SECONDS = 1.0
"""How long the single forwards of a cell are timed: some ten of each kind of a small model."""


@dataclass(frozen=True)
class SweepCell:
    """One cell: its number from 1, where it stands on each axis, and the parameters of its notebook."""

    number: int
    place: Mapping[str, Any]
    parameters: Mapping[str, Any]

    @property
    def asked(self) -> AskedPair:
        """The pair that it runs, by name only."""
        names = ("pair", "target", "draft", "dtype", "draft_dtype")
        return asked_pair(**{name: self.parameters[name] for name in names})

    @property
    def pair_name(self) -> str:
        """The name of its pair in records."""
        return self.asked.pair.pair_name

    def label(self, axes: Sequence[str] | None = None) -> str:
        """Where it stands, in few words: on the axes given, or on all that are not as usual."""
        return ", ".join(
            _said(axis, self.place[axis]) for axis in axes or self.place if self._tells(axis, axes)
        )

    def _tells(self, axis: str, axes: Sequence[str] | None) -> bool:
        usual = {"verifier": "token", "dtype": None, "compiled": False, "batch": 1, "prompts": BUILTIN}
        usual |= {"engine": "specdec_lib", "repeat": 0, "draft": None}
        return axes is not None or axis not in usual or self.place[axis] != usual[axis]


def cells_of(config: SweepConfig) -> list[SweepCell]:
    """Every cell, checked.

    Raises:
        InvalidArgument: a cell that cannot be run as it is asked for, naming it; or no cell is left.
    """
    cells = [
        SweepCell(number, place, _parameters(config, place))
        for number, place in enumerate(_places(config), start=1)
    ]
    _require_places(config)
    if not cells:
        raise InvalidArgument(sentences.NOTHING_LEFT.format(config.name))
    _check(cells)
    return cells


def varying_axes(cells: Sequence[SweepCell]) -> list[str]:
    """The axes on which cells differ, in their order; of a sweep of one cell all that say something."""
    first = cells[0].place
    found = [axis for axis in first if any(cell.place[axis] != first[axis] for cell in cells)]
    return found or ["pair", "draft_length", "domain"]


def _require_places(config: SweepConfig) -> None:
    """Refuse to leave out what is on no axis."""
    everywhere = (
        list(_places(config.model_copy(update={"exclude": [], "repeats": 1}))) if config.exclude else []
    )
    for axis, value in (pair for one in config.exclude for pair in one.items()):
        there = list(dict.fromkeys(str(place[axis]) for place in everywhere))
        if not any(_stands_at(place, axis, value) for place in everywhere):
            known = ", ".join(there)
            raise InvalidArgument(sentences.NOT_ON_THE_AXIS.format(config.name, value, axis, known))


def _stands_at(place: Mapping[str, Any], axis: str, value: Any) -> bool:
    """Whether a place of an axis is that; a pair of one's own is known by its target."""
    there = place[axis]
    return there == value or (isinstance(there, OwnModels) and value in (there.target, there.model_dump()))


def _places(config: SweepConfig) -> Iterator[dict[str, Any]]:
    """Where cells stand on the axes, those left out that are excluded."""
    plain = product(
        range(config.repeats), config.pairs, config.dtypes, config.compiled, config.engines, config.drafts,
        config.verifiers, config.batch, config.prompts, config.temperatures,
    )  # fmt: skip
    for repeat, pair, dtype, compiled, engine, draft, verifier, batch, prompts, temperature in plain:
        lengths = [read_length(k) if isinstance(k, str) else FixedSpec(k) for k in config.draft_lengths]
        keys = [spec.k if isinstance(spec, FixedSpec) else str(spec) for spec in lengths]
        for domain, k in product(_domains(config, prompts), keys):
            place = {
                "pair": pair, "dtype": dtype, "compiled": compiled, "engine": engine, "draft": draft,
                "verifier": verifier, "batch": batch, "prompts": prompts, "temperature": temperature,
                "domain": domain, "draft_length": k, "repeat": repeat,
            }  # fmt: skip
            left_out = (all(_stands_at(place, *each) for each in one.items()) for one in config.exclude)
            if not any(left_out):
                yield place


def _domains(config: SweepConfig, prompts: str) -> Sequence[str]:
    there = domain_counts(prompts)
    if config.domains is None:
        return list(there)
    return [domain for domain in config.domains if domain in there or len(config.prompts) == 1]


@cache
def domain_counts(prompts: str) -> Mapping[str, int]:
    """How many prompts of each domain a file has, or the project's own."""
    found = prompt_set_of(None if prompts == BUILTIN else prompts, False)
    return found.counts(found.domains)


def _parameters(config: SweepConfig, place: Mapping[str, Any]) -> dict[str, Any]:
    """What the notebook is given, the place of its results aside."""
    pair = place["pair"]
    own = isinstance(pair, OwnModels)
    return {
        "pair": None if own else pair,
        "target": pair.target if own else None,
        "draft": place["draft"] or (pair.draft if own else None),
        "dtype": place["dtype"],
        "draft_dtype": pair.draft_dtype if own and place["draft"] is None else None,
        "prompts": None if place["prompts"] == BUILTIN else place["prompts"],
        "chat": config.chat,
        "k_values": [place["draft_length"]],
        "domains": [place["domain"]],
        "temperatures": [place["temperature"]],
        "verifier": place["verifier"],
        "engine": place["engine"],
        "batch": place["batch"],
        "max_new_tokens": config.max_new_tokens,
        "num_prompts": config.num_prompts,
        "repeats": 1,
        "seed": config.seed + place["repeat"],
        "profile": config.profile,
        "cost_seconds": _COST_SECONDS,
        "compile": place["compiled"],
        "threads": config.threads,
        "device": config.device,
    }


def _check(cells: Sequence[SweepCell]) -> None:
    """Refuse the first cell that the notebook would refuse, once for each kind of reason."""
    from specdec_lib.bench.measure.pairs.way import Way
    from specdec_lib.bench.measure.prompts import grid_of

    for cell in cells:
        asked = cell.parameters
        try:
            checked_parameters(BENCHMARK_NOTEBOOK, asked)
            Way(asked["engine"], asked["verifier"], asked["batch"])
            if asked["target"] is not None and asked["draft"] is None:
                raise InvalidArgument(
                    "a target of one's own needs a draft: name it there, or on the axis 'drafts'"
                )
            texts = prompt_set_of(asked["prompts"], asked["chat"])
            axes = {name: asked[name] for name in ("k_values", "domains", "temperatures", "max_new_tokens")}
            grid_of(texts, asked["num_prompts"], pair=cell.pair_name, **axes)
            for domain in asked["domains"]:
                texts.get_by_domain(domain)
            _find_own(cell.asked)
        except SpecDecError as error:
            raise InvalidArgument(sentences.CELL.format(cell.number, cell.label(), error)) from error


def _find_own(asked: AskedPair) -> None:
    """Find what drafts that is no model: classes of somebody's own, and trained exits."""
    for name in asked.classes:
        from specdec_lib.decoding.drafters.own import find_drafter

        find_drafter(name)
    for folder in asked.heads:
        from specdec_lib.decoding.drafters.heads.exit_folder import find_exit

        find_exit(folder)


@cache
def prompt_set_of(prompts: str | None, chat: bool) -> Any:
    """The prompts of a file, read once."""
    from specdec_lib.bench.measure.prompts import prompt_set

    return prompt_set(prompts, chat)


def _said(axis: str, value: Any) -> str:
    """A place on one axis."""
    forms = {
        "draft_length": "K = {}", "temperature": "T = {:g}", "batch": "batch of {}", "dtype": "{}",
        "repeat": "repeat {}", "verifier": "{} verifier", "compiled": "{}",
    }  # fmt: skip
    if axis == "compiled":
        value = "compiled" if value else "eager"
    if axis == "draft" and value is None:
        value = "its own draft"
    if axis == "repeat":
        value += 1
    if axis == "draft_length" and isinstance(value, str):
        return value
    return forms.get(axis, "{}").format(value)
