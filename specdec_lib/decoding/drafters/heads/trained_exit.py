"""An exit that was trained for a target, as its draft: first layers, adapter, the target's norm and head."""

from __future__ import annotations

from specdec_lib.decoding.drafters.heads.exit_folder import load_exit
from specdec_lib.decoding.drafters.layer_skip import LayerSkip, require_layers
from specdec_lib.models.base import CausalModel
from specdec_lib.models.tensors import compute_dtype


def open_exit(folder: str, target: CausalModel, name: str | None = None) -> LayerSkip:
    """What ``specdec train --exit`` wrote into ``folder``, as a draft for ``target``.

    It shares the target's cache, as :class:`~specdec_lib.decoding.drafters.layer_skip.LayerSkip` does, and
    computes in the target's dtype.

    Raises:
        InvalidArgument: no trained exit there, one that was trained for another model, or a target whose
            layers cannot be left out.
    """
    wrapped, exit_ = require_layers(target), load_exit(folder)
    exit_.require_target(wrapped.model, target.name, folder)
    adapter = exit_.adapter.to(wrapped.device, compute_dtype(wrapped.model))
    return LayerSkip(target, range(exit_.facts.layers), name or f"head:{folder}", adapter)
