"""Tables of a comparison, from its records: each arm against the reference, and the ratios that matter.

Of the four questions: *how fast is it?*, counted from what ``bench.measure.peers`` recorded.

Every rate is total tokens over total time, all domains together;
every ratio is paired, over the blocks (a prompt at one repeat) in which all of its arms ran. Where a ratio
takes the best of several arms, it takes it anew in each draw of the bootstrap: having chosen is part of the
interval. An arm that was refused, also half-way, has no rate; a block in which an engine ended its text early
is left out for every arm, and counted. Nothing here draws, and nothing here times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from specdec_lib.bench.records.kinds import ArmRecord, PeerRecord, Record, of_kind
from specdec_lib.bench.records.origin import require_one_machine
from specdec_lib.bench.records.parts import RecordedArm
from specdec_lib.bench.records.schema import HUGGING_FACE, OURS, REFERENCE
from specdec_lib.bench.tables.bootstrap import bootstrap_interval, by_prompt
from specdec_lib.bench.tables.rows import PeerRow, RatioRow
from specdec_lib.errors import RecordError

Arms = Mapping[str, RecordedArm]
Side = tuple[str | None, str | None, bool | None]
"""Library, method, compiled; None takes any."""

PLAIN = "autoregressive"
"""The method of plain decoding, whoever's it is."""
_SPECULATIVE, _ASSISTED = (OURS, "speculative", None), (HUGGING_FACE, "assisted", None)
RATIOS: dict[str, tuple[Side, Side]] = {
    "ours speculative ÷ HF assisted (its better setting)": (_SPECULATIVE, _ASSISTED),
    "ours speculative, eager ÷ HF assisted (its better setting)": ((OURS, "speculative", False), _ASSISTED),
    "ours speculative (best K) ÷ the best autoregressive arm of anybody": (
        _SPECULATIVE,
        (None, "autoregressive", None),
    ),
    "ours autoregressive eager ÷ HF generate dynamic": (
        (OURS, "autoregressive", False),
        (HUGGING_FACE, "autoregressive", False),
    ),
    "ours autoregressive compiled ÷ HF static + compile": (
        (OURS, "autoregressive", True),
        (HUGGING_FACE, "autoregressive", True),
    ),
}
"""Name -> which arms stand above the line and which below; the best of each side counts."""
ENGINES = "engines"
"""As a side's library: whoever is neither Transformers nor this library."""
_PLAIN_ENGINE, _DRAFTING_ENGINE = (ENGINES, "autoregressive", None), (ENGINES, "speculative", None)
ENGINE_RATIOS: dict[str, tuple[Side, Side]] = {
    "ours speculative (best K) ÷ the best engine with a draft": (_SPECULATIVE, _DRAFTING_ENGINE),
    "ours autoregressive (best) ÷ the best engine without one": ((OURS, PLAIN, None), _PLAIN_ENGINE),
}
"""Those of a session in which other people's engines ran."""


def newest_comparison(records: Sequence[Record]) -> list[Record]:
    """The records of the last session in the file that compared arms.

    Raises:
        RecordError: there is none, or it was measured on several machines.
    """
    kinds = ArmRecord, PeerRecord
    session = next((record.session for record in reversed(records) if isinstance(record, kinds)), None)
    if session is None:
        raise RecordError("comparison: none among the records; measure one with `specdec bench --peers`")
    chosen = [record for record in records if record.session == session]
    require_one_machine(chosen)
    return chosen


def arms_of(records: Iterable[Record]) -> dict[str, RecordedArm]:
    """Every arm by its name, in the session's order; ``refused`` holds the reason, None where it ran."""
    arms: dict[str, RecordedArm] = {}
    for record in of_kind(records, ArmRecord):
        arms[record.decoder] = record.arm.behind(arms.get(record.decoder, record.arm))
    return arms


def has_engines(records: Iterable[Record]) -> bool:
    """Whether other people's engines are among the arms."""
    return any(_stands_on((ENGINES, None, None), arm) for arm in arms_of(records).values())


def peer_table(
    records: Sequence[Record], *, level: float = 0.95, draws: int = 2000, over: Sequence[str] = (REFERENCE,)
) -> list[PeerRow]:
    """One row a temperature and arm, refused arms included.

    Args:
        over: arms, the fastest of which stands below the line of every ratio.
    """
    arms = arms_of(records)
    kept = ("library", "method", "k", "compiled", "refused", "compile_seconds")
    table = []
    for temperature in _temperatures(records):
        timed = _timed(records, temperature, arms)
        below, texts = [name for name in over if name in timed], _texts(records, temperature)
        for name, arm in arms.items():
            own = timed.get(name, {}).values()
            row = PeerRow(
                temperature,
                name,
                **{fact: getattr(arm, fact) for fact in kept},
                tokens_per_second=_rate(timed, name) if own else None,
                num_tokens=sum(tokens for _, tokens, _ in own),
                num_runs=len(own),
                recompiled=sum(graphs > 0 for _, _, graphs in own),
                cut=sum(record.was_cut for record in texts.get(name, ())),
                compared=sum(record.was_compared for record in texts.get(name, ())),
                identical=sum(record.is_identical for record in texts.get(name, ())),
                **_ratio(timed, [name], below, level, draws),
            )
            table.append(row)
    return table


