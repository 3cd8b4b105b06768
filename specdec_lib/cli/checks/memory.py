"""The memory that this machine has, and which pairs fit into it.

Nothing is loaded and nobody is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files.sizes import GIB, needs, size_of
from specdec_lib.models.registry import DEFAULT_PAIR, ModelPair
from specdec_lib.profiling.memory import free_everywhere, free_on


@dataclass(frozen=True)
class Memory:
    """A device and its memory, GiB."""

    device: str
    total_gib: float
    free_gib: float

    def against(self, needs: Mapping[str, float]) -> dict[str, dict[str, Any]]:
        """For ``--json``: what each choice of dtypes needs, and whether it fits."""
        return {
            "needs_gib": {dtype: round(gib, 3) for dtype, gib in needs.items()},
            "fits": {dtype: gib <= self.free_gib for dtype, gib in needs.items()},
        }


@dataclass(frozen=True)
class PairFit:
    """What a pair needs in each choice of dtypes, GiB (nothing where it is unknown), and where it is."""

    pair_name: str
    needs: Mapping[str, float]
    state: str


def free_memory(device_name: str | None = None) -> Memory:
    """The memory of a device, by default of the one that models run on.

    Raises:
        InvalidArgument: a device that this machine does not have.
    """
    from specdec_lib.models.loader import SPREAD, choose_device

    if device_name == SPREAD:
        free, total = free_everywhere()
        return Memory("all devices", total / GIB, free / GIB)
    device = choose_device(device_name)
    free, total = free_on(device)
    return Memory(str(device), total / GIB, free / GIB)


def fit_of(pair: ModelPair, hub_reachable: bool) -> PairFit:
    """How much memory a pair needs, and whether it is on this disk."""
    try:
        target, draft = (size_of(model_id) for model_id in (pair.target_model_id, pair.draft_model_id))
    except ModelUnavailable:  # the check of the embedded pair says so
        target = draft = None
    known = {} if target is None or draft is None else needs(pair, target, draft)
    return PairFit(pair.pair_name, known, _state(pair, bool(known), hub_reachable))


def _state(pair: ModelPair, known: bool, hub_reachable: bool) -> str:
    if pair.pair_name.startswith(DEFAULT_PAIR):
        return "ready" if known else "missing"
    if all(map(is_cached, (pair.target_model_id, pair.draft_model_id))):
        return "downloaded"
    if not hub_reachable:
        return "hub not reached"
    return "gated, to fetch" if pair.gated else "to fetch"


def is_cached(model_id: str) -> bool:
    """Whether weights of a hub model lie in its local cache."""
    from huggingface_hub import try_to_load_from_cache

    names = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
    return any(isinstance(try_to_load_from_cache(model_id, name), str) for name in names)
