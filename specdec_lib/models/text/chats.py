"""Whether the chat template of a model takes given chats, found out before its weights are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.source import find_source
from specdec_lib.models.text.ids import encode_chat
from specdec_lib.models.text.tokenizer import load_tokenizer


def require_chats(model_id: str, chats: Iterable[tuple[str, str | list[dict[str, Any]]]]) -> None:
    """Refuse a chat that the template does not take.

    Args:
        chats: where each stands, to be named, and its turns.

    Raises:
        InvalidArgument: the model has no chat template, or one that refuses a chat.
        ModelUnavailable: its tokenizer cannot be had.
    """
    tokenizer = load_tokenizer(find_source(model_id))
    for place, turns in chats:
        try:
            encode_chat(tokenizer, turns)
        except InvalidArgument as error:
            why = str(error).removeprefix("chat: ")
            raise InvalidArgument(f"{place}: {why} ({model_id})") from error
