"""Small causal LMs with random weights, of the architectures people use, and drafts that often agree.

The weights are larger than an untrained model's, so that the two best logits are well apart and a forward
of another width cannot turn the argmax by rounding. They have one layer unless a test is about layers: a
forward takes as long as its Python does, and a layer is a third of it.
"""

from __future__ import annotations

import copy
from types import SimpleNamespace

import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)
from typing_extensions import get_protocol_members

from specdec_lib.models.base import CausalModel
from specdec_lib.models.wrapper import ModelWrapper

VOCAB, CONTEXT = 211, 192


def llama(num_layers: int = 1):
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCAB,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=num_layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            initializer_range=0.3,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=None,
        )
    )


def gpt2(num_layers: int = 1):
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB,
            n_embd=32,
            n_layer=num_layers,
            n_head=4,
            n_positions=CONTEXT,
            initializer_range=0.3,
            bos_token_id=None,
            eos_token_id=None,
        )
    )


def qwen2(num_layers: int = 1):
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=VOCAB,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=num_layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            initializer_range=0.3,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=None,
        )
    )


ARCHITECTURES = {"llama": llama, "gpt2": gpt2, "qwen2": qwen2}


def tiny_pair(
    architecture: str, seed: int = 0, noise: float = 0.02, num_layers: int = 1
) -> tuple[ModelWrapper, ModelWrapper]:
    """(target, draft): the draft is the target with noise on its weights, so that it is often right."""
    torch.manual_seed(seed)
    target = ARCHITECTURES[architecture](num_layers)
    draft = copy.deepcopy(target)
    with torch.no_grad():
        for parameter in draft.parameters():
            parameter += noise * torch.randn_like(parameter)
    return ModelWrapper(target), ModelWrapper(draft)


def prompts(num_prompts: int, longest: int = 40, seed: int = 1) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest, (num_prompts,), generator=generator).tolist()
    return [torch.randint(0, VOCAB, (length,), generator=generator).tolist() for length in lengths]


def bare(model: CausalModel) -> SimpleNamespace:
    """The same model with the members of a CausalModel, and no other."""
    return SimpleNamespace(**{name: getattr(model, name) for name in get_protocol_members(CausalModel)})
