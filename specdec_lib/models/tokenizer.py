"""A model's tokenizer, as its file describes it.

``tokenizer.json`` says how text is cut: normalizer, pre-tokenizer, decoder, post-processor and the options of its
model. A class that ``tokenizer_config.json`` names may put its own in their place, and Transformers says nothing
of it: the same text then has other ids than the model was trained on, although the vocabularies are equal. So
what was loaded is compared with the file, and where texts come out differently the file is right. It refuses to
know about weights.
"""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.source import Source, loading
from specdec_lib.utils.logging import get_logger

_FILE = "tokenizer.json"
_FILES = (
    _FILE,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
)
_PARTS = ("normalizer", "pre_tokenizer", "decoder", "post_processor")
_OPTIONS = (
    "dropout",
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "fuse_unk",
    "ignore_merges",
)
_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")

_PROBES = (
    "In 2024, 12345 of 3.14159 e10 1,000,000; x2y3 7th",
    "It's DON'T they'll I'm HelloWorld camelCase snake_case SCREAMING_CASE",
    "  two spaces in front, three at the end   ",
    "def f(x):\n    return x\n\n\n\tif x == 0:\r\n        pass  # ok\n",
    "!!! ??? ... --- === (([[{{ }}]])) <a href='#'>b</a> $%&*@~^|\\/ \"q\"",
    "naïve café cafe\u0301 Ångström ﬁne １２３ ½ ™ … «guillemets» – — “quotes”",
    "日本語のテキスト 中文字符，你好。 한국어 العربية עברית हिन्दी ไทย русский",
    "🙂 👩‍👩‍👧 ▁lower \u00a0nbsp\u200b \u2028",
    "",
    " ",
    "a",
)
"""Texts that normalizers and pre-tokenizers treat differently."""


def load_tokenizer(source: Source) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, cutting text as its ``tokenizer.json`` says (where there is one).

    Raises:
        ModelUnavailable: it is missing, damaged, or needs code that does not come with Transformers.
    """
    path = source.find(_FILE)
    with loading(source, "tokenizer"):
        loaded = _load(source, path)
    backend = getattr(loaded, "backend_tokenizer", None)
    if path is None or not isinstance(backend, Tokenizer):
        return loaded
    with loading(source, "tokenizer"):
        differing = _differing_parts(backend, path)
        return _as_in_file(loaded, path, differing, source.model_id) if differing else loaded


def _load(source: Source, path: Path | None) -> PreTrainedTokenizerBase:
    """What Transformers makes of the files; the file alone where its class needs code of the folder's own."""
    options = {"local_files_only": source.offline, "trust_remote_code": False}
    try:
        return AutoTokenizer.from_pretrained(source.location, **options)
    except ValueError as error:
        if "auto_map" not in (source.read_json("tokenizer_config.json") or {}):
            raise
        if path is None:
            raise ModelUnavailable(
                f"the tokenizer of '{source.model_id}' needs Python code of its own, which is never run here, and "
                f"there is no {_FILE} that could do without; choose another model"
            ) from error
        return PreTrainedTokenizerFast.from_pretrained(source.location, **options)


def same_tokenizer_files(one: Source, other: Source) -> bool:
    """Whether two models bring the same tokenizer, byte for byte, so that it need only be read once."""
    if one.find(_FILE) is None:
        return False
    return all(_content(one.find(name)) == _content(other.find(name)) for name in _FILES)


