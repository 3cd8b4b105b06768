"""The columns of a cell: one flat row, whatever it is put into. Rates are derived here, from its counts.

A row is made of what a line says, and only of the fields that it needs: a million lines are looked through
that way. Whether a line is a record in every part is :mod:`specdec_lib.bench.records.schema`'s to say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from specdec_lib.bench.records.contents import is_whole

Plain = str | int | float | bool | None
"""What a column may hold."""


class FlatCell(NamedTuple):
    """A cell, flat: what was asked for, what came of it, and where it comes from.

    ``machine`` is a letter, given in the order in which machines come up. Rates are None where nothing was
    timed or judged.
    """

    pair: str
    draft: str | None
    k: int
    policy: str | None
    verifier: str | None
    domain: str
    temperature: float
    dtype: str | None
    engine: str
    batch: int
    compiled: bool
    machine: str
    sweep: str | None
    max_new_tokens: int
    seed: int
    repeat: int | None
    speedup: float | None
    alpha: float | None
    tokens_per_second: float | None
    baseline_tokens_per_second: float | None
    num_blocks: int
    num_tokens: int
    seconds: float
    baseline_num_tokens: int
    baseline_seconds: float
    num_forwards: int
    num_drafts: int
    num_draft_tokens: int
    num_accepted_tokens: int
    num_rejections: int
    num_compared: int
    num_different: int
    target: str
    device: str
    notebook: str | None
    library: str | None
    weights: str | None
    prompts: str | None
    session: str
    time: str
    key: str


class Column(NamedTuple):
    """What is known of a column: ``kind`` is "text", "whole", "number" or "truth"; ``heading`` stands above
    it on a screen."""

    name: str
    kind: str
    heading: str
    meaning: str


_MEANINGS = {
    "pair": ("text", "of models, by its name"),
    "draft": ("text", "what drafts"),
    "k": ("whole", "draft tokens a round, at most where a policy decides"),
    "policy": ("text", "which decides how many tokens a round drafts; none where the number is fixed"),
    "verifier": ("text", "how drafts are verified"),
    "domain": ("text", "of the prompts"),
    "temperature": ("number", "of sampling"),
    "dtype": ("text", "the target computes in"),
    "engine": ("text", "whose decoder ran"),
    "batch": ("whole", "texts at a time"),
    "compiled": ("truth", "whether the draft's arm claims to run compiled code"),
    "machine": ("text", "a letter for each, in the order in which they come up"),
    "sweep": ("text", "by its name"),
    "max_new_tokens": ("whole", "asked of each text"),
    "seed": ("whole", "of the cell"),
    "repeat": ("whole", "of the cell, where it was repeated"),
    "speedup": ("number", "tokens a second of the draft's arm over those of the baseline"),
    "alpha": ("number", "accepted ÷ (accepted + rejections): of the draft tokens that were judged"),
    "tokens_per_second": ("number", "of the draft's arm: total tokens over total seconds"),
    "baseline_tokens_per_second": ("number", "of the baseline, likewise"),
    "num_blocks": ("whole", "prompts, each in each of its repeats"),
    "num_tokens": ("whole", "emitted by the draft's arm"),
    "seconds": ("number", "that it took, s"),
    "baseline_num_tokens": ("whole", "emitted by the baseline"),
    "baseline_seconds": ("number", "that it took, s"),
    "num_forwards": ("whole", "of the target in the draft's arm"),
    "num_drafts": ("whole", "rounds that verified a draft"),
    "num_draft_tokens": ("whole", "of those rounds"),
    "num_accepted_tokens": ("whole", "of those rounds"),
    "num_rejections": ("whole", "rounds that accepted fewer tokens than they drafted"),
    "num_compared": ("whole", "blocks whose ids were compared with the baseline's"),
    "num_different": ("whole", "of these, blocks whose ids differ"),
    "target": ("text", "the target by its name"),
    "device": ("text", "that the target ran on"),
    "notebook": ("text", "hash of the notebook"),
    "library": ("text", "hash of the library"),
    "weights": ("text", "hash of the weights"),
    "prompts": ("text", "hash of the prompts"),
    "session": ("text", "that measured it"),
    "time": ("text", "of the measurement, ISO 8601"),
    "key": ("text", "hash of what was asked for"),
}
_HEADINGS = {
    "k": "K",
    "temperature": "T",
    "alpha": "α",
    "tokens_per_second": "tok/s",
    "baseline_tokens_per_second": "ar tok/s",
    "max_new_tokens": "tokens",
}
COLUMNS = tuple(
    Column(name, kind, _HEADINGS.get(name, name.replace("_", " ")), meaning)
    for name, (kind, meaning) in _MEANINGS.items()
)
"""All columns, in the order of :class:`FlatCell`, which is that of an export."""
BY_NAME = {column.name: column for column in COLUMNS}
ALSO_CALLED = {
    **{heading: name for name, heading in _HEADINGS.items()},
    "when": "time",
}
"""Other words for a column, which the screen uses."""


_MACHINE = FlatCell._fields.index("machine")
_texts_of = itemgetter(
    *(
        FlatCell._fields.index(name)
        for name in ("pair", "domain", "engine", "target", "device", "session", "time", "key")
    )
)
_other_texts_of = itemgetter(*(place for place, column in enumerate(COLUMNS) if column.kind == "text"))


def cell_row(line: Mapping[str, Any], machine: str) -> FlatCell:
    """The row of the line of a cell.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is no sound cell in what a row needs of it.
    """
    row = FlatCell(*_asked(line, machine), *_came_of_it(line), *_origin(line))
    "".join(_texts_of(row))  # which texts alone can be
    "".join([text for text in _other_texts_of(row) if text is not None])
    return row


def on_machine(row: FlatCell, letter: str) -> FlatCell:
    """The same row with that letter."""
    return FlatCell._make((*row[:_MACHINE], letter, *row[_MACHINE + 1 :]))


def _asked(line: Mapping[str, Any], machine: str) -> tuple[Any, ...]:
    """The columns from the pair to the repeat."""
    arm, config, repeat = line["arm"], line["config"], line["parameters"].get("repeat")
    return (
        line["pair"],
        arm.get("drafter"),
        _whole(config["K"]),
        config.get("policy") or None,
        arm.get("verifier"),
        config["prompt_domain"],
        _real(config["temperature"]),
        arm.get("dtype"),
        line["engine"],
        _whole(arm.get("batch", 1)),
        arm["compiled"] is True,
        machine,
        line.get("sweep"),
        _whole(config["max_new_tokens"]),
        _whole(config["seed"]),
        None if repeat is None else _whole(repeat),
    )


def _came_of_it(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """The columns from the speedup to the blocks that differ."""
    counts, baseline, blocks = line["counts"], line["baseline_counts"], line["blocks"]
    tokens, seconds = _whole(sum(counts["num_tokens"])), _real(sum(counts["seconds"]))
    plain_tokens, plain_seconds = _whole(sum(baseline["num_tokens"])), _real(sum(baseline["seconds"]))
    accepted, rejections = sum(counts["num_accepted_tokens"]), sum(counts["num_rejections"])
    rate, plain_rate = _ratio(tokens, seconds), _ratio(plain_tokens, plain_seconds)
    compared = blocks["first_difference"]
    return (
        _ratio(rate, plain_rate),
        _ratio(accepted, accepted + rejections),
        rate,
        plain_rate,
        len(blocks["prompt_ids"]),
        tokens,
        seconds,
        plain_tokens,
        plain_seconds,
        _whole(sum(counts["num_forwards"])),
        _whole(sum(counts["num_drafts"])),
        _whole(sum(counts["num_draft_tokens"])),
        _whole(accepted),
        _whole(rejections),
        len(compared),
        len(compared) - compared.count(-1),
    )


def _origin(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """The columns from the target to the key."""
    target, made_of = line["models"]["target"], line["made_of"].get
    hashes = made_of("notebook"), made_of("library"), made_of("weights"), made_of("prompts")
    return target["name"], target["device"], *hashes, line["session"], line["time"], line["key"]


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    if is_whole(value):
        return int(value)
    raise TypeError


def _real(value: Any) -> float:
    if 0 <= value < math.inf:
        return float(value)
    raise ValueError
