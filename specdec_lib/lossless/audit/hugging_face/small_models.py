"""Random models over a few words: what a mode is tried on where its law is to be summed over everything.

Their matrices are scaled so that laws are far from uniform, and draft and target far from each other: a mode
that is wrong shows it. Weights follow from the seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

WORDS = "abcdefgh"
_SCALE = 4.0


@dataclass(frozen=True)
class SmallPair:
    """A target and a draft of ``vocab`` words (the draft of ``draft_vocab``), and a prompt."""

    seed: int = 0
    vocab: int = 3
    draft_vocab: int | None = None
    prompt: tuple[int, ...] = (1, 2, 1)

    def target(self) -> Any:
        """A llama of two layers, so that it can leave early."""
        return small_llama(self.vocab, 2, 2 * self.seed + 1)

    def draft(self) -> Any:
        """A llama of one layer."""
        return small_llama(self.draft_vocab or self.vocab, 1, 2 * self.seed + 2)


def small_llama(vocab: int, layers: int, seed: int) -> Any:
    """A random llama of ``vocab`` tokens, float32, that never ends a text."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shape: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    special: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    config = LlamaConfig(
        vocab_size=vocab, num_hidden_layers=layers, max_position_embeddings=64, **shape, **special
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config).eval()
    return scaled(model)


@torch.no_grad()
def scaled(model: nn.Module) -> nn.Module:
    """The same model with its matrices enlarged, so that its laws are far from uniform."""
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.mul_(_SCALE)
    return model.requires_grad_(False)


def word_tokenizer(num_words: int, listing: Sequence[int] | None = None) -> Any:
    """A tokenizer of the words a, b, c, …, whose ``get_vocab()`` lists them in the order ``listing``.

    A fast tokenizer lists them in the order of a hash table, another one each time; here it is one of the
    possible orders, the same each time.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    order = list(range(num_words)) if listing is None else list(listing)

    class Listed(PreTrainedTokenizerFast):
        def get_vocab(self) -> dict[str, int]:
            return {WORDS[index]: index for index in order}

    fast = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS[:num_words])}))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    return Listed(tokenizer_object=fast)
