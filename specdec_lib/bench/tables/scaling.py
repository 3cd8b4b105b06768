"""Tables of growth: the time of a step or a round over context, K or depth, from records of kind ``scaling``.

Of the four questions: *how fast is it?*, counted from what ``bench.measure.scaling`` recorded.

Medians and quartiles of the raw seconds of all repeats, in milliseconds. A ratio compares an arm with
itself, at the smallest value of its axis, so that one library's growth can be held against another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles

from specdec_lib.bench.records.kinds import Record, ScalingRecord, of_kind
from specdec_lib.bench.records.origin import are_comparable
from specdec_lib.bench.tables.rows import GrowthRow, ScalingRow
from specdec_lib.errors import RecordError


def newest_scaling(records: Sequence[Record]) -> list[ScalingRecord]:
    """The records of kind ``scaling`` that were measured as the last of them was: pair, models, machine;
    and of each axis those of the settings that it was measured with last, so that its values compare.

    Raises:
        RecordError: there is none.
    """
    found = list(of_kind(records, ScalingRecord))
    if not found:
        raise RecordError("scaling: no such record; measure with `python -m specdec_lib.bench.scaling`")
    chosen = [record for record in found if are_comparable(record, found[-1])]
    axes = {record.vary: _settings(record) for record in chosen}
    chosen = [record for record in chosen if axes[record.vary] == _settings(record)]
    tokens = {(record.vary, record.value): record.new_tokens for record in chosen}
    return [record for record in chosen if tokens[record.vary, record.value] == record.new_tokens]


def _settings(record: ScalingRecord) -> list[int | None]:
    """What an axis keeps; the more tokens are drafted a round, the more are emitted at least."""
    varying = {"k": {"k", "new_tokens"}}.get(record.vary, {record.vary})
    return [getattr(record, name) for name in ("k", "context", "depth", "new_tokens") if name not in varying]


def scaling_table(records: Sequence[Record]) -> list[ScalingRow]:
    """The time of each arm at each value of each axis, ordered by axis as measured, arm, value.

    Raises:
        RecordError: no record of this kind.
    """
    samples: dict[tuple[str, str, int], list[float]] = {}
    beyond: set[tuple[str, int]] = set()
    for record in newest_scaling(records):
        for arm, seconds in record.seconds.items():
            samples.setdefault((record.vary, arm, record.value), []).extend(1e3 * s for s in seconds)
        if record.beyond_training:
            beyond.add((record.vary, record.value))
    axes = list(dict.fromkeys(vary for vary, _, _ in samples))
    keys = sorted((k for k, s in samples.items() if s), key=lambda key: (axes.index(key[0]), *key[1:]))
    first: dict[tuple[str, str], float] = {}
    rows = []
    for vary, arm, value in keys:
        times = samples[vary, arm, value]
        middle = median(times)
        low, _, high = quantiles(times, n=4, method="inclusive") if len(times) > 1 else times * 3
        ratio, is_beyond = middle / first.setdefault((vary, arm), middle), (vary, value) in beyond
        rows.append(ScalingRow(vary, value, arm, middle, low, high, ratio, len(times), is_beyond))
    return rows


def growth_table(
    rows: Sequence[ScalingRow],
    small: int | None = None,
    large: int | None = None,
    vary: str = "context",
) -> list[GrowthRow]:
    """By how much each arm's time grows from one value of an axis to another.

    ``growth_table(rows, 256, 4096)`` answers how much longer a round takes behind 4096 tokens than behind
    256, in ours and in Hugging Face's.

    Args:
        rows: of :func:`scaling_table`.
        small, large: by default the ends of the axis. An arm that lacks one of them is left out.
    """
    times = {(row.arm, row.value): row.median for row in rows if row.vary == vary}
    values = sorted({value for _, value in times})
    if not values:
        return []
    small, large = values[0] if small is None else small, values[-1] if large is None else large
    table = []
    for arm in dict.fromkeys(arm for arm, _ in times):
        if (arm, small) in times and (arm, large) in times:
            less, more = times[arm, small], times[arm, large]
            table.append(GrowthRow(vary, arm, small, large, less, more, growth=more / less))
    return table
