"""Random models that draft several tokens at once: layers of the target's own, and a block drafter beside it.

Multi-token prediction: DeepSeek-AI, "DeepSeek-V3 Technical Report" (2024), section 2.2. Blocks of masked
tokens filled in at once: Chen et al., "DFlash: Block Diffusion for Flash Speculative Decoding" (2026).
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.hugging_face import sentences
from specdec_lib.lossless.audit.hugging_face.small_models import scaled
from specdec_lib.models.source import quiet

MOST_LAYERS = 3
"""Layers of multi-token prediction that a checkpoint of :func:`small_mtp_target` holds."""
_LAYERS = 2
_BLOCK_DRAFTER = "transformers.models.muse_glimmer_assistant"
_WIDTH = 16
_NEVER_ENDS: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}


def has_further_layers() -> bool:
    """Whether the installed ``generate`` uses layers of multi-token prediction."""
    return _knows("use_mtp")


def has_block_drafting() -> bool:
    """Whether the installed ``generate`` drafts by blocks, and there is a drafter of that kind."""
    return _knows("speculation_type") and find_spec(_BLOCK_DRAFTER) is not None


def _knows(keyword: str) -> bool:
    from transformers import GenerationConfig

    return hasattr(GenerationConfig(), keyword)


def small_mtp_target(vocab: int, seed: int) -> Any:
    """A random DeepSeek-V3 of two layers, read from a checkpoint that holds layers which predict further on.

    ``generate`` reads those from the disk for every text: the checkpoint lies in a temporary folder that
    goes when the model does.
    """
    folder = Path(tempfile.mkdtemp(prefix="specdec-mtp-"))
    try:
        model = _read_from(folder, vocab, seed)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)
    return model.requires_grad_(False)


def _read_from(folder: Path, vocab: int, seed: int) -> Any:
    """The model of a checkpoint that is written into ``folder`` first."""
    from safetensors.torch import load_file, save_file
    from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

    shape: dict[str, Any] = {
        "hidden_size": _WIDTH, "intermediate_size": _WIDTH, "moe_intermediate_size": 8,
        "num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": 8, "kv_lora_rank": 8,
        "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8, "n_routed_experts": 4,
        "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1,
        "max_position_embeddings": 64, "vocab_size": vocab,
    }  # fmt: skip
    file, layers = folder / "model.safetensors", range(_LAYERS, _LAYERS + MOST_LAYERS)
    config = DeepseekV3Config(num_hidden_layers=layers.stop, **shape, **_NEVER_ENDS)
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        whole: Any = scaled(DeepseekV3ForCausalLM(config).eval())
        whole.save_pretrained(folder)
        weights = {name: tensor.clone() for name, tensor in load_file(file).items()}  # it is written anew
        for layer in layers:
            weights |= _further_weights(layer)
    save_file(weights, file, {"format": "pt"})
    config = DeepseekV3Config(num_hidden_layers=_LAYERS, **shape, **_NEVER_ENDS)
    with quiet():
        return DeepseekV3ForCausalLM.from_pretrained(folder, config=config, trust_remote_code=False).eval()


def _further_weights(layer: int) -> dict[str, Any]:
    """What a layer that predicts further on has besides a layer's own: a projection and norms."""
    names = ("enorm", "hnorm", "shared_head.norm")
    found = {f"model.layers.{layer}.{name}.weight": torch.ones(_WIDTH) for name in names}
    found[f"model.layers.{layer}.eh_proj.weight"] = torch.randn(_WIDTH, 2 * _WIDTH) / 4
    return found


def predict_further(target: Any, k: int) -> None:
    """Let ``generate`` use ``k`` of the layers in the target's checkpoint, in place.

    Raises:
        InvalidArgument: it holds fewer.
    """
    if k > MOST_LAYERS:
        raise InvalidArgument(sentences.FEWER_LAYERS.format(k, MOST_LAYERS))
    target.config.num_mtp_layers = k
    first = target.config.num_hidden_layers
    used = "|".join(str(first + index) for index in range(k))
    # how Transformers tells the keys of these layers from the rest; released classes know 61 alone
    target._keys_to_ignore_on_load_unexpected = [rf"model\.layers\.(?:{used})\."]


def small_block_drafter(target_config: Any, seed: int) -> Any:
    """A random block drafter that reads every layer of a target; the last token of the vocabulary masks.

    ``config.block_size`` is one more than it drafts a round.
    """
    from transformers import MuseGlimmerAssistantConfig, MuseGlimmerAssistantModel

    layers, vocab = target_config.num_hidden_layers, target_config.vocab_size
    config = MuseGlimmerAssistantConfig(
        hidden_size=target_config.hidden_size, intermediate_size=_WIDTH, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, head_dim=8, max_position_embeddings=64,
        sliding_window=32, mask_token_id=vocab - 1, target_layer_ids=list(range(layers)), **_NEVER_ENDS,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MuseGlimmerAssistantModel(config).eval()
    return scaled(model)
