"""How a byte-level vocabulary cuts text before it merges bytes: the rules behind the names in GGUF files.

A file holds the name of a rule (``tokenizer.ggml.pre``) and not the rule; under another one the same text has
other ids than the model was trained on, while the vocabularies are equal. So a name that is not known here is
refused. The rules are those of the tokenizer.json that each family published, which llama.cpp's follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_LLAMA3 = rf"{_SHORT}|{_WORDS}|\p{{N}}{{1,3}}|{_REST}"
_QWEN2 = rf"{_SHORT}|{_WORDS}|\p{{N}}|{_REST}"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}


@dataclass(frozen=True)
class Splitting:
    """What a name stands for: the parts of a tokenizer.json that follow from it."""

    pre_tokenizer: dict[str, Any]
    normalizer: dict[str, Any] | None = None
    ignore_merges: bool = False
    """Whether a piece that is a token stays whole, though no merges lead to it."""
    add_bos: bool = False
    """Whether texts begin with the token of the beginning, where a file does not say."""


def _by_pattern(pattern: str, **more: Any) -> Splitting:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return Splitting({"type": "Sequence", "pretokenizers": [split, _BYTES | {"use_regex": False}]}, **more)


_GPT2 = Splitting(_BYTES | {"use_regex": True})
_DIGITS_APART = Splitting(
    {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, _GPT2.pre_tokenizer],
    }
)
_KNOWN = {
    ("gpt-2",): _GPT2,
    ("smollm", "starcoder", "refact"): _DIGITS_APART,
    ("llama-bpe", "llama3", "llama-v3", "falcon3"): _by_pattern(_LLAMA3, ignore_merges=True, add_bos=True),
    ("smaug-bpe",): _by_pattern(_LLAMA3),
    ("qwen2", "deepseek-r1-qwen"): _by_pattern(_QWEN2, normalizer={"type": "NFC"}),
    ("tekken",): _by_pattern(_TEKKEN, ignore_merges=True, add_bos=True),
}
SPLITTINGS = {name: splitting for names, splitting in _KNOWN.items() for name in names}
"""Every name that is known, and what it stands for."""
