"""What a run is: one cell of a sweep, and the hash by which its results are found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import quantity, whole

COMPUTED = ("decoder_label", "config_hash")


@dataclass(frozen=True)
class BenchmarkConfig:
    """One cell of a sweep: which pair, how many draft tokens, which prompts.

    ``K = 0`` is autoregressive decoding. Where a ``policy`` decides how many tokens a round drafts (its
    spelling in :mod:`specdec_lib.decoding.lengths`), K is the most that it may. Numbers are normalised when
    the object is made (4.0 becomes 4, temperature 0 becomes 0.0), so equal configurations compare, print and
    hash alike.

    Raises:
        InvalidArgument: an empty name, a policy that is no text, K or max_new_tokens negative, a temperature
            that is negative or not finite, a count that is not whole.
    """

    model_pair_name: str
    K: int
    temperature: float
    max_new_tokens: int
    prompt_domain: str
    seed: int
    policy: str = ""

    def __post_init__(self) -> None:
        for name in ("model_pair_name", "prompt_domain"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise InvalidArgument(f"{name} is a name: got {getattr(self, name)!r}; pass a non-empty text")
        if not isinstance(self.policy, str):
            raise InvalidArgument(f"policy is the spelling of one: got {self.policy!r}; pass a text, or none")
        for name in ("K", "max_new_tokens"):
            object.__setattr__(self, name, whole(getattr(self, name), name))
        object.__setattr__(self, "seed", whole(self.seed, "seed", minimum=None))
        object.__setattr__(self, "temperature", quantity(self.temperature, "temperature"))

    @property
    def decoder_label(self) -> str:
        """ "AR" for K = 0, else "SD-K4" and the like, or "SD-cost-aware"."""
        if self.policy:
            return f"SD-{self.policy}"
        return f"SD-K{self.K}" if self.K else "AR"

    def to_dict(self) -> dict[str, Any]:
        """The fields, a policy only where there is one, and nothing computed: the hash is taken over this."""
        return {name: value for name, value in asdict(self).items() if name != "policy" or value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BenchmarkConfig:
        """The configuration that ``to_dict`` wrote; computed keys (label, hash) are ignored.

        Raises:
            InvalidArgument: a field is missing or unknown, or its value is not acceptable.
        """
        return cls(**field_values(cls, data, COMPUTED))

    def config_hash(self) -> str:
        """First 12 hexadecimal digits of SHA-256 over the sorted JSON of :meth:`to_dict`."""
        text = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def field_values(cls: type, data: Mapping[str, Any], computed: Iterable[str]) -> dict[str, Any]:
    """The entries of ``data`` that are fields of ``cls``; complains of keys neither field nor computed."""
    known = {f.name for f in fields(cls) if f.compare}  # a trace is in no line
    unknown = sorted(set(data) - known - set(computed))
    required = {f.name for f in fields(cls) if f.default is f.default_factory}  # both are dataclasses.MISSING
    missing = sorted(required - set(data))
    if unknown or missing:
        complaints = [f"unknown {unknown}"] * bool(unknown) + [f"missing {missing}"] * bool(missing)
        raise InvalidArgument(f"{cls.__name__}.from_dict: {', '.join(complaints)}; pass what to_dict wrote")
    return {key: value for key, value in data.items() if key in known}
