"""Prompts out of a table, in the form in which SPEED-Bench is published."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from specdec_lib.data import parquet
from specdec_lib.data.own_prompts import RawPrompt, read_prompts
from specdec_lib.errors import PromptError

ROWS: list[dict[str, Any]] = [
    {"question_id": "a1", "category": "coding", "turns": ["Sort a list.", "Now backwards."]},
    {"question_id": "b2", "category": "math", "turns": ["Add 2 and 3."]},
]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def test_a_table_is_read_as_json_lines_of_the_same_rows(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(parquet, "_ROWS_AT_A_TIME", 1)
    more = {"sub_category": "x", "source": "y", "src_id": "z", "difficulty": None, "multiturn": True}
    path = written(tmp_path / "test-00000-of-00001.parquet", [row | more for row in ROWS])
    assert read_prompts(path) == [
        RawPrompt("a1", "coding", None, ({"role": "user", "content": "Sort a list."},), ("Now backwards.",)),
        RawPrompt("b2", "math", None, ({"role": "user", "content": "Add 2 and 3."},)),
    ]
    assert [p.place for p in read_prompts(path)] == [f"{path}: row 1", f"{path}: row 2"]
    assert capsys.readouterr().err == ""


def test_messages_and_texts_and_what_is_left_out(tmp_path: Path, capsys) -> None:
    chat = [{"role": "user", "content": "Why?"}]
    path = written(
        tmp_path / "m.parquet", [{"messages": chat, "text": None}, {"messages": None, "text": "a"}]
    )
    assert [p.turns for p in read_prompts(path)] == [chat, "a"]
    read_prompts(written(path, [{"prompt": "a", "system": "Be short."}]))
    assert "'system' beside prompt was left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"question_id": "a", "answer": "b"}], "m.parquet: has none of the columns prompt, text, messages"),
        ([{"answer": "b"}], "m.parquet: has none of the columns"),
        ([{"turns": ["a"]}, {"turns": []}], "m.parquet: row 2: turns is empty"),
    ],
)
def test_a_table_without_prompts_is_refused(tmp_path: Path, rows, said: str) -> None:
    with pytest.raises(PromptError) as caught:
        read_prompts(written(tmp_path / "m.parquet", rows))
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_table_is_refused_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "m.parquet"
    path.write_text("prompt\nWhy?\n")
    with pytest.raises(PromptError, match=r"m\.parquet: cannot be read as Parquet \(") as caught:
        read_prompts(path)
    assert "\n" not in str(caught.value)


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "m.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(PromptError, match=r"m\.parquet: reading Parquet needs pyarrow; run pip install"):
        read_prompts(tmp_path / "m.parquet")
    os.mkfifo(tmp_path / "pipe.parquet")
    for name, said in (("none", "No such file"), ("pipe", "is no regular file")):
        with pytest.raises(PromptError, match=said):
            read_prompts(tmp_path / f"{name}.parquet")
