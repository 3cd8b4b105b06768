"""Speculative decoding, exact and measured: draft a few tokens cheaply, verify them in one target forward.

The names below are imported when they are first used, so that `import specdec_lib` costs nothing.
The rooms, from the ground up: theory and utils, profiling and data, models, decoding, training,
bench and viz, and the command line `specdec`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

_HOMES = {
    "AutoregressiveDecoder": "decoding.autoregressive",
    "BenchmarkConfig": "profiling.config",
    "CausalModel": "models.base",
    "DraftModel": "decoding.drafters.draft_model",
    "GenerationResult": "profiling.metrics",
    "ModelPair": "models.registry",
    "ModelWrapper": "models.wrapper",
    "PromptDataset": "data.prompts",
    "SamplingParams": "decoding.sampling",
    "SpecDecError": "errors",
    "SpeculativeDecoder": "decoding.speculative",
    "expected_tokens": "theory.speedup",
    "get_pair": "models.registry",
    "list_pairs": "models.registry",
    "load_model": "models.loader",
    "load_pair": "models.loader",
    "open_draft": "decoding.drafters.grammar",
    "optimal_k": "theory.speedup",
    "speedup": "theory.speedup",
}

__all__ = [
    "AutoregressiveDecoder",
    "BenchmarkConfig",
    "CausalModel",
    "DraftModel",
    "GenerationResult",
    "ModelPair",
    "ModelWrapper",
    "PromptDataset",
    "SamplingParams",
    "SpecDecError",
    "SpeculativeDecoder",
    "__version__",
    "expected_tokens",
    "get_pair",
    "list_pairs",
    "load_model",
    "load_pair",
    "open_draft",
    "optimal_k",
    "speedup",
]

if TYPE_CHECKING:
    from specdec_lib.data.prompts import PromptDataset
    from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
    from specdec_lib.decoding.drafters.draft_model import DraftModel
    from specdec_lib.decoding.drafters.grammar import open_draft
    from specdec_lib.decoding.sampling import SamplingParams
    from specdec_lib.decoding.speculative import SpeculativeDecoder
    from specdec_lib.errors import SpecDecError
    from specdec_lib.models.base import CausalModel
    from specdec_lib.models.loader import load_model, load_pair
    from specdec_lib.models.registry import ModelPair, get_pair, list_pairs
    from specdec_lib.models.wrapper import ModelWrapper
    from specdec_lib.profiling.config import BenchmarkConfig
    from specdec_lib.profiling.metrics import GenerationResult
    from specdec_lib.theory.speedup import expected_tokens, optimal_k, speedup


def _without_a_traceback(kind: type[BaseException], *more: Any) -> None:
    """Ctrl-C is no fault: nothing is printed, and the process ends as interrupted ones do."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, *more)


if sys.argv[:1] == ["-m"]:  # on the way to `python -m specdec_lib.…`, whose imports take seconds
    sys.excepthook = _without_a_traceback
    import_module(f"{__name__}.utils.entry_point").leave_a_gone_folder()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
