"""How the positions of a model in a GGUF file rotate: its base, and its scaling, as Transformers names it.

Transformers' own reader of these files takes the base alone: a file that states a scaling (linear, YaRN), or
carries factors for each frequency (Llama 3.1 and later, longrope), loads there as another model, in silence.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.gguf import sentences
from specdec_lib.models.gguf.header import GgufFile

FACTORS = ("rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight")
"""Tensors that scale positions and are no weights."""
_LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
"""What every Llama from 3.1 on is scaled by; a file holds what follows from it, not the rule itself."""


def rope_of(file: GgufFile, base: float, rotated: int) -> dict[str, Any]:
    """Transformers' ``rope_parameters`` of a file.

    Args:
        base: of the frequencies.
        rotated: dimensions of a head that rotate.

    Raises:
        ModelUnavailable: a scaling that is not known here, or factors that follow from no rule known here.
    """

    def stated(name: str, default: Any = None) -> Any:
        return file.metadata.get(f"{file.architecture}.rope.scaling.{name}", default)

    kind, factor = str(stated("type", "none")), stated("factor", 1.0)
    rope: dict[str, Any] = {"rope_theta": float(base), "rope_type": "default"}
    if FACTORS[0] in file.tensors:
        return rope | _llama3(file, float(base), rotated)
    if FACTORS[1] in file.tensors or FACTORS[2] in file.tensors or kind == "longrope":
        return rope | _longrope(file, stated("original_context_length"), stated("attn_factor"))
    if kind == "none" or factor in (0.0, 1.0):
        return rope
    if kind == "linear":
        return rope | {"rope_type": "linear", "factor": float(factor)}
    tuned = [name for name in file.metadata if ".rope.scaling.yarn_" in name or name.endswith("attn_factor")]
    if kind == "yarn" and stated("original_context_length") and not tuned:
        trained = int(stated("original_context_length"))
        return rope | {
            "rope_type": "yarn",
            "factor": float(factor),
            "original_max_position_embeddings": trained,
        }
    by = f"'{kind}'" + (f" ({tuned[0]})" if tuned else "")
    raise ModelUnavailable(sentences.SCALES_OTHERWISE.format(file.model_id, by))


def _longrope(file: GgufFile, trained: int | None, attention: float | None) -> dict[str, Any]:
    if not trained or not {FACTORS[1], FACTORS[2]} <= file.tensors.keys():
        raise ModelUnavailable(sentences.LACKS_PART_OF_LONGROPE.format(file.model_id))
    scaling = {"rope_type": "longrope", "original_max_position_embeddings": int(trained)}
    scaling |= {} if attention is None else {"attention_factor": float(attention)}
    lists = {"short_factor": FACTORS[1], "long_factor": FACTORS[2]}
    return scaling | {name: file.read(tensor).tolist() for name, tensor in lists.items()}


def _llama3(file: GgufFile, base: float, rotated: int) -> dict[str, Any]:
    """The rule that the factors of a file follow."""
    held = file.read(FACTORS[0])
    if np.all(held == 1):
        return {}
    rule = {"factor": float(held.max()), **_LLAMA3}
    if held.size != rotated // 2 or not np.allclose(held, llama3_factors(base, rotated, **rule), rtol=1e-3):
        raise ModelUnavailable(sentences.FACTORS_ARE_NOT_LLAMAS.format(file.model_id))
    return {"rope_type": "llama3", **rule}


def llama3_factors(
    base: float,
    rotated: int,
    factor: float,
    low_freq_factor: float,
    high_freq_factor: float,
    original_max_position_embeddings: float,
) -> Float[np.ndarray, " half"]:
    """What each frequency is divided by in Llama 3.1 and later.

    Long waves are divided by ``factor``, short ones not at all, those between in part (Llama Team 2024,
    2407.21783; the rule is of the code released with it).
    """
    turns = original_max_position_embeddings / (2 * np.pi) * base ** -(np.arange(0, rotated, 2) / rotated)
    kept = np.clip((turns - low_freq_factor) / (high_freq_factor - low_freq_factor), 0.0, 1.0)
    return 1.0 / ((1.0 - kept) / factor + kept)
