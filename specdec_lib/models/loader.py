"""Weights from the Hugging Face hub, a local folder or a GGUF file, in the dtype asked for.

``float16``, ``bfloat16``, ``float32``, ``int4`` (bitsandbytes NF4 with double quantisation,
imported only then) and ``auto``, the dtype that the weights were stored in. Whatever stands
between a name and a model that runs (no such folder, no network, a gated repository, damaged
weights, no memory) becomes one line in a :class:`~specdec_lib.errors.ModelUnavailable`; code that a folder
brings along is never run.

``python -m specdec_lib.models.loader --model gpt2 --dtype float16`` loads one and lets it speak.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from specdec_lib.errors import InvalidArgument, VocabularyMismatch
from specdec_lib.models import sentences
from specdec_lib.models.architecture.module import embedding_rows
from specdec_lib.models.draft import draft_of, say_what_is_odd
from specdec_lib.models.files.folder import check_folder
from specdec_lib.models.files.weights import load_weights
from specdec_lib.models.precision import runs_in
from specdec_lib.models.registry import (
    DTYPES,
    ModelPair,
    choose_pair,
    require_dtype,
)
from specdec_lib.models.source import Source, find_source
from specdec_lib.models.tensors import are_one_model
from specdec_lib.models.text.tokenizer import load_tokenizer, same_tokenizer_files
from specdec_lib.models.vocabulary import SAME, ForeignDraft, Relation, beyond_the_rows, require_vocabulary
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils.entry_point import OneLineParser, exit_code
from specdec_lib.utils.logging import get_logger
from specdec_lib.utils.numbers import counted

SPREAD = "auto"
"""The device of a model that no single device holds."""


@dataclass(frozen=True)
class LoadedPair:
    """A target and its draft, ready to run: same device, and same ids unless ``drafter`` translates them."""

    target: ModelWrapper
    draft: ModelWrapper
    pair: ModelPair
    vocabulary: Relation = SAME
    """How the two vocabularies relate: the same, the same but for ids that the draft does not propose, or
    translatable."""
    is_one_model: bool = False
    """Whether draft and target have the same weights, so that drafting saves nothing."""

    @property
    def drafter(self) -> ModelWrapper | ForeignDraft:
        """The draft, as ``SpeculativeDecoder(target, drafter)`` takes it; with its translation, if any."""
        translation = self.vocabulary.translation
        return self.draft if translation is None else ForeignDraft(self.draft, translation, self.vocab_size)

    def require_one_vocabulary(self, operation: str) -> LoadedPair:
        """The pair itself, for what reads both models by the same ids.

        Raises:
            VocabularyMismatch: its draft has to be translated.
        """
        if self.vocabulary.translation is None:
            return self
        raise VocabularyMismatch(
            sentences.TWO_VOCABULARIES.format(operation, self.pair.draft_model_id, self.pair.target_model_id)
        )

    @property
    def vocab_size(self) -> int:
        """Width of the target's logits."""
        return self.target.vocab_size


