"""The tokenizer of a GGUF file as the tokenizer.json and tokenizer_config.json that say the same.

Two kinds: byte-level (``gpt2``), whose merges stand in the file and whose splitting has a name there, and
sentencepiece-like (``llama``), whose merges follow from the scores of its tokens. What decides the ids of a
text (splitting, spaces, added tokens, the token of the beginning) is taken from the file's own metadata;
where llama.cpp fills in what a file leaves out, so does this, with the same values.
"""

from __future__ import annotations

import re
from typing import Any

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.gguf import sentences
from specdec_lib.models.gguf.header import GgufFile
from specdec_lib.models.gguf.splitting import SPLITTINGS

_UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = 2, 3, 4, 5, 6
_NEVER_MERGED = (_UNKNOWN, _CONTROL, _BYTE)
_SPACE = "▁"
_PADDING = re.compile(r"\[PAD\d+\]")
"""What a converter calls rows of the embedding that no token has."""
_ENDS = ("eos_token_id", "eot_token_id", "eom_token_id")
_SPECIAL = {"bos": "bos", "eos": "eos", "unknown": "unk", "padding": "pad"}
_SPACED_IDS = ("<unk>", "<s>", "<|endoftext|>")
"""Special tokens of Phi-3 that leave the white space behind them alone; its others swallow it."""


def named_ends(file: GgufFile) -> list[int]:
    """Ids that end a text, as the file names them: of a text, of a turn, of a message; each once."""
    named = [_about(file, name) for name in _ENDS] + list(_about(file, "eos_token_ids") or ())
    return list(dict.fromkeys(int(i) for i in named if i is not None))


def described_tokenizer(file: GgufFile) -> tuple[dict[str, Any], dict[str, Any]]:
    """tokenizer.json and tokenizer_config.json of a file.

    Raises:
        ModelUnavailable: no tokens, or a kind of tokenizer or a splitting that is not known here.
    """
    tokens, kinds = _about(file, "tokens"), _about(file, "token_type")
    if not isinstance(tokens, list) or not tokens:
        raise ModelUnavailable(sentences.HOLDS_NO_TOKENIZER.format(file.model_id))
    if not isinstance(kinds, list) or len(kinds) != len(tokens):
        kinds = [1] * len(tokens)
    kind = _about(file, "model")
    makers = {"gpt2": _byte_level, "llama": _sentencepiece}
    if kind not in makers:
        raise ModelUnavailable(sentences.TOKENIZER_IS_NOT_READ.format(file.model_id, kind, ", ".join(makers)))
    tokens = _without_padding(tokens, kinds)
    parts, adds_bos = makers[kind](file, tokens, kinds)
    special = _special(file, tokens)
    adds = {name: _about(file, f"add_{name}_token") for name in ("bos", "eos")}
    bos = special.get("bos_token") if (adds_bos if adds["bos"] is None else adds["bos"]) else None
    eos = special.get("eos_token") if adds["eos"] else None
    ids = {token: token_id for token_id, token in enumerate(tokens) if token is not None}
    described = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(file, tokens, kinds, kind),
        "post_processor": _framed(bos, eos, ids),
        **parts,
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **special,
    }
    template = file.metadata.get("tokenizer.chat_template")
    return described, settings | ({"chat_template": template} if template else {})


def _about(file: GgufFile, name: str) -> Any:
    return file.metadata.get(f"tokenizer.ggml.{name}")


def _without_padding(tokens: list[str], kinds: list[int]) -> list[str | None]:
    """The tokens by id; None for a row that only pads the embedding."""
    both = zip(tokens, kinds, strict=True)
    return [None if kind == _UNUSED and _PADDING.fullmatch(token) else token for token, kind in both]


def _special(file: GgufFile, tokens: list[str | None]) -> dict[str, str]:
    """Names of the special tokens in tokenizer_config.json, of ids in the file."""
    found = {}
    for theirs, ours in _SPECIAL.items():
        token_id = _about(file, f"{theirs}_token_id")
        if token_id is None:
            continue
        if not 0 <= token_id < len(tokens):
            raise ModelUnavailable(
                sentences.NAMES_NO_TOKEN.format(file.model_id, theirs, token_id, len(tokens))
            )
        token = tokens[token_id]
        found |= {} if token is None else {f"{ours}_token": token}
    return found


def _added(file: GgufFile, tokens: list[str | None], kinds: list[int], kind: str) -> list[dict[str, Any]]:
    """Tokens that are found in a text as they stand: control tokens, which are special, and a user's own.

    Runs of spaces of a sentencepiece-like vocabulary are left to its merges, which find the same ones.
    """
    strips = file.architecture == "phi3" and kind == "llama"
    return [
        {
            "id": token_id,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": strips and token not in _SPACED_IDS,
            "normalized": False,
            "special": kinds[token_id] != _USER_DEFINED,
        }
        for token_id, token in enumerate(tokens)
        if token
        and kinds[token_id] in (_CONTROL, _USER_DEFINED, _UNKNOWN)
        and not (kind == "llama" and not token.strip(" "))
    ]


