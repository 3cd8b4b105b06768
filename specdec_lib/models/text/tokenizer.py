"""A model's tokenizer, as its file describes it.

``tokenizer.json`` says how text is cut: normalizer, pre-tokenizer, decoder, post-processor and the options of
its model. A class that ``tokenizer_config.json`` names may put its own in their place, and Transformers says
nothing of it: the same text then has other ids than the model was trained on, although the vocabularies are
equal. So what was loaded is compared with the file, part by part, and where they differ the file is right.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import transformers
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.source import Source, loading
from specdec_lib.models.text import sentences
from specdec_lib.models.text.ids import decoded
from specdec_lib.utils.logging import get_logger

_FILE = "tokenizer.json"
_TIKTOKEN_NAMES = ("tokenizer.model", "tiktoken.model")
_TIKTOKEN_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]+")
_VOCABULARIES = (_FILE, *_TIKTOKEN_NAMES, "tekken.json", "spiece.model", "vocab.json", "vocab.txt")
_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt")
_STEPS = {
    "normalizer": "normalizers",
    "pre_tokenizer": "pretokenizers",
    "decoder": "decoders",
    "post_processor": "processors",
}
"""The parts of a file, and what each calls the steps of a sequence."""
_OPTIONS = (
    "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "ignore_merges",
)  # fmt: skip
_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def load_tokenizer(source: Source) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, cutting text as its ``tokenizer.json`` says (where there is one).

    Raises:
        ModelUnavailable: it is missing, damaged, or needs code that does not come with Transformers.
    """
    path = source.find(_FILE)
    ranks = next((name for name in _TIKTOKEN_NAMES if path is None and _is_tiktoken(source.find(name))), None)
    if ranks is not None:
        _say_that_it_takes_long(source, ranks)
    with loading(source, "tokenizer"):
        loaded = _load(source, path)
        if ranks is not None:
            _refuse_misread_ranks(source, ranks, loaded)
        _refuse_odd_settings(source, loaded)
        backend = getattr(loaded, "backend_tokenizer", None)
        if path is None or not isinstance(backend, Tokenizer):
            return loaded
        differing = _differing_parts(backend, path)
        return _as_in_file(loaded, source, differing) if differing else loaded


def _load(source: Source, path: Path | None) -> PreTrainedTokenizerBase:
    """What Transformers makes of the files; the file alone where its class needs code of the folder's own."""
    try:
        return AutoTokenizer.from_pretrained(source.location, **source.options)
    except ValueError as error:
        if "auto_map" not in (source.read_json("tokenizer_config.json") or {}):
            raise
        if path is None:
            raise ModelUnavailable(sentences.NEEDS_OWN_CODE.format(source.model_id, _FILE)) from error
        return PreTrainedTokenizerFast.from_pretrained(source.location, **source.options)


def _refuse_odd_settings(source: Source, loaded: PreTrainedTokenizerBase) -> None:
    """Settings that Transformers takes in as they stand, and stumbles over once it cuts a text."""
    longest = getattr(loaded, "model_max_length", 0)
    if isinstance(longest, bool) or not isinstance(longest, (int, float)):
        raise ModelUnavailable(sentences.LENGTH_IS_NO_NUMBER.format(source.model_id, longest))
    loaded.decode(loaded("a")["input_ids"])


def _say_that_it_takes_long(source: Source, name: str) -> None:
    """Before a file of tiktoken's is converted, which Transformers does anew at each start."""
    get_logger(__name__).warning(sentences.TIKTOKEN_TAKES_LONG.format(source.model_id, name, source.location))


