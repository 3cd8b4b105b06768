"""A file's tokenizer gives every text the ids of the tokenizer that it was written from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from models.architectures import tiny_model, tiny_tokenizer
from models.gguf_files import TEXT, spaced_tokenizer, write_gguf
from tokenizers import Tokenizer
from transformers import AddedToken

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.gguf.header import GgufFile, open_gguf
from specdec_lib.models.gguf.splitting import SPLITTINGS
from specdec_lib.models.gguf.tokenizer import described_tokenizer, named_ends
from specdec_lib.models.source import find_source
from specdec_lib.models.text.ids import decoded, encode_chat
from specdec_lib.models.text.tokenizer import load_tokenizer

TEXTS = [*TEXT, "", " a", "<|end|>the cat<|end|>", "<s> the</s> cat", "naïve 漢字 \t\n\n x", "a<tag>b < tag>"]


def written(tmp_path, tokenizer, name="m.gguf", **options):
    """The file of a tiny model with that tokenizer, and the tokenizer that is loaded from it."""
    path = write_gguf(tmp_path / name, tiny_model("llama"), tokenizer, **options)
    return path, load_tokenizer(find_source(str(path)))


def ids_of(tokenizer, special=False):
    return [tokenizer(text, add_special_tokens=special)["input_ids"] for text in TEXTS]


def with_tag(tokenizer):
    tokenizer.add_tokens([AddedToken("<tag>", normalized=False, special=False)])
    return tokenizer


def test_a_byte_level_file_gives_the_same_ids_and_text(tmp_path, capsys):
    tokenizer = with_tag(tiny_tokenizer(300, " ".join(TEXT)))
    _, loaded = written(tmp_path, tokenizer, rows=310)
    assert capsys.readouterr().err == "", "no class puts its own parts in the place of the file's"
    assert loaded.get_vocab() == tokenizer.get_vocab(), "rows without a token are none"
    assert ids_of(loaded) == ids_of(tokenizer) and ids_of(loaded, True) == ids_of(tokenizer)
    assert [decoded(loaded, ids, False) for ids in ids_of(loaded)] == TEXTS
    assert (loaded.bos_token, loaded.eos_token) == ("<|end|>", "<|end|>")
    assert set(loaded.all_special_tokens) == {"<|end|>"}


def test_a_file_of_scores_gives_the_same_ids_and_text(tmp_path, capsys):
    tokenizer, scores = spaced_tokenizer()
    tokenizer = with_tag(tokenizer)
    _, loaded = written(tmp_path, tokenizer, scores=scores)
    assert capsys.readouterr().err == ""
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert ids_of(loaded) == ids_of(tokenizer)
    bos = tokenizer.bos_token_id
    framed = loaded("the cat")["input_ids"]
    assert framed == [bos, *tokenizer("the cat", add_special_tokens=False)["input_ids"]], "as llama.cpp does"
    for text in ("the cat", "naïve 漢字 \t\n\n x"):
        assert decoded(loaded, loaded(text)["input_ids"]) == text
    assert (loaded.unk_token, loaded.bos_token, loaded.eos_token) == ("<unk>", "<s>", "</s>")


def test_what_stands_around_a_text_is_what_the_file_says(tmp_path):
    tokenizer, scores = spaced_tokenizer()
    bare = tokenizer("cat", add_special_tokens=False)["input_ids"]
    for bos, eos in ((True, True), (False, False), (False, True)):

        def more(writer, bos=bos, eos=eos):
            writer.add_add_bos_token(bos)
            writer.add_add_eos_token(eos)

        _, loaded = written(tmp_path, tokenizer, f"{bos}{eos}.gguf", scores=scores, more=more)
        framed = [tokenizer.bos_token_id] * bos + bare + [tokenizer.eos_token_id] * eos
        assert loaded("cat")["input_ids"] == framed


def test_without_a_space_in_front_where_the_file_says_so(tmp_path):
    tokenizer, scores = spaced_tokenizer()
    _, loaded = written(tmp_path, tokenizer, scores=scores, more=lambda w: w.add_add_space_prefix(False))
    ids = loaded("cat", add_special_tokens=False)["input_ids"]
    assert "".join(loaded.convert_ids_to_tokens(ids)) == "cat"
    assert decoded(loaded, loaded(" cat")["input_ids"]) == " cat"


PIECES = {
    "gpt-2": ["x", "ĠĠ", "Ġ1234", "ĊĊ", "ĠIt", "'ll", "Ġ(", "a", ")", "ĠaBc"],
    "smollm": ["x", "ĠĠĠ", "1", "2", "3", "4", "ĊĊ", "ĠIt", "'ll", "Ġ(", "a", ")", "ĠaBc"],
    "llama-bpe": ["x", "ĠĠ", "Ġ", "123", "4", "ĊĊ", "ĠIt", "'ll", "Ġ(", "a", ")", "ĠaBc"],
    "qwen2": ["x", "ĠĠ", "Ġ", "1", "2", "3", "4", "ĊĊ", "ĠIt", "'ll", "Ġ(", "a", ")", "ĠaBc"],
    "tekken": ["x", "ĠĠ", "Ġ", "1", "2", "3", "4", "ĊĊ", "ĠIt", "'ll", "Ġ(", "a", ")", "Ġa", "Bc"],
}
"""How each family cuts one text, by the tokenizer.json that it published."""


@pytest.mark.parametrize("name", PIECES)
def test_text_is_cut_as_the_family_of_that_name_does(tmp_path, name):
    _, loaded = written(tmp_path, tiny_tokenizer(), pre=name)
    pieces = loaded.backend_tokenizer.pre_tokenizer.pre_tokenize_str("x   1234\n\n It'll (a) aBc")
    assert [piece for piece, _ in pieces] == PIECES[name]


def test_every_rule_is_one_that_the_tokenizers_library_reads():
    plain = json.loads(tiny_tokenizer().backend_tokenizer.to_str())
    for rule in SPLITTINGS.values():
        parts = {"pre_tokenizer": rule.pre_tokenizer, "normalizer": rule.normalizer}
        made = Tokenizer.from_str(json.dumps(plain | parts))
        assert made.decode(made.encode("  two 12 \n it's").ids) == "  two 12 \n it's"


def test_a_piece_that_is_a_token_stays_whole_where_its_family_says_so(tmp_path):
    for name, whole in (("llama-bpe", True), ("smaug-bpe", False)):
        tokenizer = tiny_tokenizer()
        path = write_gguf(tmp_path / f"{name}.gguf", tiny_model("llama"), tokenizer, pre=name)
        described, _ = described_tokenizer(open_gguf(path, path.name))
        assert described["model"]["ignore_merges"] is whole
        assert (described["post_processor"] is not None) is whole, "which begins texts with a token, too"


def test_splittings_and_tokenizers_that_are_not_known_are_refused(tmp_path):
    def stated(name, value):
        def more(writer):
            writer.kv_data[0][f"tokenizer.ggml.{name}"].value = value

        return more

    refused = {
        r"does not say how text is split \(tokenizer\.ggml\.pre\)": {"pre": None},
        "splits text as 'default', which is not known here": {"pre": "default"},
        "has a tokenizer of the kind 'bert'": {"more": stated("model", "bert")},
        "names eos_token_id 9999": {"more": stated("eos_token_id", 9999)},
    }
    for number, (said, options) in enumerate(refused.items()):
        path = write_gguf(tmp_path / f"{number}.gguf", tiny_model("llama"), tiny_tokenizer(), **options)
        with pytest.raises(ModelUnavailable, match=said):
            find_source(str(path))
    with pytest.raises(ModelUnavailable, match="holds no tokenizer"):
        find_source(str(write_gguf(tmp_path / "none.gguf", tiny_model("llama"))))


def test_the_chat_template_is_the_files_own(tmp_path):
    template = "{% for m in messages %}<|end|>{{ m['content'] }}{% endfor %}"
    _, loaded = written(tmp_path, tiny_tokenizer(), template=template)
    assert loaded.chat_template == template
    assert encode_chat(loaded, "cat")[0] == loaded.eos_token_id
    assert not written(tmp_path, tiny_tokenizer(), "without.gguf")[1].chat_template


def test_ends_are_all_that_the_file_names(tmp_path):
    def more(writer):
        writer.add_eot_token_id(5)
        writer.add_uint32("tokenizer.ggml.eom_token_id", 7)
        writer.add_array("tokenizer.ggml.eos_token_ids", [0, 9])

    path = write_gguf(tmp_path / "m.gguf", tiny_model("llama"), tiny_tokenizer(), more=more)
    assert named_ends(open_gguf(path, "m.gguf")) == [0, 5, 7, 9]


def test_special_tokens_of_phi3_swallow_the_space_behind_them(tmp_path):
    from models.gguf.test_architectures import MODELS

    tokenizer, scores = spaced_tokenizer()
    path = write_gguf(tmp_path / "m.gguf", tiny_model(MODELS["phi3"]), tokenizer, scores=scores)
    described, _ = described_tokenizer(open_gguf(path, "m.gguf"))
    assert {e["content"]: e["rstrip"] for e in described["added_tokens"]} == {
        "<unk>": False, "<s>": False, "</s>": True
    }  # fmt: skip


def merges_of(architecture, tokens, kinds, scores):
    """The merges that follow from a vocabulary and its scores."""
    about = {"tokens": tokens, "token_type": kinds, "scores": scores, "model": "llama"}
    metadata = {f"tokenizer.ggml.{name}": value for name, value in about.items()}
    file = GgufFile("m", Path("m"), {"general.architecture": architecture} | metadata, {})
    return described_tokenizer(file)[0]["model"]["merges"]


def test_merges_stand_in_the_order_of_each_familys_own_file():
    """Llama's by scores, those of equal score by ids; Gemma's runs of spaces first, longest sides first."""
    tokens, normal, own = ["ab", "▁", "  ", "   ", "a", "b", "b▁", "</s>", "<", "/s>"], 1, 4
    kinds = [normal] * 7 + [3, normal, normal]
    scores = [-5.0, -9.0, -1e9, -1e9, -9.0, -9.0, -2.0, 0.0, -9.0, -9.0]
    runs = [["▁", "▁"], ["▁", "▁▁"], ["▁▁", "▁"]]
    assert merges_of("llama", tokens, kinds, scores) == [["b", "▁"], ["a", "b"], *runs]
    kinds[2:4] = [own, own]
    by_length = [["▁▁", "▁"], ["▁", "▁▁"], ["▁", "▁"]]
    assert merges_of("gemma3", tokens, kinds, scores) == [*by_length, ["a", "b"], ["b", "▁"]]
