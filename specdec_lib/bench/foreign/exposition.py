"""Prometheus' text format, read as far as counters of speculation need it: names, labels and values.

See https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4); what OpenMetrics puts behind
a ``#`` is passed over. Counters are since a server's start: ``Exposition.since`` subtracts an earlier scrape.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specdec_lib.bench.foreign import sentences
from specdec_lib.bench.foreign.fields import count_of, time_of
from specdec_lib.errors import RecordError
from specdec_lib.utils.http.documents import in_a_line
from specdec_lib.utils.numbers import written_real

ENGINES = {"vllm:": "vllm", "sglang:": "sglang", "llamacpp:": "llama.cpp"}
"""How an engine's names begin."""
_NAME = re.compile(r"[a-zA-Z_:][\w:]*[ \t]*", re.ASCII)
_LABEL = re.compile(r'[ \t]*([a-zA-Z_]\w*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*,?', re.ASCII)
_VALUE = re.compile(r"[ \t]*([^\s#]+)([ \t]+-?[0-9]+)?[ \t]*(#.*)?", re.ASCII)
_LONGEST = 8192
_MOST_LABELS = 64
Labels = tuple[tuple[str, str], ...]
"""Names and values, in order of the names."""


@dataclass(frozen=True)
class Exposition:
    """The samples of one engine: name -> labels -> value as it was written."""

    source: str
    engine: str
    samples: Mapping[str, Mapping[Labels, float]]

    def total(self, name: str) -> int | None:
        """A counter, over all labels; None where it is not there.

        Raises:
            RecordError: it is no count.
        """
        counts = [count_of({name: value}, name, self.source) for value in self._values(name)]
        return sum(count or 0 for count in counts) if counts else None

    def seconds(self, name: str) -> float | None:
        """A time or a gauge, over all labels.

        Raises:
            RecordError: it is no finite number >= 0.
        """
        times = [time_of({name: value}, name, self.source) for value in self._values(name)]
        return sum(time or 0.0 for time in times) if times else None

    def by_position(self, name: str) -> tuple[int, ...] | None:
        """A counter by its label ``position``, over all other labels.

        Raises:
            RecordError: positions are not 0, 1, 2, …
        """
        if name not in self.samples:
            return None
        found: dict[int, int] = defaultdict(int)
        for labels, value in self.samples[name].items():
            told = dict(labels).get("position", "")
            place = int(told) if re.fullmatch(r"[0-9]{1,4}", told) else -1
            if place < 0:
                raise RecordError(sentences.BAD_POSITION.format(self.source, in_a_line(told, 20)))
            found[place] += count_of({name: value}, name, self.source) or 0
        if sorted(found) != list(range(len(found))):
            raise RecordError(sentences.BAD_POSITION.format(self.source, max(found)))
        return tuple(found[place] for place in range(len(found)))

    def series(self, name: str) -> int:
        """How many sets of labels a name has."""
        return len(self.samples.get(name, {}))

    def labels(self, name: str) -> set[Labels]:
        """The sets of labels of a name, without positions: one a counter of one engine."""
        series = self.samples.get(name, ())
        return {tuple(label for label in labels if label[0] != "position") for labels in series}

    def since(self, earlier: Exposition) -> Exposition:
        """What was counted between two scrapes; gauges are those of the later one.

        Raises:
            RecordError: another engine, or a counter that fell or is gone: the server was started anew.
        """
        if self.engine != earlier.engine:
            one, other = earlier, self
            raise RecordError(
                sentences.OF_TWO_ENGINES.format(one.source, one.engine, other.source, other.engine)
            )
        samples = {name: dict(values) for name, values in self.samples.items()}
        for name, values in earlier.samples.items():
            if not name.endswith(("_total", "_sum", "_count")):
                continue
            for labels, before in values.items():
                after = samples.get(name, {}).get(labels)
                if after is None:
                    raise RecordError(sentences.GONE.format(self.source, name))
                if not after >= before:
                    raise RecordError(sentences.FELL.format(self.source, name, before, after))
                samples[name][labels] = after - before
        return Exposition(f"{earlier.source} to {self.source}", self.engine, samples)

    def _values(self, name: str) -> list[float]:
        return list(self.samples.get(name, {}).values())