def _refuse_misread_ranks(source: Source, name: str, loaded: PreTrainedTokenizerBase) -> None:
    """tiktoken's tokens are bytes, so any text comes back; up to Transformers 5.2 some lose spaces."""
    text = "a b\né"
    try:
        kept = decoded(loaded, loaded(text, add_special_tokens=False)["input_ids"]) == text
    except Exception:  # the library raises plain Exceptions here, for a character that it has no id for
        kept = False
    if not kept:
        raise ModelUnavailable(
            sentences.TIKTOKEN_IS_MISREAD.format(transformers.__version__, name, source.model_id, _FILE)
        )


def _is_tiktoken(path: Path | None) -> bool:
    """Whether a file is a list of tokens in base 64 with their ranks, and not SentencePiece's."""
    if path is None:
        return False
    with path.open("rb") as file:
        return _TIKTOKEN_LINE.fullmatch(file.readline(1024).strip()) is not None


def same_tokenizer_files(one: Source, other: Source) -> bool:
    """Whether two models bring the same tokenizer, byte for byte, so that it need only be read once.

    Reading takes a second or two for a ``tokenizer.json``, but more than a minute for other forms
    (tiktoken's), which Transformers converts; comparing vocabularies takes less than a second.
    """
    if not any(one.find(name) for name in _VOCABULARIES):
        return False
    names = (*_VOCABULARIES, *_SETTINGS, "chat_template.jinja")
    return all(_content(one.find(name)) == _content(other.find(name)) for name in names)


def _content(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()


def _differing_parts(loaded: Tokenizer, path: Path) -> list[str]:
    """Names of the parts that were loaded otherwise than they stand in the file."""
    described = _outline(path.read_text(encoding="utf-8"))
    model = described["model"]
    parts = [
        name
        for name in _STEPS
        if plain_part(name, _serialised(getattr(loaded, name))) != plain_part(name, described.get(name))
    ]
    options = [
        name
        for name in _OPTIONS
        if name in model and (getattr(loaded.model, name, model[name]) or None) != (model[name] or None)
    ]
    return [*parts, *options]


def plain_part(name: str, part: dict | None) -> dict | None:
    """A part without what changes neither ids nor text: offsets, sequences of one, steps that do nothing."""
    if part is None:
        return None
    kind = part.get("type")
    steps = part.get(_STEPS.get(name, "")) if kind == "Sequence" else None
    if steps is not None:
        left = [step for step in (plain_part(name, step) for step in steps) if step is not None]
        return {"type": kind, "steps": left} if len(left) > 1 else (left or [None])[0]
    if kind == "ByteLevel" and name == "post_processor":
        return None
    if kind == "TemplateProcessing" and not part.get("special_tokens"):
        return None
    if kind == "ByteLevel" and name == "decoder":
        return {"type": kind}
    return {field: value for field, value in part.items() if field != "trim_offsets"}


def _serialised(part: Any) -> dict | None:
    """A part as a file would hold it; None for no part, and for one that is Python code."""
    try:
        return None if part is None else json.loads(part.__getstate__())
    except Exception:  # the library raises plain Exceptions here; what is in the file can be trusted
        return None


def _outline(text: str) -> dict:
    """A ``tokenizer.json`` without its vocabulary and merges."""
    described = json.loads(text)
    model = described.get("model") or {}
    return described | {"model": {name: model[name] for name in model if name not in ("vocab", "merges")}}


def _as_in_file(
    loaded: PreTrainedTokenizerBase, source: Source, differing: list[str]
) -> PreTrainedTokenizerBase:
    """The tokenizer that the file describes, in place of the loaded one; said in one line.

    Special tokens are those of tokenizer_config.json, and the class's own where that names none.
    """
    get_logger(__name__).warning(
        sentences.CLASS_REPLACES_PARTS.format(
            source.model_id, type(loaded).__name__, _FILE, ", ".join(differing)
        )
    )
    made = PreTrainedTokenizerFast.from_pretrained(source.location, **source.options)
    known = made.get_vocab()
    for name in _SPECIAL:
        token = getattr(loaded, name, None)
        if getattr(made, name, None) is None and token in known:
            setattr(made, name, token)
    return made
