"""A tokenizer as a GGUF file has it: tokens, their types, merges or scores, and the name of its splitting.

A file holds no rule for splitting a text but a name that llama.cpp knows one by; a tokenizer whose rule has
no name among those that :mod:`specdec_lib.models.gguf.splitting` knows is refused, since the same text would
have other ids there. Sentencepiece-like ones are written by scores, of which llama.cpp makes its merges.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from gguf import GGUFWriter, TokenType
from transformers import PreTrainedTokenizerBase

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.export import sentences
from specdec_lib.models.gguf.splitting import SPLITTINGS
from specdec_lib.models.text.tokenizer import plain_part

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_UNMERGED = -1e4
"""The score of a token that no merge leads to: below that of any that one does."""
_END_NAMES = frozenset(
    (
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<end_of_turn>", "<|endoftext|>",
        "<|eom_id|>", "<EOT>", "<|end_of_text|>", "<end_of_utterance>", "<eos>", "</s>",
    )
)  # fmt: skip
"""Tokens at which llama.cpp ends a text by their names, whatever a file says (the usual ones of its list)."""


def add_tokenizer(
    writer: GGUFWriter, model_id: str, tokenizer: PreTrainedTokenizerBase, rows: int, ends: Sequence[int]
) -> None:
    """Add what a file says of a tokenizer.

    Args:
        rows: of the embedding; what has no token is padded.
        ends: ids that end a text.

    Raises:
        ModelUnavailable: a tokenizer, or something of one, that such a file cannot say.
    """
    described = described_backend(model_id, tokenizer)
    is_spaced = bool(described["model"].get("byte_fallback"))
    tokens, kinds = _tokens(model_id, tokenizer, described, rows)
    if is_spaced:
        if (described["pre_tokenizer"] or {}).get("type") not in (None, "Metaspace"):
            raise ModelUnavailable(sentences.SPLITS_BESIDE_SCORES.format(model_id))
        writer.add_tokenizer_model("llama")
        writer.add_token_scores(_scores(tokens, described["model"]["merges"]))
        writer.add_add_space_prefix(_puts_space_first(tokenizer))
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(_splitting(model_id, described))
        writer.add_token_merges([" ".join(_pair(merge)) for merge in described["model"]["merges"]])
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    _add_special(writer, model_id, tokenizer, ends)
    template = getattr(tokenizer, "chat_template", None)
    if isinstance(template, str):
        writer.add_chat_template(template)


def described_backend(model_id: str, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """A tokenizer as its tokenizer.json.

    Raises:
        ModelUnavailable: it has none, or one of a kind that is not written.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelUnavailable(sentences.HAS_NO_FAST_TOKENIZER.format(model_id))
    described = json.loads(backend.to_str())
    model = described["model"]
    known = model.get("type") == "BPE" and not model.get("continuing_subword_prefix")
    if not known or model.get("end_of_word_suffix") or model.get("dropout"):
        raise ModelUnavailable(sentences.TOKENIZER_IS_NOT_WRITTEN.format(model_id, model.get("type")))
    return described


def ends_by_name(tokenizer: PreTrainedTokenizerBase, ends: Iterable[int]) -> list[str]:
    """Tokens that end no text of this model, and at which llama.cpp ends one by their names."""
    held = tokenizer.get_vocab()
    return sorted(name for name in _END_NAMES & held.keys() if held[name] not in ends)


def _tokens(
    model_id: str, tokenizer: PreTrainedTokenizerBase, described: dict[str, Any], rows: int
) -> tuple[list[str], list[int]]:
    """Every row's token and its type."""
    by_id = {token_id: token for token, token_id in tokenizer.get_vocab().items()}
    if max(by_id) >= rows:
        raise ModelUnavailable(sentences.MORE_TOKENS_THAN_ROWS.format(model_id, max(by_id), rows))
    added = {entry["id"]: entry for entry in described["added_tokens"]}
    unknown = described["model"].get("unk_token")
    is_spaced = bool(described["model"].get("byte_fallback"))
    tokens, kinds = [], []
    for row in range(rows):
        token = by_id.get(row)
        if token is None:
            kind, token = TokenType.UNUSED, f"[PAD{row}]"
        elif is_spaced and token == unknown:
            kind = TokenType.UNKNOWN
        elif row in added:
            _refuse_odd_token(model_id, added[row])
            kind = TokenType.CONTROL if added[row]["special"] else TokenType.USER_DEFINED
        else:
            kind = TokenType.BYTE if is_spaced and _BYTE.fullmatch(token) else TokenType.NORMAL
        tokens.append(token)
        kinds.append(int(kind))
    return tokens, kinds


