"""What a prompt may be: one sequence of token ids, however it is wrapped.

A list, a tuple, an array or tensor of integers, ``[1, n]`` too, and what tokenizers return: a mapping with
``input_ids``, an ``Encoding`` with ``ids``. Padding that an attention mask names is left out. A text is
refused: which tokenizer, and with what in front, is the caller's to say.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

import numpy as np
import torch

from specdec_lib.decoding import sentences
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.numbers import counted, plain_numbers

_IDS = ("int", "uint")
_ANY = ("",)
_NO_SEQUENCE = (str, bytes, bytearray, memoryview, Mapping, set, frozenset)
"""What can be iterated and holds no ids: text, its bytes, names, what has no order."""


def prompt_ids_of(prompt: Any, vocab_size: int) -> list[int]:
    """The ids of ``prompt``.

    Raises:
        InvalidArgument: no ids, ids that are no whole numbers or outside ``[0, vocab_size)``, several
            sequences, or something that holds no ids, by name.
    """
    ids = _masked(*_taken(prompt))
    _refuse_messages(ids)
    if not ids:
        raise InvalidArgument(sentences.EMPTY_PROMPT)
    plain = all(type(i) is int for i in ids)
    whole = ids if plain else [_whole(i, place) for place, i in enumerate(ids)]
    if min(whole) < 0 or max(whole) >= vocab_size:
        place, found = next((n, i) for n, i in enumerate(whole) if not 0 <= i < vocab_size)
        raise InvalidArgument(sentences.IDS_BEYOND_VOCABULARY.format(vocab_size, found, place))
    return whole


def _taken(prompt: Any) -> tuple[list[Any], list[Any] | None]:
    """One sequence out of what was given, and its attention mask."""
    if isinstance(prompt, str):
        raise InvalidArgument(sentences.PROMPT_IS_A_TEXT)
    if _is_mapping(prompt):
        if "input_ids" not in prompt:
            _refuse_messages([prompt])
            raise InvalidArgument(sentences.NO_INPUT_IDS.format(sorted(map(str, prompt))))
        mask = prompt.get("attention_mask")
        return _sequence(prompt["input_ids"]), None if mask is None else _sequence(mask, _ANY)
    if hasattr(prompt, "ids") and hasattr(prompt, "attention_mask"):
        return _sequence(prompt.ids), _sequence(prompt.attention_mask, _ANY)
    return _sequence(prompt), None


def _refuse_messages(values: list[Any]) -> None:
    """A conversation is no prompt yet: which template puts it into text, only its model's tokenizer knows."""
    if values and isinstance(values[0], Mapping) and "role" in values[0]:
        raise InvalidArgument(sentences.PROMPT_IS_A_CONVERSATION.format(counted(len(values), "message")))


def _sequence(values: Any, kinds: tuple[str, ...] = _IDS) -> list[Any]:
    """The elements of one sequence, also of ``[1, n]``; an array's are of one of ``kinds``."""
    if _is_array(values):
        _check_kind(values.dtype, kinds)
        values = _listed(values)
    if isinstance(values, _NO_SEQUENCE) or not is_iterable(values):
        raise InvalidArgument(sentences.NO_SEQUENCE.format(_short(values, 60)))
    ids = list(values)
    if ids and _is_sequence(ids[0]):
        if len(ids) != 1:
            raise InvalidArgument(sentences.SEVERAL_PROMPTS.format(len(ids)))
        return _sequence(ids[0], kinds)
    return ids


def _listed(values: torch.Tensor | np.ndarray) -> Any:
    """The numbers of an array; a tensor without numbers, or with few of them, has none to read off."""
    if isinstance(values, torch.Tensor):
        if values.is_meta:
            raise InvalidArgument(sentences.PROMPT_ON_META)
        if values.is_nested or values.layout is not torch.strided:
            layout = "nested" if values.is_nested else str(values.layout).removeprefix("torch.")
            raise InvalidArgument(sentences.NO_DENSE_TENSOR.format(layout))
    return plain_numbers(values)


def _short(value: Any, room: int) -> str:
    """What a value is called in a line: one line of it, whatever it is."""
    try:
        said = " ".join(repr(value).split())
    except Exception:  # an object of the caller's own, or one whose repr needs the numbers that it lacks
        said = f"an object of type {type(value).__name__}"
    if len(said) <= room:
        return said
    return f"{said[: room - 2]}…{said[0]}" if isinstance(value, str) else f"{said[: room - 1]}…"


def is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    """Whether a value can be gone through; unlike ``isinstance`` alone, it says what is in it: anything."""
    return isinstance(value, Iterable)


def _is_array(value: object) -> TypeGuard[torch.Tensor | np.ndarray]:
    return isinstance(value, (torch.Tensor, np.ndarray))


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_sequence(value: Any) -> bool:
    dimensions = getattr(value, "ndim", None)
    return isinstance(value, (list, tuple)) if dimensions is None else dimensions > 0


def _check_kind(dtype: Any, kinds: tuple[str, ...]) -> None:
    name = str(dtype).removeprefix("torch.")
    if not name.startswith(kinds):
        raise InvalidArgument(sentences.VALUES_ARE_NO_IDS.format(name))


def _whole(value: Any, place: int) -> int:
    """One id in its plain type."""
    kind = str(getattr(value, "dtype", type(value).__name__)).removeprefix("torch.")
    try:
        if not kind.startswith("bool"):
            return operator.index(value)
    except (TypeError, ValueError, RuntimeError):  # not whole; not one number; no number at all
        pass
    raise InvalidArgument(sentences.NO_ID.format(_short(value, 40), kind, place))


def _is_shown(value: Any) -> bool:
    """What one place of a mask says; one that is added to scores (0 and minus infinity) says it otherwise."""
    try:
        if value == 0 or value == 1:
            return bool(value)
    except (TypeError, ValueError, RuntimeError):  # not one number, or no number at all
        pass
    raise InvalidArgument(sentences.ODD_MASK_VALUE.format(_short(value, 40)))


def _masked(ids: list[Any], mask: list[Any] | None) -> list[Any]:
    """The ids that the mask shows; padding may stand on either side, and nowhere else."""
    if mask is None:
        return ids
    seen = [place for place, shown in enumerate(mask) if _is_shown(shown)]
    if len(mask) != len(ids) or (seen and seen[-1] - seen[0] + 1 != len(seen)):
        raise InvalidArgument(sentences.MASK_WITH_HOLES.format(len(mask), len(ids), len(seen)))
    return [ids[place] for place in seen]
