"""Prompts cut to what is worth reading, with what the tokenizer puts in front of every text still there.

A model that was trained behind ``<bos>`` is another one without it. So a prompt is cut behind its lead: the
ids that all texts begin with, such as ``<bos>`` or the head of a chat template.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING

from specdec_lib.data.prompts import RawPrompt
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.logging import get_logger
from specdec_lib.utils.numbers import counted

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from specdec_lib.models.wrapper import ModelWrapper

LONGEST_TEXT = 64
"""Tokens of a prompt, beside its lead, that are worth reading; of longer ones the end is kept."""


def common_lead(texts: Sequence[Sequence[int]]) -> list[int]:
    """The ids that all of ``texts`` begin with."""
    columns = takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False))
    return [column[0] for column in columns]


def special_lead(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase | None) -> int:
    """How many special tokens ``ids`` begin with; 0 without a tokenizer."""
    special = set() if tokenizer is None else set(tokenizer.all_special_ids)
    return next((place for place, token in enumerate(ids) if token not in special), len(ids))


def cut_to_room(ids: Sequence[int], room: int, lead: int = 0) -> list[int]:
    """The first ``lead`` ids and the last ones, ``room`` together; all of them where they fit."""
    if len(ids) <= room:
        return list(ids)
    lead = min(lead, max(0, room - 1))
    return [*ids[:lead], *ids[len(ids) - (room - lead) :]]


def proof_prompts(
    target: ModelWrapper,
    rows: Sequence[RawPrompt],
    num_tokens: int,
    *,
    chat: bool = False,
    operation: str = "verify",
) -> list[list[int]]:
    """The prompts of a proof as the target's ids: cut to what is worth reading, their lead and end kept.

    Args:
        rows: texts and chats; a chat is put into the words of the target's own template. Of one with many
            turns the first is read, which is said.
        num_tokens: tokens that have to fit in the context behind each.
        chat: texts are a user's turns.
        operation: what messages begin with.

    Raises:
        InvalidArgument: the context has no room for a token of a prompt beside its lead.
        SpecDecError: a chat, and the target has no chat template.
    """
    heads: dict[bool, list[int]] = {}
    prompts = []
    if begun := [row for row in rows if row.later]:
        said = f"of {counted(len(begun), 'chat')} the turns after the first are left out"
        get_logger(__name__).warning(f"{operation}: {said} ({begun[0].place})")
    for row in rows:
        is_chat = chat or row.messages is not None
        ids = list(target.encode_chat(row.turns)) if is_chat else target.encode(row.text or "")
        if is_chat not in heads:
            heads[is_chat] = list(target.encode_chat("0") if is_chat else target.encode(""))
        lead = len(common_lead([heads[is_chat], ids]))
        room = LONGEST_TEXT + lead
        if target.context_length is not None:
            room = min(room, target.context_length - num_tokens)
        if room <= lead:
            raise InvalidArgument(
                f"{operation}: {target.name} sees {target.context_length} tokens; {num_tokens} new ones do "
                f"not fit behind a prompt of {lead + 1}; give fewer --tokens"
            )
        prompts.append(cut_to_room(ids, room, lead))
    return prompts


def in_turn(rows: Sequence[RawPrompt], limit: int | None = None) -> list[RawPrompt]:
    """``rows`` with their domains in turn, at most ``limit`` of each, so that the first few are of all."""
    domains: dict[str, list[RawPrompt]] = {}
    for row in rows:
        domains.setdefault(row.domain, []).append(row)
    columns = zip_longest(*(own[:limit] for own in domains.values()))
    return [row for column in columns for row in column if row is not None]
