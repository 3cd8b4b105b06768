"""Prompts cut to what is worth reading, with what the tokenizer puts in front of every text still there.

A model that was trained behind ``<bos>`` is another one without it. So a prompt is cut behind its lead: the
ids that all texts begin with, such as ``<bos>`` or the head of a chat template. Nothing here knows texts.
"""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase


def common_lead(texts: Sequence[Sequence[int]]) -> list[int]:
    """The ids that all of ``texts`` begin with."""
    lead = []
    for column in zip(*texts, strict=False):
        if len(set(column)) > 1:
            break
        lead.append(column[0])
    return lead


def special_lead(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase | None) -> int:
    """How many special tokens ``ids`` begin with; 0 without a tokenizer."""
    special = set() if tokenizer is None else set(tokenizer.all_special_ids)
    return next((place for place, token in enumerate(ids) if token not in special), len(ids))


def shortened(ids: Sequence[int], room: int, lead: int = 0) -> list[int]:
    """The first ``lead`` ids and the last ones, ``room`` together; all of them where they fit."""
    if len(ids) <= room:
        return list(ids)
    lead = min(lead, max(0, room - 1))
    return [*ids[:lead], *ids[len(ids) - (room - lead) :]]
