"""The memory that models would run in, and which of the registry's pairs fit in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specdec_lib.cli.checks import fit
from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.registry import DEFAULT_PAIR, ModelPair


@dataclass(frozen=True)
class Memory:
    """A device and its memory, GiB."""

    device: str
    total_gib: float
    free_gib: float


@dataclass(frozen=True)
class PairFit:
    """What a pair needs in each choice of dtypes, GiB (nothing where it is unknown), and where it is."""

    pair_name: str
    needs: tuple[fit.Need, ...]
    free_gib: float
    state: str

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "pair": self.pair_name,
            "needs_gib": {need.dtype: round(need.gib, 3) for need in self.needs},
            "fits": {need.dtype: need.gib <= self.free_gib for need in self.needs},
            "state": self.state,
        }


def free_memory(device_name: str | None = None) -> Memory:
    """The memory of a device, by default of the one that models run on.

    Raises:
        InvalidArgument: a device that this machine does not have.
    """
    import psutil
    import torch

    from specdec_lib.models.loader import choose_device

    device = choose_device(device_name)
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
    else:
        memory = psutil.virtual_memory()
        free, total = memory.available, memory.total
    return Memory(str(device), total / fit.GIB, free / fit.GIB)


def fit_of(pair: ModelPair, free_gib: float, hub_reachable: bool) -> PairFit:
    """How much memory a pair needs, and whether it is on this disk."""
    try:
        target, draft = (fit.size_of(model_id) for model_id in (pair.target_model_id, pair.draft_model_id))
    except ModelUnavailable:  # the check of the embedded pair says so
        target = draft = None
    needs = [] if target is None or draft is None else fit.needs(pair, target, draft)
    return PairFit(pair.pair_name, tuple(needs), free_gib, _state(pair, bool(needs), hub_reachable))


def _state(pair: ModelPair, known: bool, hub_reachable: bool) -> str:
    if not pair.shares_vocabulary:
        return "needs translation"
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
