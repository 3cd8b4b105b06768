"""The pairs of a draft and a target that this project knows by name.

``pocket`` lies in the repository and runs anywhere; ``pocket_self`` drafts with the int4
copy of its own target, ``pocket_foreign`` with a model of other tokens. The others are
fetched from the Hugging Face hub. This module knows names and types only: no weights, no
torch, no network.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from specdec_lib.errors import InvalidArgument, UnknownPair
from specdec_lib.models import sentences

DTYPES = ("auto", "float16", "bfloat16", "float32", "int4")
"""What weights can be loaded as; "auto" is the dtype that they were stored in."""

_BETWEEN = "+"
"""Stands between the two names of a pair of one's own, and in no name of the registry."""


@dataclass(frozen=True)
class ModelPair:
    """A draft and a target, by hub id, local folder, GGUF file, ollama:NAME, or name of an embedded model.

    The dtypes are those of :func:`specdec_lib.models.loader.load_model`. ``gated`` says that
    the hub asks for a licence to be accepted; ``shares_vocabulary`` is False where the two
    tokenizers differ, so that the draft is translated; ``dtypes`` says whether the dtypes are
    those that the registry lists, which a device may replace, or those that were asked for.
    """

    pair_name: str
    draft_model_id: str
    target_model_id: str
    draft_dtype: str = "auto"
    target_dtype: str = "auto"
    gated: bool = False
    shares_vocabulary: bool = True
    dtypes: Literal["listed", "asked"] = "asked"

    @property
    def is_self(self) -> bool:
        """Whether the draft is the target itself, possibly in another dtype."""
        return self.draft_model_id == self.target_model_id


_LLAMA3 = "meta-llama/Meta-Llama-3-8B-Instruct"
_TINYLLAMA = "TinyLlama/TinyLlama-1.1B-Chat-v1.0"
_PHI3 = "microsoft/Phi-3-mini-4k-instruct"

_PAIRS = (
    ModelPair("pocket", "pocket-draft", "pocket-target", "float32", "float32"),
    ModelPair("pocket_self", "pocket-target", "pocket-target", "int4", "float32"),
    ModelPair(
        "pocket_foreign", "pocket-foreign", "pocket-target", "float32", "float32", shares_vocabulary=False
    ),
    ModelPair("gpt2_dev", "gpt2", "gpt2-xl", "float16", "float16"),
    ModelPair("pythia", "EleutherAI/pythia-70m", "EleutherAI/pythia-1.4b", "float16", "float16"),
    ModelPair(
        "smollm2",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
        "bfloat16",
        "bfloat16",
    ),
    ModelPair(
        "qwen25", "Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-7B-Instruct", "bfloat16", "bfloat16"
    ),  # 151 936 and 152 064 logits over one tokenizer
    ModelPair("qwen3", "Qwen/Qwen3-0.6B", "Qwen/Qwen3-8B", "bfloat16", "bfloat16"),
    ModelPair("llama3_self", _LLAMA3, _LLAMA3, "int4", "float16", gated=True),
    ModelPair(
        "tinyllama_llama3", _TINYLLAMA, _LLAMA3, "float16", "float16", gated=True, shares_vocabulary=False
    ),
    ModelPair("phi3_llama3", _PHI3, _LLAMA3, "float16", "float16", gated=True, shares_vocabulary=False),
)

DEFAULT_PAIR = "pocket"
REGISTRY: dict[str, ModelPair] = {pair.pair_name: replace(pair, dtypes="listed") for pair in _PAIRS}
"""Every known pair by its name; ``pocket`` is the default everywhere."""


def list_pairs() -> list[str]:
    """Names of the known pairs, the embedded ones first."""
    return list(REGISTRY)


def get_pair(name: str) -> ModelPair:
    """The pair of that name.

    Raises:
        UnknownPair: no such pair (also a ``KeyError``); the message names those there are.
    """
    if name not in REGISTRY:
        raise UnknownPair(sentences.UNKNOWN_PAIR.format(name, ", ".join(list_pairs())))
    return REGISTRY[name]


def own_pair(
    target: str, draft: str, target_dtype: str = "auto", draft_dtype: str | None = None
) -> ModelPair:
    """A pair of one's own, each model a folder, a GGUF file, ollama:NAME, a hub id or an embedded name.

    Its name says both, and tells folders apart that are called the same, because results are kept by it.

    Args:
        draft_dtype: None takes the target's.
    """
    dtypes = (target_dtype if draft_dtype is None else draft_dtype), target_dtype
    return ModelPair(own_name(short_name(draft), target), draft, target, *dtypes)


def own_name(draft: str, target: str) -> str:
    """The name of a pair of one's own: what its draft or its drafter is called, and its target."""
    return f"{draft}{_BETWEEN}{short_name(target)}"


def is_own_name(pair_name: str) -> bool:
    """Whether a pair of that name is one's own, which no list can know; see :func:`own_name`."""
    return pair_name not in REGISTRY and _BETWEEN in pair_name


def choose_pair(
    name_or_pair: str | ModelPair | None = None,
    target: str | None = None,
    draft: str | None = None,
    dtype: str | None = None,
    draft_dtype: str | None = None,
) -> ModelPair:
    """The pair that was asked for, by name or by its two models, in the dtypes asked for.

    Raises:
        UnknownPair: no pair of that name.
        InvalidArgument: a name and models, only one of the models, or an unknown dtype.
    """
    for wanted in (dtype, draft_dtype):
        if wanted is not None:
            require_dtype(wanted)
    if target is None and draft is None:
        named = isinstance(name_or_pair, ModelPair)
        known = name_or_pair if named else get_pair(name_or_pair or DEFAULT_PAIR)
        asked = dtype is not None or draft_dtype == "float16"
        return replace(
            known,
            target_dtype=dtype or known.target_dtype,
            draft_dtype=draft_dtype or dtype or known.draft_dtype,
            dtypes="asked" if asked else known.dtypes,
        )
    if name_or_pair is not None:
        raise InvalidArgument(sentences.NAME_AND_MODELS)
    if target is None or draft is None:
        missing = "draft" if draft is None else "target"
        raise InvalidArgument(sentences.LACKS_A_MODEL.format(missing))
    return own_pair(target, draft, dtype or "auto", draft_dtype)


def short_name(model_id: str) -> str:
    """A name fit for a file: a folder's or a file's last part with a digest of its place, since others are
    called so too; both parts of a hub id, for the same reason."""
    path = Path(os.path.expanduser(model_id))  # Path.expanduser raises where nobody has that home
    if not path.exists():
        return model_id.strip("/").replace("/", "--").replace(":", ".") or model_id
    place = path.resolve()
    return f"{place.name}-{hashlib.sha256(str(place).encode()).hexdigest()[:6]}"


def require_dtype(dtype: str) -> None:
    """Refuse a dtype that no model can be loaded in.

    Raises:
        InvalidArgument: naming those there are (also a ``ValueError``).
    """
    if dtype not in DTYPES:
        raise InvalidArgument(sentences.UNSUPPORTED_DTYPE.format(dtype, list(DTYPES)))
