"""What may be asked for a batch: a prompt a row, and for each row a budget and a seed, or one for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Integer
from torch import Tensor

from specdec_lib.decoding.generation import Generation
from specdec_lib.decoding.prompt import is_iterable
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.numbers import whole_number

BatchPrompts = Iterable[Any] | Integer[Tensor, "rows n"] | Mapping[str, Any]
"""Prompts in a list, an array or a tensor ``[rows, n]``, or a mapping with ``input_ids`` of several texts."""


@dataclass(frozen=True)
class AskedRow:
    """What is asked for one row."""

    place: int
    prompt: Any
    max_new_tokens: Any
    seed: Any

    def started(self, start: Callable[..., Generation], params: Any, options: dict[str, Any]) -> Generation:
        """The row's generation, begun by a decoder's ``start``.

        Raises:
            InvalidArgument: what ``start`` refuses, with the row's place.
        """
        try:
            return start(self.prompt, self.max_new_tokens, params, seed=self.seed, **options)
        except InvalidArgument as error:
            raise InvalidArgument(f"row {self.place} of the batch: {error}") from error


def rows_asked(prompts: Any, max_new_tokens: Any, seed: Any) -> list[AskedRow]:
    """A row for each prompt. A seed that all share is counted on: row i has ``seed + i``.

    Raises:
        InvalidArgument: no list of prompts, or budgets or seeds that are not as many.
    """
    listed = _listed(prompts)
    budgets = _one_each(max_new_tokens, len(listed), "max_new_tokens")
    if seed is None or _is_list(seed):
        seeds = _one_each(seed, len(listed), "seed")
    else:
        first = whole_number(seed, "generate_batch: seed")
        seeds = [first + place for place in range(len(listed))]
    return [AskedRow(place, *asked) for place, asked in enumerate(zip(listed, budgets, seeds, strict=True))]


def _listed(prompts: Any) -> list[Any]:
    """The prompts one by one."""
    if hasattr(prompts, "keys"):
        return _of_mapping(prompts)
    is_one = isinstance(prompts, (str, bytes)) or getattr(prompts, "ndim", 1) == 0
    is_list = not is_one and is_iterable(prompts)
    listed: list[Any] = list(prompts) if is_list else [prompts]
    for place, prompt in enumerate(listed):
        if not is_list or isinstance(prompt, int) or getattr(prompt, "ndim", 1) == 0:
            raise InvalidArgument(
                f"generate_batch: the prompts hold {prompt!r} at place {place}, which is no prompt; pass a "
                "list of prompts, [[1, 2], [3]]"
            )
    return listed


def _of_mapping(encoded: Mapping[str, Any]) -> list[Any]:
    """What a tokenizer made of several texts, text by text."""
    if "input_ids" not in encoded:
        raise InvalidArgument(
            f"generate_batch: the prompts have no input_ids, only {sorted(map(str, encoded))}"
        )
    ids, masks = encoded["input_ids"], encoded.get("attention_mask")
    if masks is None:
        return _listed(ids)
    rows, masked = _listed(ids), _listed(masks)
    if len(rows) != len(masked):
        raise InvalidArgument(f"generate_batch: {len(masked)} attention masks for {len(rows)} prompts")
    return [{"input_ids": row, "attention_mask": mask} for row, mask in zip(rows, masked, strict=True)]


def _one_each(value: Any, count: int, name: str) -> list[Any]:
    """One value for each of ``count`` rows: the same for all, or a list of as many."""
    if not _is_list(value):
        return [value] * count
    values: list[Any] = list(value)
    if len(values) != count:
        raise InvalidArgument(
            f"generate_batch: {len(values)} values of {name} for {count} prompts; pass one for each, or one "
            "for all"
        )
    return values


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) or getattr(value, "ndim", 0) > 0
