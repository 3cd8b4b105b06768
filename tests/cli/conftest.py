"""The command line called as a function, and a tiny pair in folders of its own."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tiny_tokenizers
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from specdec_lib.cli import main, selection


@dataclass(frozen=True)
class Outcome:
    """What a call left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that ``--json`` promises."""
        assert self.out.count("\n") == 1 and self.out.endswith("\n"), self.out
        return json.loads(self.out)


@pytest.fixture
def specdec(capsys, monkeypatch) -> Callable[..., Outcome]:
    """``specdec("pairs", "--json")``; ``stdin`` gives the bytes of standard input."""

    def call(*arguments: object, stdin: bytes | None = None) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin or b"")))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(selection, "SILENCE", float("inf"))  # a slow machine has no more to say
    return call


ALPHABET = tuple(sorted(pre_tokenizers.ByteLevel.alphabet()))


def byte_tokenizer(alphabet: tuple[str, ...] = ALPHABET) -> PreTrainedTokenizerFast:
    """A token a byte in the order of ``alphabet``, behind an end of text with id 0."""
    vocabulary = {token: index for index, token in enumerate(["<|end|>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")


def save_model(folder: Path, tokenizer: PreTrainedTokenizerFast, seed: int, layers: int = 1) -> str:
    """A Llama with random weights, saved with its tokenizer."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        max_position_embeddings=64,
        initializer_range=0.5,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def own(tmp_path_factory) -> list[str]:
    """``--target T --draft D`` of two tiny models over one tokenizer, with a context of 64."""
    folder, tokenizer = tmp_path_factory.mktemp("models"), byte_tokenizer()
    target = save_model(folder / "tiny-target", tokenizer, seed=0)
    draft = save_model(folder / "tiny-draft", tokenizer, seed=1)
    return ["--target", target, "--draft", draft]


@pytest.fixture(scope="session")
def layered(tmp_path_factory) -> str:
    """A target of two layers over the tokenizer of ``own``."""
    return save_model(tmp_path_factory.mktemp("models") / "layered", byte_tokenizer(), seed=4, layers=2)


TEMPLATE = (
    "{% for turn in messages %}<{{ turn.role }}>{{ turn.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="session")
def chatty(tmp_path_factory) -> list[str]:
    """As ``own``, with a chat template."""
    folder, tokenizer = tmp_path_factory.mktemp("models"), byte_tokenizer()
    tokenizer.chat_template = TEMPLATE
    target = save_model(folder / "chat-target", tokenizer, seed=0)
    return ["--target", target, "--draft", save_model(folder / "chat-draft", tokenizer, seed=1)]


@pytest.fixture(scope="session")
def untranslatable(tmp_path_factory) -> str:
    """A model of which nobody can say what bytes its ids stand for."""
    return save_model(tmp_path_factory.mktemp("models") / "pieces", tiny_tokenizers.word_piece(), seed=3)


@pytest.fixture(scope="session")
def stranger(tmp_path_factory) -> str:
    """A model whose ids mean other tokens."""
    folder = tmp_path_factory.mktemp("models") / "stranger"
    return save_model(folder, byte_tokenizer(ALPHABET[::-1]), seed=2)
