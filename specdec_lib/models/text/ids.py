"""The one place where ids become text and text becomes ids.

Many decoders are no homomorphism: they strip the space in front of a text, join pieces by spaces, merge equal
neighbours, or need four tokens for one character. So the text of a continuation is what the decoder adds
*behind* the ids before it, never the text of the continuation alone; and a few ids of context are enough, so
that a token costs the same wherever it stands. The other way round, a prompt begins as the tokenizer begins
texts, once, and never ends as it ends them. Nothing here knows weights or rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import takewhile
from typing import Any, cast

from transformers import PreTrainedTokenizerBase

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.text import sentences

Decode = Callable[[Sequence[int]], str]
ChatMessage = Mapping[str, Any]

_INCOMPLETE = "\ufffd"
_LEAD = 6
"""Ids of context: a character has at most four bytes, and a decoder looks at few neighbours."""
_LEADS = (_LEAD, 7, 8, 9, 12, 24, 48)
"""How many to try: among four places in a row a character begins, and special tokens may show nothing."""


# -- ids to text ----------------------------------------------------------------------------------


def decoded(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
    """Text of ids that begin a text, spaces as the model wrote them."""
    options = {"skip_special_tokens": skip_special_tokens, "clean_up_tokenization_spaces": False}
    return cast(str, tokenizer.decode(list(ids), **options))  # several texts only for several lists of ids


def lead_of(decode: Decode, ids: Sequence[int]) -> list[int]:
    """The last few of ``ids``: they show something if they do at all, and begin with a whole character."""
    for count in _LEADS:
        lead = list(ids[-count:])
        text = decode(lead)
        if count >= len(ids) or (text.strip() and not text.startswith(_INCOMPLETE)):
            return lead
    return list(ids[-_LEAD:])


def behind(decode: Decode, before: Sequence[int], ids: Sequence[int]) -> str:
    """What ``ids`` add to the text of the ids ``before`` them: its leading space, the rest of a character."""
    lead = lead_of(decode, before)
    added = _added(_complete(decode, lead), decode([*lead, *ids]))
    if _INCOMPLETE not in added:
        return added
    stream = TokenText(decode, lead)  # half a character at the end spoils none before it
    return "".join(map(stream.add, ids)) + stream.flush()


def first_to_complete(
    decode: Decode,
    before: Sequence[int],
    emitted: Sequence[int],
    new_ids: Sequence[int],
    texts: Sequence[str],
) -> int | None:
    """How many of ``new_ids`` it takes until one of ``texts`` stands in a text; None if it never does.

    The text is what ``emitted`` and they add to that of the ids ``before``. Only its end is decoded, as far
    back as the longest of ``texts`` may reach: a token costs the same wherever it stands.
    """
    lead, recent = _reach(decode, before, emitted, max(map(len, texts)))
    shown = _complete(decode, lead)
    for count in range(1, len(new_ids) + 1):
        added = _added(shown, decode([*lead, *recent, *new_ids[:count]]))
        if any(text in added for text in texts):
            return count
    return None


def _reach(
    decode: Decode, before: Sequence[int], emitted: Sequence[int], length: int
) -> tuple[list[int], list[int]]:
    """The last of ``emitted``, which show at least ``length`` characters, and a few ids before those."""
    count = length + _LEAD
    while True:
        first = max(0, len(emitted) - count)
        lead = lead_of(decode, [*before, *emitted[max(0, first - _LEADS[-1]) : first]])
        recent = list(emitted[first:])
        added = _added(_complete(decode, lead), decode([*lead, *recent]))
        whole = len(added) - added.count(_INCOMPLETE)
        enough = whole >= length or (len(added) >= length and count >= _LEAD + 4 * length)
        if first == 0 or enough:
            return lead, recent
        count *= 2


def _complete(decode: Decode, ids: list[int]) -> str:
    """The text of ``ids`` without half a character at its end."""
    text = decode(ids)
    if text.endswith(_INCOMPLETE):
        for count in range(1, min(4, len(ids) + 1)):
            shorter = decode(ids[:-count])
            if not shorter.endswith(_INCOMPLETE):
                return shorter
    return text


def _added(shown: str, whole: str) -> str:
    """``whole`` without what it shares with ``shown``."""
    if whole.startswith(shown):
        return whole[len(shown) :]
    same = takewhile(lambda pair: pair[0] == pair[1], zip(shown, whole, strict=False))
    return whole[sum(1 for _ in same) :]


@dataclass(eq=False)
class TokenText:
    """Turns ids into pieces of text, one at a time.

    ``decode`` is the tokenizer's; ``context`` the ids before the first one. The pieces put end to end are
    what all ids add to the text; a piece is empty while its last character is incomplete.
    """

    decode: Decode
    context: Sequence[int] = ()

    def __post_init__(self) -> None:
        self._advance(list(self.context))

    def add(self, token_id: int) -> str:
        """The text that ``token_id`` completes."""
        self._ids.append(token_id)
        self._waiting += 1
        whole = self.decode(self._ids)
        if not whole.endswith(_INCOMPLETE):
            return self._release(whole, len(self._ids))
        return self._hopeless(whole) if self._waiting > _LEAD else ""

    def flush(self) -> str:
        """What is left at the end: bytes that never became a character."""
        return self._release(self.decode(self._ids), len(self._ids))

    def _hopeless(self, whole: str) -> str:
        """The text of ids that wait in vain: no character is so long that theirs may still come."""
        for count in range(len(self._ids) - 3, len(self._ids) - _LEAD, -1):
            ready = self.decode(self._ids[:count])
            if whole.startswith(ready):
                return self._release(ready, count)
        return ""

    def _release(self, whole: str, count: int) -> str:
        piece, rest = _added(self._shown, whole), self._ids[count:]
        self._advance(self._ids[:count])
        self._ids += rest
        self._waiting = len(rest)
        return piece

    def _advance(self, ids: list[int]) -> None:
        self._ids = lead_of(self.decode, ids)
        self._shown, self._waiting = _complete(self.decode, self._ids), 0


# -- text to ids ----------------------------------------------------------------------------------


def encoded(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Ids of a text that is to go on.

    What the tokenizer puts in front of a text stands there once, also where the text begins with it; what it
    puts behind one (an end of text) is left out.
    """
    bare = _bare(tokenizer, text)
    front = _front(tokenizer, text if bare else "a", bare or _bare(tokenizer, "a"))
    return bare if bare[: len(front)] == front else [*front, *bare]


