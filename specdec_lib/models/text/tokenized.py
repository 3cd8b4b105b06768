"""A model's tokenizer, as the model speaks through it: texts to ids, ids to text, chats to ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

from transformers import PreTrainedTokenizerBase

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.text.ids import Message, behind, decoded, encode_chat, encoded


class Tokenized:
    """What has a name and a tokenizer, or None in its place: every method then raises InvalidArgument."""

    name: str
    tokenizer: PreTrainedTokenizerBase | None

    def encode(self, text: str) -> list[int]:
        """Token ids of a text that is to go on: what the tokenizer puts in front, once; nothing behind."""
        return encoded(self._tokenizer("encode"), text)

    def encode_chat(self, messages: Sequence[Message] | str) -> list[int]:
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
        return list(self._tokenizer("token_text")("a", add_special_tokens=False)["input_ids"])

    def _tokenizer(self, operation: str) -> PreTrainedTokenizerBase:
        if self.tokenizer is None:
            raise InvalidArgument(f"{operation}: {self.name} was wrapped without a tokenizer; pass one")
        return self.tokenizer
