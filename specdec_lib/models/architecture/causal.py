"""Is a model causal? One cheap forward tells, whatever its configuration says.

Decoding needs logits that depend on what came before and on nothing else. An encoder that was loaded as a
language model, or one whose configuration leaves attention open to both sides, gives other logits for a
prefix when what follows changes. Two texts of a few tokens that share a prefix show it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from specdec_lib.errors import InvalidArgument, in_one_line, is_out_of_memory

_SHARED = 3
_TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}  # of the largest difference of two logits; else 0.05


@torch.inference_mode()
def require_causal(model: nn.Module, name: str, device: torch.device, vocab_size: int) -> None:
    """Feed two texts of a common prefix and compare its logits: about what one token costs.

    Raises:
        InvalidArgument: the logits of the prefix depend on what follows, or the model cannot be run.
    """
    rows = embedding_rows(model)
    text = torch.arange(1, _SHARED + 3, device=device) % min(vocab_size, vocab_size if rows is None else rows)
    other = torch.cat([text[:_SHARED], text[_SHARED:].flip(0)])
    try:
        first, second = _logits(model, torch.stack([text, other]))
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise InvalidArgument(cannot_be_fed(model, name, error)) from error
    apart = (first - second)[:_SHARED].float().abs().amax()
    scale = (first.amax() - first.amin()).float()
    if apart > _TOLERANCE.get(first.dtype, 0.05) * scale:  # false for NaN, which forward refuses
        raise InvalidArgument(
            f"{_called(model, name)} is not causal: its logits depend on tokens that come later; "
            "choose a decoder-only language model, or set is_decoder in its configuration"
        )


def embedding_rows(model: nn.Module) -> int | None:
    """How many ids a model can be fed: rows of its embedding; None where it does not say."""
    try:
        embedding = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return None
    return getattr(embedding, "num_embeddings", None)


def require_rows(model: nn.Module, name: str, ids: Tensor) -> None:
    """Refuse ids that the embedding has no row for: a GPU would stop at them for good.

    Raises:
        InvalidArgument: naming the first such id, and how many rows there are.
    """
    rows = embedding_rows(model)
    if rows is None or ids.device.type == "meta":
        return
    beyond = ids[(ids < 0) | (ids >= rows)]
    if beyond.numel():
        raise InvalidArgument(
            f"{_called(model, name)} was fed token id {int(beyond[0])}, and its embedding has {rows} rows: "
            "ids go from 0 to one less; use the tokenizer of this model"
        )


def cannot_be_fed(model: nn.Module, name: str, error: Exception) -> str:
    """The line about a model whose first forward failed."""
    return (
        f"{_called(model, name)} cannot be fed token ids alone ({in_one_line(error)}); choose a decoder-only "
        "language model, or see whether its config.json is the one of its weights"
    )


def cannot_be_fed_several(model: nn.Module, name: str, error: Exception) -> str:
    """The line about a model that runs, and whose first forward of several tokens behind a cache failed."""
    return (
        f"{_called(model, name)} cannot be fed several tokens behind a cache ({in_one_line(error)}), as "
        "rounds of drafting do; choose another model, or decode it with AutoregressiveDecoder"
    )


def _called(model: nn.Module, name: str) -> str:
    """The name and, where it is another, the class."""
    kind = type(model).__name__
    return name if name == kind else f"{name} ({kind})"


def _logits(model: nn.Module, texts: Tensor) -> Tensor:
    """Both at once, or one after the other for a model that takes a single sequence."""
    try:
        return model(input_ids=texts, use_cache=False).logits
    except Exception:
        return torch.cat([model(input_ids=row[None], use_cache=False).logits for row in texts])
