"""Tokenizer files whose class would cut text otherwise than the file says."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import transformers
from models.architectures import save_model, tiny_tokenizer
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.source import find_source
from specdec_lib.models.text.tokenizer import _outline, load_tokenizer, same_tokenizer_files

TEXT = "12 212 the Cat sat 2024, 1212 12121"


def byte_level(**parts) -> Tokenizer:
    """A byte-level BPE of 300 tokens with the parts given put into it."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([f"{TEXT} 12 12 212 cat CAT"] * 3, trainer)
    for name, part in parts.items():
        setattr(bpe, name, part)
    return bpe


DIGITS = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
LETTERS = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Split(Regex(r"\p{Lu}"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
)
BEGINS = processors.TemplateProcessing(single="<|end|> $A", special_tokens=[("<|end|>", 0)])
PARTS = {
    "pre-tokenizer: digits": {"pre_tokenizer": DIGITS},
    "pre-tokenizer: capitals": {"pre_tokenizer": LETTERS},
    "normalizer": {"normalizer": normalizers.Lowercase()},
    "post-processor": {"post_processor": BEGINS},
    "decoder": {"decoder": decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])},
}
CLASSES = [
    "GPT2Tokenizer",
    "GPTNeoXTokenizer",
    "GPT2TokenizerFast",
    "PreTrainedTokenizerFast",
    "Qwen2Tokenizer",
]


def save_tokenizer(folder: Path, tokenizer: Tokenizer, name: str | None, **fields) -> Path:
    """A folder whose tokenizer has that class; GPT-2's in one of GPT-2's kind, or 5.0 would pass over it."""
    save_model(folder, vocab_size=320)
    if name and name.startswith("GPT2"):
        (folder / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).unlink()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": name, "eos_token": "<|end|>", **fields}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("part", PARTS)
def test_ids_and_text_are_the_files_own_whatever_the_class(tmp_path, part, name):
    file = byte_level(**PARTS[part])
    loaded = load_tokenizer(find_source(str(save_tokenizer(tmp_path, file, name))))
    ids = file.encode(TEXT).ids
    assert loaded(TEXT)["input_ids"] == ids
    assert loaded.decode(ids, clean_up_tokenization_spaces=False) == file.decode(
        ids, skip_special_tokens=False
    )
    assert loaded.eos_token_id == 0


@pytest.mark.parametrize(
    ("part", "said"), [("pre-tokenizer: digits", "pre_tokenizer"), ("normalizer", "normalizer")]
)
def test_the_class_that_was_set_aside_is_named(tmp_path, capfd, part, said):
    folder = save_tokenizer(tmp_path, byte_level(**PARTS[part]), "GPT2Tokenizer")
    capfd.readouterr()
    load_tokenizer(find_source(str(folder)))
    err = capfd.readouterr().err
    assert "the class GPT2Tokenizer replaces parts of its tokenizer.json" in err and f"({said}" in err
    assert err.count("\n") == 1


def test_options_of_the_model_are_the_files_too(tmp_path):
    """``ignore_merges`` takes a whole word from the vocabulary; the class rebuilds the model without it."""
    described = json.loads(byte_level().to_str())
    described["model"]["ignore_merges"] = True
    described["model"]["vocab"]["zqx"] = 300
    file = Tokenizer.from_str(json.dumps(described))
    assert file.encode("zqx").ids == [300]
    loaded = load_tokenizer(find_source(str(save_tokenizer(tmp_path, file, "GPT2Tokenizer"))))
    assert loaded("zqx")["input_ids"] == [300]


def test_a_class_that_keeps_the_file_is_kept(tmp_path, capfd):
    folder = save_tokenizer(tmp_path, byte_level(), "GPT2Tokenizer")
    capfd.readouterr()
    loaded = load_tokenizer(find_source(str(folder)))
    assert type(loaded) is type(AutoTokenizer.from_pretrained(folder)) and capfd.readouterr().err == ""


def test_special_tokens_that_only_the_class_knows_stay(tmp_path):
    """GPT-2's own configuration names none: they are the class's."""
    file = byte_level(pre_tokenizer=DIGITS)
    file.add_special_tokens(["<|endoftext|>"])
    folder = save_tokenizer(tmp_path, file, "GPT2Tokenizer")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}', encoding="utf-8")
    loaded = load_tokenizer(find_source(str(folder)))
    assert loaded.eos_token == "<|endoftext|>" and loaded.eos_token_id == file.token_to_id("<|endoftext|>")
    assert loaded(TEXT)["input_ids"] == file.encode(TEXT).ids


def test_what_replaces_a_class_keeps_chat_template_and_added_tokens(tmp_path):
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    new = byte_level().get_vocab_size()
    added = {str(new): {"content": "<|turn|>", "special": True}}
    folder = save_tokenizer(
        tmp_path,
        byte_level(pre_tokenizer=DIGITS),
        "GPT2Tokenizer",
        chat_template=template,
        added_tokens_decoder=added,
        pad_token="<|turn|>",
        model_max_length=77,
    )
    loaded = load_tokenizer(find_source(str(folder)))
    assert loaded.apply_chat_template([{"content": "12"}], tokenize=False) == "12"
    assert loaded.convert_tokens_to_ids("<|turn|>") == new == loaded.pad_token_id
    assert loaded.model_max_length == 77 and loaded("<|turn|>")["input_ids"] == [new]


