"""The grid of a benchmark: its axes checked, its cells, and the order in which they are run.

Arms are draft lengths: 0 is the autoregressive baseline, K > 0 speculation with K drafts, and a text the name
of a policy that decides anew in each round. It does not know models or prompts' texts: a prompt is its index
here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from specdec_lib.bench.records.generations import run_seed
from specdec_lib.decoding.lengths import read_length
from specdec_lib.decoding.lengths.specs import FixedSpec
from specdec_lib.errors import InvalidArgument
from specdec_lib.profiling.metrics import BenchmarkConfig

Item = TypeVar("Item")
ArmKey = int | str
"""A draft length: a number, or a policy as ``--k`` takes it, in its plainest spelling."""
DECODERS = ("autoregressive", "speculative")
DOMAINS = ("code", "conversation", "summarization")


@dataclass(frozen=True)
class Block:
    """One prompt, one temperature, one repeat: all ``arms`` run back to back, in this order.

    ``turn`` is its place in the whole order: by so many arms its first one stands further on.
    """

    repeat: int
    temperature: float
    domain: str
    prompt_index: int
    seed: int
    arms: tuple[ArmKey, ...]
    turn: int = 0


@dataclass(frozen=True)
class Grid:
    """Axes of a benchmark, every value checked when it is made.

    The annotations end in ``Any`` because values arrive from notebooks and YAML: what they hold
    is checked here and refused in one line, never trusted. Lists become tuples.

    Args:
        pair: name of a pair in the registry.
        decoders: which of ``DECODERS`` to run; the baseline is needed for any speedup.
        k_values: draft lengths of the speculative decoder: numbers >= 1, and policies
            (:mod:`specdec_lib.decoding.lengths`) such as "cost-aware".
        domains: which of ``DOMAINS`` the prompts come from; with ``own_domains`` any names, which are then
            those of a file.
        temperatures: sampling temperatures, each >= 0 and finite.
        max_new_tokens: tokens of every run (EOS is ignored, so all are equally long).
        num_prompts: prompts a domain, or a number for each. repeats: how often each block is run.
        seed: what all per-run seeds are derived from.

    Raises:
        InvalidArgument: naming the axis, what it received and what it takes.
    """

    pair: str = "pocket"
    decoders: Sequence[str] | Any = DECODERS
    k_values: Sequence[ArmKey] | Any = (1, 2, 4, 8)
    domains: Sequence[str] | Any = DOMAINS
    temperatures: Sequence[float] | Any = (0.0, 0.8)
    max_new_tokens: int | Any = 64
    num_prompts: int | Mapping[str, int] | Any = 6
    repeats: int | Any = 2
    seed: int | Any = 42
    own_domains: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.pair, str) or not self.pair:
            raise InvalidArgument(f"benchmark grid: pair is {self.pair!r}; name a pair, such as 'pocket'")
        for axis in ("decoders", "k_values", "domains", "temperatures"):
            object.__setattr__(self, axis, _distinct(axis, getattr(self, axis)))
        _each_known("decoders", self.decoders, DECODERS)
        if not self.own_domains:
            _each_known("domains", self.domains, DOMAINS)
        _each_name("domains", self.domains)
        _each_integer("k_values", [k for k in self.k_values if not isinstance(k, str)], 1)
        object.__setattr__(self, "k_values", _distinct("k_values", list(map(_arm_key, self.k_values))))
        for count in ("max_new_tokens", "repeats"):
            _each_integer(count, (getattr(self, count),), 1)
        self._check_num_prompts()
        _each_integer("seed", (self.seed,), 0)
        object.__setattr__(self, "temperatures", tuple(_temperature(t) for t in self.temperatures))

    def _check_num_prompts(self) -> None:
        counts = self.num_prompts
        if not isinstance(counts, Mapping):
            _each_integer("num_prompts", (counts,), 1)
            return
        _each_integer("num_prompts", list(counts.values()), 1)
        if set(counts) != set(self.domains):
            raise InvalidArgument(
                f"benchmark grid: num_prompts names {', '.join(map(str, counts))}; give a number for each of "
                f"{', '.join(self.domains)}"
            )
        object.__setattr__(self, "num_prompts", {domain: counts[domain] for domain in self.domains})

    def prompts_of(self, domain: str) -> int:
        """How many prompts of a domain are run."""
        return self.num_prompts[domain] if isinstance(self.num_prompts, Mapping) else self.num_prompts

    def over(self, prompts: Mapping[str, Sequence[Any]]) -> Grid:
        """The same grid over as many prompts as there are, where it has a number for each domain."""
        if not isinstance(self.num_prompts, Mapping):
            return self
        return self.with_prompts({domain: len(prompts[domain]) for domain in self.domains})

    def with_prompts(self, counts: Mapping[str, int]) -> Grid:
        """The same grid over so many prompts of each domain."""
        return replace(self, num_prompts=dict(counts))

    @property
    def arms(self) -> tuple[ArmKey, ...]:
        """Draft lengths to run, 0 standing for the autoregressive baseline."""
        baseline: tuple[ArmKey, ...] = (0,) if "autoregressive" in self.decoders else ()
        return baseline + (tuple(self.k_values) if "speculative" in self.decoders else ())

    @property
    def num_runs(self) -> int:
        """Timed generations that the grid asks for."""
        prompts = sum(map(self.prompts_of, self.domains))
        return prompts * len(self.temperatures) * self.repeats * len(self.arms)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The draft lengths that are numbers."""
        return tuple(k for k in self.k_values if not isinstance(k, str))

    @property
    def timed_lengths(self) -> tuple[int, ...]:
        """The K whose forwards are timed: those that are run, and those that a policy chooses among."""
        specs = (read_length(k) for k in self.k_values)
        return tuple(sorted({length for spec in specs for length in spec.lengths}))

    def config(self, k: ArmKey, temperature: float, domain: str) -> BenchmarkConfig:
        """The configuration of one cell."""
        policy, most = (k, read_length(k).most) if isinstance(k, str) else ("", k)
        return BenchmarkConfig(self.pair, most, temperature, self.max_new_tokens, domain, self.seed, policy)

    def cells(self) -> list[BenchmarkConfig]:
        """Every cell once: temperature, then domain, then arm."""
        return [self.config(k, t, d) for t in self.temperatures for d in self.domains for k in self.arms]

    def blocks(self) -> Iterator[Block]:
        """Every block once, repeats outermost: a run that is cut short has whole repeats of everything."""
        places = (
            (repeat, temperature, domain, index)
            for repeat in range(self.repeats)
            for temperature in self.temperatures
            for domain in self.domains
            for index in range(self.prompts_of(domain))
        )
        for turn, (repeat, temperature, domain, index) in enumerate(places):
            seed = run_seed(self.seed, temperature, domain, index, repeat)
            yield Block(repeat, temperature, domain, index, seed, rotated(self.arms, turn), turn)

    def to_dict(self) -> dict[str, Any]:
        """The axes as JSON knows them."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


def rotated(arms: Sequence[Item], turn: int) -> tuple[Item, ...]:
    """``arms`` started ``turn`` places further on: over ``len(arms)`` turns each comes first once.

    >>> rotated((0, 1, 2, 4), 1)
    (1, 2, 4, 0)
    """
    start = turn % len(arms) if arms else 0
    return tuple(arms[start:]) + tuple(arms[:start])


def _arm_key(k: ArmKey) -> ArmKey:
    """A number as it is, and a policy in its plainest spelling."""
    if not isinstance(k, str):
        return k
    try:
        spec = read_length(k)
    except InvalidArgument as error:
        raise InvalidArgument(f"benchmark grid: k_values: {error}") from error
    return spec.k if isinstance(spec, FixedSpec) else str(spec)


def _distinct(axis: str, values: Any) -> tuple[Any, ...]:
    if isinstance(values, str) or not isinstance(values, (list, tuple)):
        raise InvalidArgument(f"benchmark grid: {axis} is {values!r}; give a list")
    if not values or len({repr(value) for value in values}) != len(values):
        raise InvalidArgument(f"benchmark grid: {axis} is {list(values)}; give at least one value, each once")
    return tuple(values)


def _each_known(axis: str, values: Sequence[Any], known: Sequence[str]) -> None:
    for value in values:
        if value not in known:
            raise InvalidArgument(f"benchmark grid: {axis} holds {value!r}; choose from {', '.join(known)}")


def _each_name(axis: str, values: Sequence[Any]) -> None:
    for value in values:
        if not isinstance(value, str) or not value.strip():
            raise InvalidArgument(f"benchmark grid: {axis} holds {value!r}; give names")


def _each_integer(axis: str, values: Sequence[Any], least: int) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InvalidArgument(f"benchmark grid: {axis} holds {value!r}; give whole numbers >= {least}")


def _temperature(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= sys.float_info.max:
        raise InvalidArgument(f"benchmark grid: temperatures hold {value!r:.40}; give finite numbers >= 0")
    return float(value)