def ratio_table(records: Sequence[Record], *, level: float = 0.95, draws: int = 2000) -> list[RatioRow]:
    """The ratios of :data:`RATIOS` at each temperature, and those of :data:`ENGINE_RATIOS` where any ran."""
    ratios = RATIOS | (ENGINE_RATIOS if has_engines(records) else {})
    return [
        best_over_best(records, temperature, name, *sides, level=level, draws=draws)
        for temperature in _temperatures(records)
        for name, sides in ratios.items()
    ]


def best_over_best(
    records: Sequence[Record],
    temperature: float,
    name: str,
    above: Side,
    below: Side,
    *,
    level: float = 0.95,
    draws: int = 2000,
) -> RatioRow:
    """The fastest arm of one side over the fastest of another, under that name."""
    arms = arms_of(records)
    timed = _timed(records, temperature, arms)
    standing = [[arm for arm in arms if _stands_on(side, arms[arm])] for side in (above, below)]
    ran = [[arm for arm in side if arm in timed] for side in standing]
    missing = next((_why_none(arms, side) for side in standing if not timed.keys() & side), None)
    fastest = [_fastest(timed, side) for side in ran]
    ratio = _ratio(timed, ran[0], ran[1], level, draws)
    return RatioRow(temperature, name, missing, above=fastest[0], below=fastest[1], **ratio)


# -- runs ----------------------------------------------------------------------------------------------

Timed = Mapping[str, Mapping[tuple[str, str, int], tuple[float, int, int]]]
"""Arm -> (domain, prompt, repeat) -> (seconds, tokens, new graphs)."""


def _temperatures(records: Sequence[Record]) -> list[float]:
    return sorted({record.config.temperature for record in of_kind(records, PeerRecord)})


def _timed(records: Sequence[Record], temperature: float, arms: Arms) -> Timed:
    """The runs of the arms that were not refused."""
    timed: dict[str, dict[tuple[str, str, int], tuple[float, int, int]]] = {}
    cut = cut_blocks(records)
    for record in of_kind(records, PeerRecord):
        result, block = record.result, _block_of(record)
        if block[0] == temperature and not _refused(arms, record.decoder) and block not in cut:
            run = result.total_time, result.num_tokens, record.new_graphs or 0
            if min(run[:2]) > 0:  # a run of no time, or without tokens, has no rate
                timed.setdefault(record.decoder, {})[block[1:]] = run
    return timed


def _block_of(record: PeerRecord) -> tuple[float, str, str, int]:
    return record.config.temperature, record.config.prompt_domain, record.prompt_id, record.repeat


def cut_blocks(records: Sequence[Record]) -> set[tuple[float, str, str, int]]:
    """Temperature, domain, prompt and repeat of the blocks in which an arm ended its text early."""
    arms = arms_of(records)
    runs = of_kind(records, PeerRecord)
    return {_block_of(run) for run in runs if run.was_cut and not _refused(arms, run.decoder)}


def _texts(records: Sequence[Record], temperature: float) -> dict[str, list[PeerRecord]]:
    """What each arm recorded at a temperature."""
    texts: dict[str, list[PeerRecord]] = {}
    for record in of_kind(records, PeerRecord):
        if record.config.temperature == temperature:
            texts.setdefault(record.decoder, []).append(record)
    return texts


def _refused(arms: Arms, name: str) -> str | None:
    """The reason for which an arm was refused; None, or an empty one, where it was not."""
    return arms[name].refused if name in arms else None


def _stands_on(side: Side, arm: RecordedArm) -> bool:
    whose = ENGINES if side[0] == ENGINES and arm.library not in (HUGGING_FACE, OURS) else arm.library
    facts = whose, arm.method, arm.compiled
    return all(wanted in (None, fact) for fact, wanted in zip(facts, side, strict=True))


def _why_none(arms: Arms, side: Sequence[str]) -> str:
    """Why no arm of a side ran."""
    reasons = (f"{name} was refused: {reason}" for name in side if (reason := _refused(arms, name)))
    return next(reasons, "no such arm was run")


def _rate(timed: Timed, name: str) -> float:
    """Tokens a second over all that an arm ran."""
    runs = timed[name].values()
    return sum(tokens for _, tokens, _ in runs) / sum(seconds for seconds, _, _ in runs)


def _fastest(timed: Timed, names: Sequence[str]) -> str | None:
    """The arm with the highest rate; None of none."""
    return max(names, key=partial(_rate, timed), default=None)


# -- ratios --------------------------------------------------------------------------------------------


def _ratio(
    timed: Timed, above: Sequence[str], below: Sequence[str], level: float, draws: int
) -> dict[str, Any]:
    """Best rate above over best rate below, paired by block, with an interval over prompts."""
    groups = _paired(timed, [*above, *below]) if above and below else []
    interval = (None, None, None)
    if groups:
        interval = bootstrap_interval(groups, partial(_best_over_best, len(above)), level, draws)
    counts = [len(prompts) for prompts in groups]
    found = dict(zip(("ratio", "low", "high"), interval, strict=True))
    return found | {"num_prompts": sum(counts), "has_interval": min(counts, default=0) > 1}


def _paired(timed: Timed, names: Sequence[str]) -> list[list[np.ndarray]]:
    """By domain, by prompt: a row a repeat in which all arms ran, of (seconds, tokens) an arm."""
    shared = sorted(set.intersection(*(set(timed.get(name, {})) for name in names)))
    return by_prompt((at[:2], [value for name in names for value in timed[name][at][:2]]) for at in shared)


def _best_over_best(num_above: int, totals: np.ndarray) -> np.ndarray:
    rates = totals[:, 1::2] / totals[:, 0::2]
    return rates[:, :num_above].max(axis=1) / rates[:, num_above:].max(axis=1)