def _framed(bos: str | None, eos: str | None, ids: dict[str, int]) -> dict[str, Any] | None:
    """What stands before and behind a text."""
    if bos is None and eos is None:
        return None

    def around(name: str, place: int) -> list[dict[str, Any]]:
        text = [{"Sequence": {"id": name, "type_id": place}}]
        frame = [
            [] if token is None else [{"SpecialToken": {"id": token, "type_id": place}}]
            for token in (bos, eos)
        ]
        return frame[0] + text + frame[1]

    named = [token for token in (bos, eos) if token is not None]
    return {
        "type": "TemplateProcessing",
        "single": around("A", 0),
        "pair": around("A", 0) + around("B", 1),
        "special_tokens": {token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in named},
    }


def _model(vocabulary: dict[str, int], merges: list[list[str]], **options: Any) -> dict[str, Any]:
    plain = {
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
    }
    plain |= {"fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    return {"type": "BPE", **plain, **options, "vocab": vocabulary, "merges": merges}


def _byte_level(file: GgufFile, tokens: list[str | None], kinds: list[int]) -> tuple[dict[str, Any], bool]:
    name, merges = _about(file, "pre"), _about(file, "merges")
    if name not in SPLITTINGS:
        said = sentences.DOES_NOT_SAY_HOW
        said = said if name is None else sentences.SPLITS_AS.format(name)
        raise ModelUnavailable(sentences.SPLITS_UNKNOWN.format(file.model_id, said))
    if not isinstance(merges, list):
        raise ModelUnavailable(sentences.LACKS_MERGES.format(file.model_id))
    rule = SPLITTINGS[name]
    vocabulary = {token: token_id for token_id, token in enumerate(tokens) if token}
    pairs = [_pair(merge) for merge in merges]
    parts = {
        "normalizer": rule.normalizer,
        "pre_tokenizer": rule.pre_tokenizer,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": _model(vocabulary, pairs, ignore_merges=rule.ignore_merges),
    }
    return parts, rule.add_bos


def _pair(merge: str) -> list[str]:
    """The two sides of a merge; a side never begins with the space between them."""
    at = merge.find(" ", 1)
    return [merge[:at], merge[at + 1 :]]


def _sentencepiece(file: GgufFile, tokens: list[str | None], kinds: list[int]) -> tuple[dict[str, Any], bool]:
    spelled = [token if token is None or token.strip(" ") else _SPACE * len(token) for token in tokens]
    vocabulary = {token: token_id for token_id, token in enumerate(spelled) if token}
    merges, scores = _about(file, "merges"), _about(file, "scores")
    if isinstance(merges, list) and merges:
        pairs = [_pair(merge) for merge in merges]
    elif isinstance(scores, list) and len(scores) == len(tokens):
        pairs = _merges(vocabulary, scores, kinds, file.architecture.startswith("gemma"))
    else:
        raise ModelUnavailable(sentences.LACKS_SCORES.format(file.model_id))
    unknown = _about(file, "unknown_token_id")
    named = spelled[unknown] if unknown is not None and 0 <= unknown < len(spelled) else None
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}
    back = [
        {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if _about(file, "add_space_prefix") is not False:
        first = [{"type": "Prepend", "prepend": _SPACE}]
        back.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    else:
        first = []
    parts = {
        "normalizer": {"type": "Sequence", "normalizers": [*first, spaces]},
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": back},
        "model": _model(vocabulary, pairs, unk_token=named, fuse_unk=True, byte_fallback=True),
    }
    return parts, True


def _merges(
    vocabulary: dict[str, int], scores: list[float], kinds: list[int], of_gemma: bool
) -> list[list[str]]:
    """Every way to make a token of two others, the best-scored token first: what sentencepiece does.

    In the order of the tokenizer.json that each family published. Llama's: ways of equal score by the ids of
    the token, of its first side, of its second. Gemma's, whose scores in a file are not those of its merges:
    a user's own tokens, those of the longest sides first, and then by the ids.
    """

    def place(token: str, token_id: int, at: int) -> tuple[float, ...]:
        if of_gemma and kinds[token_id] == _USER_DEFINED:
            return -1, -at, at - len(token)
        first = token_id if of_gemma else -scores[token_id]
        return first, token_id, vocabulary[token[:at]], vocabulary[token[at:]]

    ways = [
        (*place(token, token_id, at), token, at)
        for token, token_id in vocabulary.items()
        if kinds[token_id] not in _NEVER_MERGED
        for at in range(1, len(token))
        if token[:at] in vocabulary and token[at:] in vocabulary
    ]
    return [[token[:at], token[at:]] for *_, token, at in sorted(ways)]
