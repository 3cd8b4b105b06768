"""Models of a few thousand random weights, in the shapes that users run, and a tokenizer for them.

The weights are drawn ten times wider than a real initialisation, so that every position that
attention sees, or must not see, shows in the logits.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

ROUNDING = 1e-4
"""How far two logits of these models may be apart by rounding, on any processor; one position that attention
sees too many, or misses, moves a logit by at least 0.08."""

VOCAB = 97
WINDOW = 6
CONTEXT = 64

_SHAPE = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
_ATTENTION_8 = {**_SHAPE, "head_dim": 8}


def llama_config(**options) -> LlamaConfig:
    return LlamaConfig(**{**_SHAPE, **options})


CONFIGS: dict[str, PretrainedConfig] = {
    "llama": llama_config(),
    "gpt2": GPT2Config(
        vocab_size=VOCAB,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=CONTEXT,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=0,
    ),
    "qwen2": Qwen2Config(**_SHAPE),
    "qwen3": Qwen3Config(**_ATTENTION_8),
    "mistral (sliding window)": MistralConfig(**_SHAPE, sliding_window=WINDOW),
    "qwen2 (one layer sliding)": Qwen2Config(
        **_SHAPE, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1
    ),
    "gemma3 (alternating windows)": Gemma3TextConfig(
        **_ATTENTION_8,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention"],
        pad_token_id=0,
    ),
}
_SHARED_KV = {
    **_ATTENTION_8,
    "num_hidden_layers": 4,
    "num_kv_shared_layers": 2,
    "sliding_window": WINDOW,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "vocab_size_per_layer_input": VOCAB,
    "hidden_size_per_layer_input": 8,
    "pad_token_id": 0,
}
_GEMMA_3N = {
    "intermediate_size": [48] * 4,
    "laurel_rank": 4,
    "altup_num_inputs": 2,
    "activation_sparsity_pattern": [0.0] * 4,
}
_ALL_FULL = {"layer_types": ["full_attention"] * 4, "global_head_dim": 8}
SHARED_KV = {  # the last layers look at keys and values of earlier ones; which models there are depends on
    name: getattr(transformers, kind)(**{**_SHARED_KV, **options})  # the version of Transformers
    for name, kind, options in (
        ("gemma3n (shared keys and values)", "Gemma3nTextConfig", _GEMMA_3N),
        ("gemma3n (none shared)", "Gemma3nTextConfig", {**_GEMMA_3N, "num_kv_shared_layers": 0}),
        ("gemma4 (shared keys and values)", "Gemma4TextConfig", {"global_head_dim": 8}),
        ("gemma4, shared and all full", "Gemma4TextConfig", _ALL_FULL),
    )
    if hasattr(transformers, kind)
}
SLIDING = [name for name in CONFIGS if "(" in name]


def tiny_model(config: PretrainedConfig | str, seed: int = 0) -> PreTrainedModel:
    """A float32 model of that configuration (or of that name in ``CONFIGS``)."""
    torch.manual_seed(seed)
    config = {**CONFIGS, **SHARED_KV}[config] if isinstance(config, str) else config
    own = copy.deepcopy(config)  # a model that is cast and saved changes its configuration
    return AutoModelForCausalLM.from_config(own).eval()


def random_ids(length: int, seed: int = 1, vocab: int = VOCAB) -> torch.Tensor:
    return torch.randint(0, vocab, (1, length), generator=torch.Generator().manual_seed(seed))


def tiny_tokenizer(
    vocab_size: int = 265, text: str = "the cat sat on the mat, the cat ran"
) -> PreTrainedTokenizerFast:
    """A byte-level BPE: 256 bytes, one special token, and merges of ``text`` up to ``vocab_size``."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([text], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<|end|>", eos_token="<|end|>")


def save_model(
    folder: Path,
    tokenizer: PreTrainedTokenizerFast | None = None,
    vocab_size: int = 288,
    seed: int = 0,
    **options,
) -> Path:
    """A tiny Llama with a tokenizer in ``folder``; its logits are wider than the tokenizer's vocabulary."""
    tiny_model(llama_config(vocab_size=vocab_size, **options), seed).save_pretrained(folder)
    (tokenizer or tiny_tokenizer()).save_pretrained(folder)
    return folder


class TakesPastKeyValues(LlamaForCausalLM):
    """As models up to Transformers 5.23, and code on the hub after it."""

    def forward(self, input_ids, past_key_values=None, use_cache=None, logits_to_keep=0, **told):
        mask, positions = told.get("attention_mask"), told.get("position_ids")
        options = {"use_cache": use_cache, "logits_to_keep": logits_to_keep}
        return super().forward(input_ids, mask, positions, past_key_values, **options)


class TakesCache(TakesPastKeyValues):
    """As models from Transformers 5.24 on: another name for the same."""

    def forward(self, input_ids, cache=None, use_cache=None, logits_to_keep=0, **told):
        if "past_key_values" in told:
            raise TypeError("the cache has another name")
        return super().forward(input_ids, cache, use_cache, logits_to_keep, **told)
