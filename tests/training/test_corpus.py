"""Corpus files, the held-out part, and windows that do not depend on where a run was interrupted."""

from __future__ import annotations

import gzip
import json
import lzma

import numpy as np
import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.training import corpus
from specdec_lib.training.tokenizer import train_tokenizer

TEXTS = [f"def add_{n}(a, b):\n    return a + b + {n}\n" for n in range(400)]


def lines() -> str:
    return "".join(json.dumps({"domain": "code", "text": text}) + "\n" for text in TEXTS)


@pytest.mark.parametrize(
    ("name", "opener"), [("c.jsonl", open), ("c.jsonl.xz", lzma.open), ("c.jsonl.gz", gzip.open)]
)
def test_plain_and_compressed_files_read_alike(tmp_path, name, opener):
    with opener(tmp_path / name, "wt", encoding="utf-8") as file:
        file.write(lines())
    documents = list(corpus.read_corpus(tmp_path / name))
    assert [document.text for document in documents] == TEXTS


@pytest.mark.parametrize("bad", ["{", '{"domain": "code"}', "[1]", '"text"'])
def test_a_bad_line_is_named(tmp_path, bad):
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"domain": "code", "text": "x"}\n' + bad + "\n")
    with pytest.raises(InvalidArgument, match=r"corpus\.jsonl:2"):
        list(corpus.read_corpus(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidArgument, match="no file"):
        list(corpus.read_corpus(tmp_path / "none.jsonl"))


def test_about_one_document_in_a_hundred_is_held_out_and_duplicates_stay_together():
    documents = [corpus.Document("code", f"text {n}") for n in range(20_000)]
    train, held_out = corpus.split([*documents, *documents])
    assert 300 < len(held_out) < 500 and len(train) + len(held_out) == 40_000
    assert not {document.text for document in train} & {document.text for document in held_out}


def test_the_stream_holds_every_text_and_its_end():
    tokenizer = train_tokenizer(TEXTS, 300)
    stream = corpus.pack([corpus.Document("code", text) for text in TEXTS[:7]], tokenizer, chunk=3)
    assert stream.dtype == np.uint16
    assert tokenizer.decode(stream).split("<|endoftext|>") == [*TEXTS[:7], ""]


class Wide:
    """A tokenizer of many ids, and no end of text."""

    eos_token_id = None

    def __len__(self):
        return 2**16 + 1

    def __call__(self, texts, add_special_tokens):
        return {"input_ids": [[2**16, len(text)] for text in texts]}


def test_ids_that_16_bits_do_not_hold_and_texts_without_an_end():
    stream = corpus.pack([corpus.Document("code", "ab"), corpus.Document("code", "c")], Wide())
    assert stream.dtype == np.uint32 and stream.tolist() == [2**16, 2, 2**16, 1]
    assert corpus.id_type(2**16) is np.uint16


def test_windows_are_a_function_of_the_step():
    stream = np.arange(1000, dtype=np.uint16)
    batch = corpus.windows(stream, 4, 16, seed=(1, 2), step=7)
    assert batch.shape == (4, 17) and batch.dtype == np.int64
    assert (np.diff(batch, axis=1) == 1).all()
    assert (batch == corpus.windows(stream, 4, 16, seed=(1, 2), step=7)).all()
    assert (batch != corpus.windows(stream, 4, 16, seed=(1, 2), step=8)).any()
    with pytest.raises(InvalidArgument, match="too few"):
        corpus.windows(stream[:10], 1, 16, seed=(1, 2), step=0)


def test_the_tokenizer_writes_any_text_back():
    tokenizer = train_tokenizer(TEXTS, 400)
    assert len(tokenizer) == 400 and tokenizer.eos_token_id == 0
    for text in ("def f(x):\n\treturn x", "naïve – 漢字 🙂", "<script>alert(1)</script>", "  two  spaces "):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