def read_exposition(text: str, source: str, wanted: Mapping[str, frozenset[str]]) -> Exposition | None:
    """The samples of the first engine whose names are in a scrape; None where there are none.

    Args:
        wanted: engine -> its names; others are passed over, whatever their values are.

    Raises:
        RecordError: a line of a wanted name that is none of this format or not whole, or one name and labels
            twice.
    """
    whole = text.endswith("\n")
    found: dict[str, dict[str, dict[Labels, float]]] = defaultdict(lambda: defaultdict(dict))
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        prefix = next((prefix for prefix in ENGINES if line.startswith(prefix)), None)
        if prefix is None:
            continue
        engine = ENGINES[prefix]
        name = re.split(r"[\s{]", line, maxsplit=1)[0]
        found[engine][""] = {}
        if name not in wanted.get(engine, ()):
            continue
        if number == len(lines) and not whole:
            raise RecordError(sentences.CUT_LINE.format(source, number))
        sample = _sample(line) if len(line) <= _LONGEST else None
        if sample is None or sample[0] in found[engine][name]:
            raise RecordError(sentences.BAD_LINE.format(source, number, in_a_line(line, 60)))
        found[engine][name][sample[0]] = sample[1]
    for engine, samples in found.items():
        return Exposition(source, engine, {name: values for name, values in samples.items() if name})
    return None


def _sample(line: str) -> tuple[Labels, float] | None:
    """The labels and the value of a line; None where it is none. A time stamp is passed over."""
    name = _NAME.match(line)
    at = 0 if name is None else name.end()
    found: dict[str, str] = {}
    if line[at : at + 1] == "{":
        at += 1
        while (label := _LABEL.match(line, at)) and len(found) < _MOST_LABELS:
            found[label[1]], at = label[2], label.end()
        at = at + len(line[at:]) - len(line[at:].lstrip(" \t"))
        if line[at : at + 1] != "}":
            return None
        at += 1
    rest = _VALUE.fullmatch(line, at)
    value = None if rest is None else written_real(rest[1].removeprefix("+"))
    return None if value is None else (tuple(sorted(found.items())), value)


def speculation_counts(scrape: Exposition, prefix: str) -> tuple[dict[str, Any], list[str]]:
    """The counters of speculation that vLLM named and llama.cpp took over, and what is to be said of them.

    Args:
        prefix: of their names, up to ``drafts_total``.

    Raises:
        RecordError: one of the three is not there, is no count, or has other labels than the others.
    """
    names = ("drafts", "draft_tokens", "accepted_tokens")
    drafts, drafted, accepted = (scrape.total(f"{prefix}{name}_total") for name in names)
    if drafts is None or drafted is None or accepted is None:
        raise RecordError(sentences.NO_SPECULATION.format(scrape.source, f"{prefix}drafts_total"))
    told = [scrape.labels(f"{prefix}{name}_total") for name in names]
    if not told[0] == told[1] == told[2]:
        least = min(range(3), key=lambda place: len(told[place]))
        raise RecordError(sentences.OTHER_LABELS.format(scrape.source, f"{prefix}{names[least]}_total"))
    counts: dict[str, Any] = {
        "num_drafts": drafts,
        "num_draft_tokens": drafted,
        "num_accepted_tokens": accepted,
    }
    at = scrape.by_position(f"{prefix}accepted_tokens_per_pos_total")
    if at is None:
        return counts, []
    counts["k"] = len(at)
    same = scrape.labels(f"{prefix}accepted_tokens_per_pos_total") == told[0]
    if same and sum(at) == accepted and at[0] <= drafts:
        counts["accepted_at"] = at
        return counts, []
    return counts, [sentences.ONE_MOMENT.format("positions")]
