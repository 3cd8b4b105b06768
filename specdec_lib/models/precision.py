"""In which dtype weights run: where a device has no arithmetic for the one listed, or in a copy on purpose.

torch computes in float16 on any CPU, but a processor without float16 instructions emulates it: a product of a
few rows (a verification) then takes three to four times as long as in bfloat16 or float32, and speculation
cannot pay. A dtype that the user asked for is kept all the same.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import nn

from specdec_lib.models import sentences
from specdec_lib.models.registry import ModelPair
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils.logging import get_logger


def runs_in(pair: ModelPair, device: torch.device) -> ModelPair:
    """The pair in dtypes that the device computes in; one line says which stands in for a listed float16."""
    dtypes = pair.target_dtype, pair.draft_dtype
    if pair.dtypes == "asked" or device.type != "cpu" or "float16" not in dtypes or _has_arithmetic("fp16"):
        return pair
    other = "bfloat16" if _has_arithmetic("bf16") else "float32"
    get_logger(__name__).warning(sentences.NO_FLOAT16_ARITHMETIC.format(pair.pair_name, other))
    target, draft = (other if dtype == "float16" else dtype for dtype in dtypes)
    return replace(pair, target_dtype=target, draft_dtype=draft)


def _has_arithmetic(kind: str) -> bool:
    """Whether torch's CPU kernels use instructions of the processor for ``fp16`` or ``bf16``."""
    try:
        return bool(getattr(torch.ops.mkldnn, f"_is_mkldnn_{kind}_supported")())
    except (AttributeError, RuntimeError):  # a torch built without these kernels
        return False


def in_dtype(model: ModelWrapper, dtype: torch.dtype | str) -> ModelWrapper:
    """A copy of the model with its weights rounded to ``dtype`` ("bfloat16", say); the model stays as it is.

    The model itself where it has that dtype already, or is quantised and so cannot have another.
    """
    wanted = getattr(torch, dtype) if isinstance(dtype, str) else dtype
    if model.dtype == wanted or getattr(model.model, "is_quantized", False):
        return model
    return ModelWrapper(_rounded(copy.deepcopy(model.model), wanted), model.tokenizer)


def _rounded(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    return module.to(dtype)