def _content(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()


def _differing_parts(loaded: Tokenizer, path: Path) -> list[str]:
    """Names of the parts that were loaded otherwise than they stand in the file."""
    described = _outline(path.read_text(encoding="utf-8"))
    model = described.get("model") or {}
    parts = [name for name in _PARTS if _serialised(getattr(loaded, name)) != described.get(name)]
    options = [
        name
        for name in _OPTIONS
        if name in model and hasattr(loaded.model, name) and getattr(loaded.model, name) != model[name]
    ]
    return [*parts, *options]


def _serialised(part: object) -> dict | None:
    """A part as a file would hold it; None for no part, and for one that is Python code."""
    try:
        return None if part is None else json.loads(part.__getstate__())
    except Exception:  # the library raises plain Exceptions here; the probes decide
        return None


def _outline(text: str) -> dict:
    """A ``tokenizer.json`` without its vocabulary and merges, which are most of it and seldom need reading.

    Every member of the outer object, and those of ``model`` that stand in front of its vocabulary.
    """
    outline, place = _members(text, 0, stop="model")
    if place is None:
        return outline
    outline["model"], _ = _members(text, place, stop="vocab")
    if not set(_PARTS) <= outline.keys():  # a file that puts its model first: read it all
        whole = json.loads(text)
        outline |= {name: whole.get(name) for name in _PARTS}
    return outline


def _members(text: str, start: int, stop: str) -> tuple[dict, int | None]:
    """Members of the JSON object at ``start`` in front of ``stop``, and where that member's value begins."""
    decoder, found = json.JSONDecoder(), {}
    place = _next(text, _next(text, start) + 1)
    while text[place] != "}":
        name, place = decoder.raw_decode(text, place)
        place = _next(text, _next(text, place) + 1)  # behind the colon
        if name == stop:
            return found, place
        found[name], place = decoder.raw_decode(text, place)
        place = _next(text, place)
        place = _next(text, place + 1) if text[place] == "," else place
    return found, None


def _next(text: str, place: int) -> int:
    """Where the next thing begins that is no white space."""
    while text[place] in " \t\r\n":
        place += 1
    return place


def _as_in_file(
    loaded: PreTrainedTokenizerBase, path: Path, differing: list[str], model_id: str
) -> PreTrainedTokenizerBase:
    """The loaded tokenizer where it treats every probe as the file does, else one made from the file."""
    file = Tokenizer.from_file(str(path))
    configured = _adds_by_config(loaded)
    if all(_treats_alike(loaded.backend_tokenizer, file, text, configured) for text in _PROBES):
        return loaded
    get_logger(__name__).warning(
        f"{model_id}: {type(loaded).__name__} replaces the {', '.join(differing)} of its tokenizer.json, which gives "
        "texts other ids; the file's own is used"
    )
    return _made_from(file, loaded, configured)


def _adds_by_config(loaded: PreTrainedTokenizerBase) -> bool:
    """Whether tokenizer_config.json itself says which special tokens go around a text."""
    return any(loaded.init_kwargs.get(name) is not None for name in ("add_bos_token", "add_eos_token"))


def _treats_alike(loaded: Tokenizer, file: Tokenizer, text: str, configured: bool) -> bool:
    """The same ids, with special tokens unless they are set by configuration, and the same text back."""
    ids = file.encode(text, add_special_tokens=False).ids
    if loaded.encode(text, add_special_tokens=False).ids != ids or loaded.decode(ids) != file.decode(ids):
        return False
    return configured or loaded.encode(text).ids == file.encode(text).ids


def _made_from(file: Tokenizer, loaded: PreTrainedTokenizerBase, configured: bool) -> PreTrainedTokenizerFast:
    """A tokenizer of the file's parts, with the special tokens and the chat template of the loaded one."""
    if configured:
        file.post_processor = loaded.backend_tokenizer.post_processor
    special = {name: getattr(loaded, name) for name in _SPECIAL if getattr(loaded, name, None) is not None}
    made = PreTrainedTokenizerFast(
        tokenizer_object=file,
        name_or_path=loaded.name_or_path,
        model_max_length=loaded.model_max_length,
        padding_side=loaded.padding_side,
        model_input_names=loaded.model_input_names,
        clean_up_tokenization_spaces=False,
        chat_template=loaded.chat_template,
        **special,
    )
    known = made.get_vocab()
    more = [token for _, token in sorted(loaded.added_tokens_decoder.items()) if token.content not in known]
    made.add_tokens(more)
    return made