def _refuse_odd_token(model_id: str, entry: dict[str, Any]) -> None:
    for field, said in (
        ("lstrip", sentences.SWALLOWS_SPACES),
        ("rstrip", sentences.SWALLOWS_SPACES),
        ("single_word", sentences.IS_A_WORD),
    ):
        if entry.get(field):
            raise ModelUnavailable(sentences.TOKEN_STRIPS.format(model_id, entry["content"], said))


def _splitting(model_id: str, described: dict[str, Any]) -> str:
    """The name of the rule by which a byte-level tokenizer cuts text before it merges."""
    wanted = _rule(described["pre_tokenizer"], described["normalizer"], described["model"])
    for name, rule in SPLITTINGS.items():
        if wanted == _rule(rule.pre_tokenizer, rule.normalizer, {"ignore_merges": rule.ignore_merges}):
            return name
    raise ModelUnavailable(sentences.SPLITTING_HAS_NO_NAME.format(model_id, ", ".join(SPLITTINGS)))


def _rule(splits: dict | None, normalises: dict | None, model: dict[str, Any]) -> tuple[Any, ...]:
    merges_whole = bool(model.get("ignore_merges"))
    return plain_part("pre_tokenizer", splits), plain_part("normalizer", normalises), merges_whole


def _pair(merge: str | Sequence[str]) -> Sequence[str]:
    return merge.split(" ") if isinstance(merge, str) else merge


def _scores(tokens: Sequence[str], merges: Iterable[str | Sequence[str]]) -> list[float]:
    """By rank of the first merge that makes a token, the first the highest: what sentencepiece keeps."""
    ranks: dict[str, int] = {}
    for merge in merges:
        ranks.setdefault("".join(_pair(merge)), len(ranks))
    return [-float(ranks[token]) if token in ranks else _UNMERGED - row for row, token in enumerate(tokens)]


def _puts_space_first(tokenizer: PreTrainedTokenizerBase) -> bool:
    first = tokenizer.convert_ids_to_tokens(tokenizer("a", add_special_tokens=False)["input_ids"])
    return bool(first) and str(first[0]).startswith("▁")


def _add_special(
    writer: GGUFWriter, model_id: str, tokenizer: PreTrainedTokenizerBase, ends: Sequence[int]
) -> None:
    """Ids of special tokens, and whether the beginning's and the end's stand around every text."""
    bare, framed = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (False, True))
    at = next((i for i in range(len(framed)) if framed[i : i + len(bare)] == bare), 0)
    before, behind = framed[:at], framed[at + len(bare) :]
    bos: Any = tokenizer.bos_token_id
    if before not in ([], [bos]) or behind not in ([], [tokenizer.eos_token_id]):
        raise ModelUnavailable(sentences.FRAMES_TEXTS_OTHERWISE.format(model_id, before, behind))
    if len(ends) > 3:
        raise ModelUnavailable(sentences.TOO_MANY_ENDS.format(model_id, len(ends)))
    ordered = sorted(ends, key=lambda end: end != tokenizer.eos_token_id)
    adders = (writer.add_eos_token_id, writer.add_eot_token_id, writer.add_eom_token_id)
    for add, end in zip(adders, ordered, strict=False):
        add(end)
    named: Any = (
        (writer.add_bos_token_id, bos),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
    )
    for tell, special in named:
        if special is not None:
            tell(special)
    writer.add_add_bos_token(bool(before))
    writer.add_add_eos_token(bool(behind))