def _bare(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The ids of ``text`` and nothing around them."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _front(tokenizer: PreTrainedTokenizerBase, text: str, bare: list[int]) -> list[int]:
    """The ids that the tokenizer puts in front of ``text``, whose own ids are ``bare``."""
    whole = list(tokenizer(text)["input_ids"])
    places = (at for at in range(len(whole) - len(bare) + 1) if whole[at : at + len(bare)] == bare)
    return whole[: next(places, 0)]


def encode_chat(tokenizer: PreTrainedTokenizerBase, messages: Sequence[ChatMessage] | str) -> list[int]:
    """Ids of a conversation as the tokenizer's chat template writes it, up to where the answer begins.

    Args:
        messages: ``{"role": …, "content": …}`` one after the other; a text is one message of the user.

    Raises:
        InvalidArgument: no chat template, no messages, or messages that the template refuses.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise InvalidArgument(sentences.NO_CHAT_TEMPLATE)
    turns: list[Any] = list(messages)
    if isinstance(messages, str):
        turns = [{"role": "user", "content": messages}]
    if not turns or not all(isinstance(turn, Mapping) and "role" in turn for turn in turns):
        raise InvalidArgument(sentences.NO_MESSAGES.format(messages))
    try:
        text: Any = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except Exception as error:  # a template is a program of the model's own: whatever it raises
        said = " ".join(f"{type(error).__name__}: {error}".split())  # a syntax error shows its lines
        raise InvalidArgument(sentences.TEMPLATE_REFUSES.format(said)) from error
    return _bare(tokenizer, text)


class Tokenized:
    """What has a name and a tokenizer, or None in its place: every method then raises InvalidArgument."""

    name: str
    tokenizer: PreTrainedTokenizerBase | None

    def encode(self, text: str) -> list[int]:
        """Token ids of a text that is to go on: what the tokenizer puts in front, once; nothing behind."""
        return encoded(self._tokenizer("encode"), text)

    def encode_chat(self, messages: Sequence[ChatMessage] | str) -> list[int]:
        """Token ids of a conversation, up to where the answer begins; a text is one message of the user.

        Raises InvalidArgument: no chat template, or messages that it refuses.
        """
        return encode_chat(self._tokenizer("encode_chat"), messages)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """Text of token ids that begin a text, spaces as the model wrote them."""
        return decoded(self._tokenizer("decode"), ids, skip_special_tokens)

    def continuation(
        self, before: Sequence[int], ids: Sequence[int], skip_special_tokens: bool = True
    ) -> str:
        """What ``ids`` add to the text of the ids ``before`` them; a leading space stays."""
        return behind(partial(self.decode, skip_special_tokens=skip_special_tokens), before, ids)

    def token_text(self, token_id: int) -> str:
        """One token as it reads within a text: its leading space stays, a special token shows its name."""
        decode = partial(self.decode, skip_special_tokens=False)
        return behind(decode, self._some_word, [token_id]) or decode([token_id])

    @cached_property
    def _some_word(self) -> list[int]:
        """Ids of the middle of a text."""
        return _bare(self._tokenizer("token_text"), "a")

    def _tokenizer(self, operation: str) -> PreTrainedTokenizerBase:
        if self.tokenizer is None:
            raise InvalidArgument(sentences.NO_TOKENIZER.format(operation, self.name))
        return self.tokenizer
