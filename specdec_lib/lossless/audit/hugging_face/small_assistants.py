"""Random Gemma-4 models: a target that hands on its keys and values, and an assistant that reads them.

An assistant has no keys and values of its own: all of its layers use the target's. In Transformers 5.23.0 it
cannot be built. ``Gemma4AssistantConfig`` sets ``num_kv_shared_layers`` to the number of layers, as it must,
and ``Gemma4TextConfig.kv_sharing_modes``, which each layer reads while it is made, then raises a ValueError:
no layer is left that could produce what the others use. So the assistant here has a configuration of a class
of its own, whose ``kv_sharing_modes`` says of each layer that it reuses. Nothing installed is changed, and
where the released configuration works (5.17.0) it is taken as it is.

What is drafted is the argmax, and what is handed on as the law that it was drawn from are the raw logits: the
gallery's mutant ``draft_argmax_with_raw_logits``, after huggingface/transformers#47932.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch

from specdec_lib.errors import in_one_line
from specdec_lib.lossless.audit.hugging_face.small_models import scaled

_ASSISTANT = "transformers.models.gemma4_assistant"
_KINDS: tuple[str, ...] = ("sliding_attention", "full_attention")
_WIDTH = 16
_SHAPE: dict[str, Any] = {
    "hidden_size": _WIDTH, "intermediate_size": _WIDTH, "num_attention_heads": 2, "num_key_value_heads": 2,
    "head_dim": 8, "global_head_dim": 8, "max_position_embeddings": 64, "sliding_window": 32,
    "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
}  # fmt: skip


def has_gemma_assistant() -> bool:
    """Whether the installed Transformers has an assistant for Gemma 4."""
    return find_spec(_ASSISTANT) is not None


def gemma_assistant_error() -> str:
    """What the released configuration of an assistant raises, in a line; else nothing."""
    if not has_gemma_assistant():
        return ""
    from transformers import Gemma4TextConfig

    layers = len(_KINDS)
    released = Gemma4TextConfig(
        num_hidden_layers=layers, num_kv_shared_layers=layers, layer_types=list(_KINDS), **_SHAPE
    )
    try:
        getattr(released, "kv_sharing_modes", None)  # not in every version
    except ValueError as error:
        return f"Gemma4TextConfig.kv_sharing_modes: {in_one_line(error)}"
    return ""


def small_gemma_target(vocab: int, seed: int) -> Any:
    """A random Gemma 4 of four layers, of which the last two share the keys and values of the first two.

    One whose layers share nothing hands nothing on, and no assistant can read it.
    """
    from transformers import Gemma4ForCausalLM, Gemma4TextConfig

    config = Gemma4TextConfig(
        vocab_size=vocab, vocab_size_per_layer_input=vocab, hidden_size_per_layer_input=8,
        num_hidden_layers=2 * len(_KINDS), num_kv_shared_layers=len(_KINDS), layer_types=2 * list(_KINDS),
        **_SHAPE,
    )  # fmt: skip
    return _random(Gemma4ForCausalLM, config, seed)


def small_gemma_assistant(target_config: Any, seed: int) -> Any:
    """A random assistant of two layers for such a target; its configuration is repaired where need be."""
    from transformers import Gemma4AssistantConfig, Gemma4AssistantForCausalLM

    text_config = _text_config()(
        vocab_size=target_config.vocab_size, vocab_size_per_layer_input=0, hidden_size_per_layer_input=0,
        num_hidden_layers=len(_KINDS), layer_types=list(_KINDS), **_SHAPE,
    )  # fmt: skip
    config = Gemma4AssistantConfig(text_config=text_config, backbone_hidden_size=target_config.hidden_size)
    return _random(Gemma4AssistantForCausalLM, config, seed)


def _text_config() -> type[Any]:
    """The released class, or one whose layers all reuse, of the same name, by which a model is looked up."""
    from transformers import Gemma4TextConfig as Released

    if not gemma_assistant_error():
        return Released

    class Gemma4TextConfig(Released):
        @property
        def kv_sharing_modes(self) -> list[str | None]:
            return ["reuse"] * self.num_hidden_layers

    return Gemma4TextConfig


def _random(kind: Any, config: Any, seed: int) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config).eval()
    return scaled(model)