@pytest.mark.parametrize("order", [sorted, lambda names: sorted(names, reverse=True)])
def test_the_outline_of_a_file_is_read_whatever_its_order(tmp_path, order):
    described = json.loads(byte_level(**PARTS["normalizer"]).to_str())
    text = json.dumps({name: described[name] for name in order(described)}, indent=1)
    outline = _outline(text)
    for name in ("normalizer", "pre_tokenizer", "decoder", "post_processor"):
        assert outline[name] == described[name]
    model = {name: value for name, value in described["model"].items() if name not in ("vocab", "merges")}
    assert outline["model"] == model


def test_one_tokenizer_in_two_folders_is_recognised_by_its_files(tmp_path):
    one, other = (save_model(tmp_path / name) for name in ("one", "other"))
    assert same_tokenizer_files(find_source(str(one)), find_source(str(other)))
    (other / "tokenizer_config.json").write_text('{"eos_token": "the"}', encoding="utf-8")
    assert not same_tokenizer_files(find_source(str(one)), find_source(str(other)))
    third = save_model(tmp_path / "third", tiny_tokenizer(262))
    assert not same_tokenizer_files(find_source(str(one)), find_source(str(third)))


def test_a_tokenizer_without_a_file_of_its_own_loads_as_before(tmp_path):
    folder = save_model(tmp_path / "tiny")
    loaded = load_tokenizer(find_source(str(folder)))
    assert isinstance(loaded, PreTrainedTokenizerFast) and loaded("the cat")["input_ids"]


# -- tiktoken's form -------------------------------------------------------------------------------

_RANKS = [*(bytes([i]) for i in range(256)), b"th", b"the"]


def tiktoken_folder(folder: Path, kind: str = "olmo2") -> Path:
    save_model(folder)
    for path in folder.glob("tokenizer*"):
        path.unlink()
    (folder / "config.json").write_text(json.dumps({"model_type": kind}), encoding="utf-8")
    lines = (f"{base64.b64encode(token).decode()} {rank}" for rank, token in enumerate(_RANKS))
    (folder / "tokenizer.model").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def read_by(monkeypatch, ranks) -> None:
    """In place of the package of that name, which only reads the file."""
    for module in ("tiktoken", "tiktoken.load"):
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(load_tiktoken_bpe=ranks))


def test_a_file_of_tiktokens_is_announced_before_it_is_converted(tmp_path, monkeypatch, capfd):
    folder, said = tiktoken_folder(tmp_path / "original"), []

    def ranks(path):
        said.append(capfd.readouterr().err)
        return {token: rank for rank, token in enumerate(_RANKS)}

    read_by(monkeypatch, ranks)
    capfd.readouterr()
    loaded = load_tokenizer(find_source(str(folder)))
    assert loaded("the", add_special_tokens=False)["input_ids"] == [257]
    assert "tokenizer.model alone, in tiktoken's form" in said[0] and "save_pretrained" in said[0]
    assert said[0].count("\n") == 1 and capfd.readouterr().err == "" and not any(said[1:])
    loaded.save_pretrained(folder)
    again = load_tokenizer(find_source(str(folder)))
    assert again("the cat")["input_ids"] == loaded("the cat")["input_ids"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["llama", "mistral", "gemma", "phi3"])
def test_a_file_of_tiktokens_gives_whole_texts_or_is_refused(tmp_path, monkeypatch, kind):
    """Up to Transformers 5.2 the class cuts texts its own way, and drops what it has no id for."""
    read_by(monkeypatch, lambda path: {token: rank for rank, token in enumerate(_RANKS)})
    source = find_source(str(tiktoken_folder(tmp_path / "original", kind)))
    if tuple(map(int, transformers.__version__.split(".")[:2])) < (5, 3):
        with pytest.raises(ModelUnavailable, match=r"misreads tokenizer\.model.*original in tiktoken's form"):
            load_tokenizer(source)
        return
    ids = load_tokenizer(source)("the é\n", add_special_tokens=False)["input_ids"]
    assert ids == [257, 32, *"é\n".encode()]


@pytest.mark.parametrize("content", [b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02", b"", b"dGhl x\n"])
def test_other_files_of_that_name_are_not_called_tiktokens(tmp_path, capfd, content):
    folder = tiktoken_folder(tmp_path / "other")
    (folder / "tokenizer.model").write_bytes(content)
    capfd.readouterr()
    with pytest.raises(ModelUnavailable):
        load_tokenizer(find_source(str(folder)))
    assert "tiktoken's form" not in capfd.readouterr().err


@pytest.mark.parametrize("longest", ["x", [8], True])
def test_a_longest_text_that_is_no_number_is_named_by_its_file(tmp_path, longest):
    folder = save_tokenizer(tmp_path, byte_level(), "PreTrainedTokenizerFast", model_max_length=longest)
    with pytest.raises(ModelUnavailable, match=r"tokenizer_config\.json of .* model_max_length") as caught:
        load_tokenizer(find_source(str(folder)))
    assert repr(longest) in str(caught.value) and "write a number" in str(caught.value)


def test_other_settings_that_no_text_can_be_cut_with_are_one_line(tmp_path):
    folder = save_tokenizer(tmp_path, byte_level(), "PreTrainedTokenizerFast", model_input_names=5)
    with pytest.raises(ModelUnavailable, match="cannot load the tokenizer of"):
        load_tokenizer(find_source(str(folder)))