def load_model(
    model_id: str, dtype: str = "auto", device: str | torch.device | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model, in evaluation mode, and its tokenizer.

    What the checkpoint's generation_config.json asks for (a temperature, penalties, suppressed tokens) is not
    applied by the decoders here: :func:`specdec_lib.models.files.checkpoint.unapplied_requests` lists it.

    Args:
        model_id: a folder, a GGUF file, ``ollama:NAME``, an embedded model (``pocket-target``), or a hub id.
        dtype: one of ``DTYPES``; weights of a GGUF file are unpacked, to float32 where it is "auto".
        device: None chooses CUDA, then MPS, then the CPU; "auto" spreads the layers over all GPUs and, where
            these are full, the main memory, by accelerate's ``device_map``.

    Raises:
        InvalidArgument: an unknown dtype or device (also a ``ValueError``).
        ModelUnavailable: the model cannot be had; the message says why in one line.
    """
    require_dtype(dtype)
    device, is_spread = choose_device(device), device == SPREAD
    source = find_source(model_id)
    check_folder(source, dtype)
    tokenizer = load_tokenizer(source)
    return _load_target(source, dtype, device, tokenizer, is_spread), tokenizer


def load_pair(
    name_or_pair: str | ModelPair | None = None,
    device: str | torch.device | None = None,
    compile: bool = False,
    *,
    target: str | None = None,
    draft: str | None = None,
    dtype: str | None = None,
    draft_dtype: str | None = None,
) -> LoadedPair:
    """Both models of a pair, wrapped. Draft and target of one id and dtype are one model.

    Vocabularies may differ in a few ids (:mod:`specdec_lib.models.vocabulary`): those are named in one line
    and never proposed by the draft. A prompt may hold them all the same; the text stays the target's own.
    Where more differs, the draft is translated by the bytes of its tokens: decode with ``.drafter``.

    >>> load_pair("pocket")                                                  # doctest: +SKIP
    >>> load_pair(target="Qwen/Qwen3-8B", draft="Qwen/Qwen3-0.6B")           # doctest: +SKIP

    Args:
        name_or_pair: a pair of the registry; None is ``pocket``, unless ``target`` and ``draft`` are given.
        device: as :func:`load_model` takes it; "auto" spreads the target; the draft is on its first device.
        target, draft: what :func:`load_model` takes, each, in place of a pair's name.
        dtype: of both models; None is what the pair lists, and "auto" (as stored) for models of one's own. A
            listed float16 gives way on a processor without float16 arithmetic, which is said in one line.
        draft_dtype: of the draft alone.

    Raises:
        UnknownPair: no pair of that name.
        InvalidArgument: a name and models, or a target without a draft.
        VocabularyMismatch: two tokenizers that cannot be translated; said before weights are read.
        ModelUnavailable: one of the models cannot be had.
    """
    pair = choose_pair(name_or_pair, target, draft, dtype, draft_dtype)
    require_dtype(pair.draft_dtype)
    require_dtype(pair.target_dtype)
    device, is_spread = choose_device(device), device == SPREAD
    target_source = find_source(pair.target_model_id)
    draft_source = target_source if pair.is_self else find_source(pair.draft_model_id)
    pair = runs_in(pair, device)
    is_one = pair.is_self and pair.draft_dtype == pair.target_dtype
    check_folder(target_source, pair.target_dtype)
    if not is_one:
        check_folder(draft_source, pair.draft_dtype)
    tokenizer = draft_tokenizer = load_tokenizer(target_source)
    if not (pair.is_self or same_tokenizer_files(target_source, draft_source)):
        draft_tokenizer = load_tokenizer(draft_source)
    vocabulary = require_vocabulary(tokenizer, draft_tokenizer, pair.pair_name)
    weights = _load_target(target_source, pair.target_dtype, device, tokenizer, is_spread)
    target_model = draft_model = ModelWrapper(weights, tokenizer, compile=compile)
    if not is_one:
        dtype = pair.draft_dtype
        draft_model = draft_of(target_model, draft_source, dtype, draft_tokenizer, vocabulary, compile)
        is_one = vocabulary.translation is None and are_one_model(target_model.model, draft_model.model)
    say_what_is_odd(pair.pair_name, vocabulary, is_one)
    return LoadedPair(target_model, draft_model, pair, vocabulary, is_one)


def _load_target(
    source: Source,
    dtype: str,
    device: torch.device,
    tokenizer: PreTrainedTokenizerBase,
    is_spread: bool = False,
) -> PreTrainedModel:
    """The weights; ids that have no row in them are said. (A draft reads such an id as the last it has.)"""
    model = load_weights(source, dtype, device, is_spread)
    line = beyond_the_rows(source.model_id, tokenizer, embedding_rows(model))
    if line is not None:
        get_logger(__name__).warning(line)
    return model


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, or the best there is: CUDA, then MPS, then the CPU; so for "auto" too.

    Raises:
        InvalidArgument: a device that this machine does not have.
    """
    if device is None or device == SPREAD:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.empty(0, device=device).device
    except Exception as error:  # each kind of device has its own way to be absent
        raise InvalidArgument(sentences.NO_DEVICE.format(device)) from error
    if chosen.type == "meta":
        raise InvalidArgument(sentences.META_DEVICE)
    return chosen


# -- python -m specdec_lib.models.loader -------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Load a model, print what it is and what it says; exit code 2 on bad input."""
    parser = OneLineParser(
        "[loader] error: ",
        hint="see --help",
        prog="specdec_lib.models.loader",
        description="Load a model and let it speak.",
    )
    parser.add_argument(
        "--model", required=True, help="hub id, folder, .gguf file, ollama:NAME or embedded model"
    )
    parser.add_argument("--dtype", default="auto", help=", ".join(DTYPES))
    parser.add_argument("--n-tokens", type=int, default=10, help="tokens to generate")
    parser.add_argument("--prompt", default="The quick brown fox", help="text to continue")
    options = parser.parse_args(arguments)
    return exit_code(
        lambda: _show(options.model, options.dtype, options.n_tokens, options.prompt), "[loader] error: "
    )


def _show(model_id: str, dtype: str, n_tokens: int, prompt: str) -> None:
    if n_tokens < 0:
        raise InvalidArgument(sentences.N_TOKENS_BELOW_ZERO.format(n_tokens))
    require_dtype(dtype)
    source, device = find_source(model_id), choose_device()
    check_folder(source, dtype)
    print(f"[loader] tokenizer  ← {model_id}", flush=True)
    tokenizer = load_tokenizer(source)
    print(f"[loader] model      ← {model_id}  (dtype={dtype})", flush=True)
    model = ModelWrapper(_load_target(source, dtype, device, tokenizer), tokenizer)
    print(f"  model      : {model_id}")
    print(f"  parameters : {model.param_count / 1e6:.1f} M")
    print(f"  memory     : {model.memory_footprint_mb / 1024:.2f} GB")
    print(f"\n[loader] generating {counted(n_tokens, 'token')} …", flush=True)
    print(f"[loader] output: {model.decode(_continue(model, prompt, n_tokens))!r}")
    print("[loader] OK")


def _continue(model: ModelWrapper, prompt: str, n_tokens: int) -> list[int]:
    """Prompt and its most probable continuation, token by token, as far as the context goes."""
    ids = model.encode(prompt)
    if not ids:
        raise InvalidArgument(sentences.PROMPT_IS_EMPTY)
    context = len(ids) + n_tokens if model.context_length is None else model.context_length
    if len(ids) > context:
        raise InvalidArgument(sentences.PROMPT_IS_TOO_LONG.format(len(ids), model.name, context))
    pending, cache = ids, None
    for _ in range(min(n_tokens, context - len(ids))):
        logits, cache = model.forward(torch.tensor([pending]), cache, logits_to_keep=1)
        pending = [int(logits[0, -1].argmax())]
        ids = ids + pending
    return ids


if __name__ == "__main__":
    sys.exit(main())
