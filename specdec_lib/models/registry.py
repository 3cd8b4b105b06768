"""The pairs of a draft and a target that this project knows by name.

``pocket`` lies in the repository and runs anywhere; ``pocket_self`` drafts with the int4
copy of its own target. The others are fetched from the Hugging Face hub. This module knows
names and types only: no weights, no torch, no network.
"""

from __future__ import annotations

from dataclasses import dataclass

from specdec_lib.errors import InvalidArgument, UnknownPair, VocabularyMismatch

DTYPES = ("auto", "float16", "bfloat16", "float32", "int4")
"""What weights can be loaded as; "auto" is the dtype that they were stored in."""


@dataclass(frozen=True)
class ModelPair:
    """A draft and a target, by hub id, local folder, or name of an embedded model.

    The dtypes are those of :func:`specdec_lib.models.loader.load_model`. ``gated`` says that
    the hub asks for a licence to be accepted; ``shares_vocabulary`` is False where the two
    tokenizers differ, so that the pair needs vocabulary translation.
    """

    pair_name: str
    draft_model_id: str
    target_model_id: str
    draft_dtype: str = "auto"
    target_dtype: str = "auto"
    gated: bool = False
    shares_vocabulary: bool = True

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
    ModelPair("gpt2_dev", "gpt2", "gpt2-xl", "float32", "float32"),
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
    ModelPair("llama3_self", _LLAMA3, _LLAMA3, "int4", "bfloat16", gated=True),
    ModelPair(
        "tinyllama_llama3", _TINYLLAMA, _LLAMA3, "bfloat16", "bfloat16", gated=True, shares_vocabulary=False
    ),
    ModelPair("phi3_llama3", _PHI3, _LLAMA3, "bfloat16", "bfloat16", gated=True, shares_vocabulary=False),
)

REGISTRY: dict[str, ModelPair] = {pair.pair_name: pair for pair in _PAIRS}
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
        raise UnknownPair(f"Unknown pair '{name}'. Available pairs: {', '.join(list_pairs())}")
    return REGISTRY[name]


def require_dtype(dtype: str) -> None:
    """Refuse a dtype that no model can be loaded in.

    Raises:
        InvalidArgument: naming those there are (also a ``ValueError``).
    """
    if dtype not in DTYPES:
        raise InvalidArgument(f"Unsupported dtype '{dtype}'. Choose from: {list(DTYPES)}")


def require_shared_vocabulary(pair: ModelPair) -> None:
    """Refuse a pair that is known to need translation, before anything of it is fetched.

    Raises:
        VocabularyMismatch: naming the pair and its models.
    """
    if not pair.shares_vocabulary:
        raise VocabularyMismatch(
            f"pair '{pair.pair_name}': {pair.draft_model_id} and {pair.target_model_id} do not share a "
            "vocabulary, so it needs vocabulary translation; choose a pair with one tokenizer, such as "
            "'pocket'"
        )
