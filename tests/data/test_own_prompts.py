"""A stranger's file of prompts: what is read as it stands, and one line with file and line for the rest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from specdec_lib.data import chats, entries
from specdec_lib.data.own_prompts import RawPrompt, conversation_of, prompts_hash, read_prompts
from specdec_lib.data.prompts import Prompt, PromptDataset, builtin_prompts
from specdec_lib.errors import PromptError
from specdec_lib.utils.paths import data_path

USER = {"role": "user", "content": "Why?"}


def asks(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def write(tmp_path: Path, *lines: object, name: str = "mine.jsonl", end: str = "\n") -> Path:
    path = tmp_path / name
    rows = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_bytes(end.join(rows).encode())
    return path


def test_json_lines_with_texts_chats_domains_and_ids(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"prompt": "one "},
        {"text": "two", "domain": "poetry", "id": 7},
        {"messages": [{"role": "system", "content": ""}, USER], "domain": "poetry"},
        {"turns": ["Why?"], "question_id": "q", "category": "reasons, good"},
    )
    assert read_prompts(path) == [
        RawPrompt("mine_000", "mine", "one "),
        RawPrompt("7", "poetry", "two"),
        RawPrompt("poetry_000", "poetry", None, ({"role": "system", "content": ""}, USER)),
        RawPrompt("q", "reasons, good", None, (USER,)),
    ]
    assert [p.domain for p in read_prompts(path, domain="other")][:2] == ["other", "poetry"]
    assert [p.is_chat for p in read_prompts(path)] == [False, False, True, True]


def test_a_text_has_a_prompt_a_line_and_keeps_its_spaces(tmp_path: Path) -> None:
    path = write(tmp_path, "one", "", "  two  ", "   ", '"three"', name="notes.txt")
    assert read_prompts(write(tmp_path, '"a JSON string"'))[0].text == "a JSON string"
    assert [p.text for p in read_prompts(path)] == ["one", "  two  ", '"three"']
    assert [p.prompt_id for p in read_prompts(path)] == ["notes_000", "notes_001", "notes_002"]


@pytest.mark.parametrize("name", ["m.jsonl", "m.txt", "m"])
def test_byte_order_mark_line_ends_and_empty_lines(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b'\xef\xbb\xbf\r\n{"prompt": "na\xc3\xafve \\u2028 \\n end"}\r\n\r\n{"prompt": "b"}')
    assert [p.text for p in read_prompts(path)] == ["naïve \u2028 \n end", "b"]
    plain = tmp_path / "plain.txt"
    plain.write_bytes(b"\xef\xbb\xbffirst\r\n\r\n  \r\nsecond\r\n")
    assert [p.text for p in read_prompts(plain)] == ["first", "second"]


def test_what_this_project_saves_is_read_too(tmp_path: Path) -> None:
    prompts = (Prompt("code_000", "code", "def f():", 3), Prompt("code_001", "code", "def g():", 3))
    PromptDataset(prompts).save(tmp_path / "p.json")
    assert read_prompts(tmp_path / "p.json") == [RawPrompt(p.prompt_id, "code", p.raw_text) for p in prompts]
    builtin = read_prompts(data_path("prompts", "conversation.json"))
    assert len(builtin) == 50 and {p.domain for p in builtin} == {"conversation"}
    assert builtin == [p for p in builtin_prompts() if p.domain == "conversation"]
    assert len(read_prompts(write(tmp_path, '["a",', '{"text": "b"}]', name="list.json"))) == 2
    assert len(read_prompts(write(tmp_path, {"text": "a"}, {"text": "b"}, name="lines.json"))) == 2


def test_json_is_read_as_json_whatever_its_shape_and_name(tmp_path: Path) -> None:
    """One object, over many lines or one, and documents that are called otherwise."""
    one = {"prompt": "a", "domain": "d"}
    for name in ("one.json", "one.jsonl", "one.txt", "one"):
        path = tmp_path / name
        path.write_text(json.dumps(one, indent=2))
        assert read_prompts(path) == [RawPrompt("d_000", "d", "a")], name
    listed = json.dumps([one, {"messages": [USER]}], indent=1)
    for name in ("list.json", "list.jsonl", "list.txt", "list"):
        (tmp_path / name).write_text(listed)
        assert len(read_prompts(tmp_path / name)) == 2, name
    (tmp_path / "list.txt").write_text("[1, 2, 3]\n")  # a prompt like any other
    assert [p.text for p in read_prompts(tmp_path / "list.txt")] == ["[1, 2, 3]"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"question": "x"}', "p.json: has none of prompt, text, messages, turns"),
        ('{"prompts": {}}', "p.json: has none of"),
        ('[\n {"prompt": "a"},\n {"prompt": b}\n]', "p.json:3: not JSON (expecting value at column 13"),
        ("[" * 100_000, "p.json: not a prompt (nested too deeply"),
    ],
)
def test_a_document_that_is_none_is_named_where_it_is_wrong(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "p.json").write_text(content)
    with pytest.raises(PromptError) as caught:
        read_prompts(tmp_path / "p.json")
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["p.csv", "p.TSV", "p.yaml", "p.yml", "p.arrow", "p.jsonl.gz"])
def test_a_file_in_another_format_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("prompt\nWhy?\n")
    with pytest.raises(PromptError, match=r"which is not read; write JSON lines with 'prompt'"):
        read_prompts(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('id,"prompt"\n1,Why?\n', "a table"),
        ("prompt\nWhy?\n", "a table"),
        ("domain\ttext\na\tWhy?\n", "a table"),
        ("- one\n- two\n", "YAML"),
        ("prompts:\n  - one\n", "YAML"),
        ('[\n{"prompt": "a"},\n]\n', "JSON, and is not"),
        ('{"prompt": "a"\n}}\n', "JSON, and is not"),
    ],
)
def test_a_text_that_looks_like_another_format_is_read_and_said(
    tmp_path: Path, capsys, content: str, kind: str
) -> None:
    path = tmp_path / "p.txt"
    path.write_text(content)
    assert [p.text for p in read_prompts(path)] == content.splitlines()
    said = capsys.readouterr().err
    assert f"looks like {kind}" in said and "each line is read as a prompt" in said and said.count("\n") == 1


@pytest.mark.parametrize(
    "content", ["text\n", "Write, in a text, why.\nWhy?\n", "{x} is a set\n[1]\n", "- one\n"]
)
def test_a_text_that_looks_like_a_text_is_read_in_silence(tmp_path: Path, capsys, content: str) -> None:
    (tmp_path / "p.txt").write_text(content)
    assert [p.text for p in read_prompts(tmp_path / "p.txt")] == content.splitlines()
    assert capsys.readouterr().err == ""


def test_numbers_go_around_ids_that_are_given(tmp_path: Path) -> None:
    path = write(tmp_path, {"text": "a"}, {"text": "b", "id": "mine_000"}, {"text": "c"})
    assert [p.prompt_id for p in read_prompts(path)] == ["mine_001", "mine_000", "mine_002"]


def test_a_file_named_all_is_a_domain_of_another_name(tmp_path: Path) -> None:
    """``all`` is what tables call every domain together."""
    assert read_prompts(write(tmp_path, "x", name="all.txt"))[0].domain == "prompts"


def test_question_files_keep_every_turn(tmp_path: Path, capsys) -> None:
    """As MT-Bench and Spec-Bench write them; what else a row says of itself is no part of a prompt."""
    path = write(
        tmp_path,
        {"question_id": 81, "category": "writing", "turns": ["Name a bird.", "Another one?"]},
        {"question_id": 82, "category": "qa", "turns": ["Do owls fly?"], "reference": ["Yes."]},
        name="question.jsonl",
    )
    bird, owl = read_prompts(path)
    assert bird == RawPrompt("81", "writing", None, (asks("Name a bird."),), ("Another one?",))
    assert bird.turn_ids == ["81/turn1", "81/turn2"] and bird.conversation([]) == [asks("Name a bird.")]
    answered = [asks("Name a bird."), {"role": "assistant", "content": "An owl."}, asks("Another one?")]
    assert bird.conversation(["An owl."]) == answered
    assert {conversation_of(name) for name in bird.turn_ids} == {"81"} and conversation_of(
        "a/turn"
    ) == "a/turn"
    assert [turn["role"] for turn in bird.to_its_end] == ["user", "assistant", "user"]
    assert (owl.later, owl.turn_ids, owl.to_its_end) == ((), ["82"], [asks("Do owls fly?")])
    assert capsys.readouterr().err == ""


SPEED_BENCH = {
    "question_id": "0f3a",
    "category": "roleplay",
    "sub_category": "dialogue",
    "source": "own",
    "src_id": "own_1",
    "difficulty": None,
    "multiturn": True,
}
PLACEHOLDER = "FULL BENCHMARK DATA SHOULD BE FETCHED FROM THE SOURCE USING SPECDEC_BENCH"


def test_speed_bench_is_read_as_published_and_as_its_script_fills_it(tmp_path: Path, capsys) -> None:
    """The texts of a row are its turns; the script writes each as a message of the user's."""
    texts = ["You are a duck. Hello!", "Do you swim?", "Why?"]
    published = {**SPEED_BENCH, "turns": texts}
    filled = {**SPEED_BENCH, "messages": [asks(text) for text in texts]}
    read = [read_prompts(write(tmp_path, row)) for row in (published, filled)]
    assert read[0] == read[1] and read[0][0].later == ("Do you swim?", "Why?")
    assert (read[0][0].prompt_id, read[0][0].domain) == ("0f3a", "roleplay")
    assert capsys.readouterr().err == ""


def test_rows_of_speed_bench_without_their_text_are_left_out_and_said(tmp_path: Path, capsys) -> None:
    empty = [{**SPEED_BENCH, "question_id": str(n), "turns": [f"{PLACEHOLDER}\n\n{{}}"]} for n in range(2)]
    path = write(tmp_path, empty[0], {**SPEED_BENCH, "turns": ["Hello!"]}, empty[1])
    assert [p.prompt_id for p in read_prompts(path)] == ["0f3a"]
    said = capsys.readouterr().err
    assert "prepare.py has yet to fill was left out" in said and "mine.jsonl:1 and 1 more)" in said
    with pytest.raises(
        PromptError, match=r"mine\.jsonl: SPEED-Bench's prepare\.py has yet to fill every row"
    ):
        read_prompts(write(tmp_path, *empty))


def test_no_turn_has_the_name_of_another_prompt(tmp_path: Path) -> None:
    rows = [{"turns": ["a", "b"], "id": "x"}, {"text": "c", "id": "x/turn2"}]
    with pytest.raises(
        PromptError, match=r"mine\.jsonl:2: id 'x/turn2' was given before, at .*mine\.jsonl:1"
    ):
        read_prompts(write(tmp_path, *rows))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ('{"prompt": "half', "not JSON (unterminated string"),
        ("[" * 100_000, "nested too deeply"),
        ('{"prompt": ' + "9" * 5000 + "}", "a number too long"),
        ("plain text", "not JSON"),
        ([1], "a list, not an object"),
        ("null", "a null, not an object"),
        ({"question": "x"}, "has none of prompt, text, messages, turns"),
        ({}, "has none of"),
        ({"prompt": None}, "has none of"),
        ({"prompt": "a", "messages": [USER]}, "has both prompt and messages; give one"),
        ({"prompt": ["a"]}, "prompt is a list, not a text"),
        ({"prompt": 4}, "prompt is a number, not a text"),
        ({"prompt": True}, "prompt is a truth value"),
        ({"prompt": " \n"}, "prompt is empty"),
        ({"text": "x\ud800"}, "half of a surrogate pair (character 1)"),
        ({"text": "x", "domain": 1.5}, "domain is number 1.5"),
        ({"text": "x", "domain": "a\nb"}, "give a printable name"),
        ({"text": "x", "domain": "all"}, "the domain 'all' stands for all of them"),
        ({"text": "x", "id": ["a"]}, "id is list ['a']"),
        ({"text": "x", "id": "first"}, "id 'first' was given before, at "),
        ({"messages": []}, "messages is empty"),
        ({"messages": "hi"}, "messages is a text, not a list"),
        ({"messages": [USER, 3]}, "messages[1] is not an object with 'role' and 'content'"),
        ({"messages": [{"role": "user"}]}, "messages[0] content is a null"),
        ({"messages": [{"content": "x"}]}, "messages[0] is not an object with 'role'"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "holds only answers"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "a part of kind 'image_url'"),
        ({"turns": [" "]}, "turns[0] is empty"),
        ({"turns": ["a", ""]}, "turns[1] is empty"),
        ({"turns": ["a", 2]}, "turns[0] is not an object with 'role' and 'content'"),
    ],
)
def test_one_bad_row_is_one_line_with_file_and_line(tmp_path: Path, bad: object, said: str) -> None:
    path = write(tmp_path, {"prompt": "good", "id": "first"}, "", bad, {"prompt": "good"})
    with pytest.raises(PromptError) as caught:
        read_prompts(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:3: ") and said in message and "\n" not in message


def test_a_huge_line_is_named_and_not_tokenised(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(chats, "LONGEST_PROMPT", 1000)
    for name, line in (("m.txt", "x" * 1001), ("m.jsonl", json.dumps({"text": "x" * 1001}))):
        path = write(tmp_path, line, name=name)
        with pytest.raises(PromptError, match=rf"{name}:1: .* has 1001 characters; .* at most 1000"):
            read_prompts(path)
    monkeypatch.setattr(entries, "LARGEST_FILE", 1000)
    with pytest.raises(PromptError, match=r"m\.txt: 0 MiB"):
        read_prompts(tmp_path / "m.txt")


def test_other_encodings_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"fine\nna\xefve\n")
    with pytest.raises(PromptError, match=r"latin\.txt:2: not UTF-8 \(byte 2\); save the file as UTF-8"):
        read_prompts(path)


@pytest.mark.parametrize("content", [b"", b"\n \r\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_said(tmp_path: Path, content: bytes) -> None:
    for name in ("e.txt", "e.jsonl", "e.json"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PromptError, match=rf"{name}: holds no prompt"):
            read_prompts(tmp_path / name)


def test_what_is_no_file_is_said_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, said in (
        (tmp_path, "is no regular file"),
        (tmp_path / "pipe", "is no regular file"),
        (Path("/dev/zero"), "is no regular file"),
        (tmp_path / "none.jsonl", "No such file"),
        (Path("nul\0"), "null"),
    ):
        with pytest.raises(PromptError, match=said):
            read_prompts(path)


def test_equal_prompts_have_equal_hashes(tmp_path: Path) -> None:
    first = read_prompts(write(tmp_path, {"text": "a"}, {"messages": [USER]}))
    again = read_prompts(write(tmp_path, "", {"text": "a"}, {"messages": [USER]}, end="\r\n"))
    other = read_prompts(write(tmp_path, {"text": "b"}, {"messages": [USER]}))
    assert prompts_hash(first) == prompts_hash(again) != prompts_hash(other)
    assert len(prompts_hash(first)) == 12
    turns = [read_prompts(write(tmp_path, {"turns": ["a", *later]})) for later in ([], ["b"], ["c"])]
    assert len({prompts_hash(prompts) for prompts in turns}) == 3


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_either_way(tmp_path: Path, end: str) -> None:
    path = write(tmp_path, "a", "", "b\u2028\x0b\x85 c", "", name="mac.txt", end=end)
    assert [(p.text, p.place) for p in read_prompts(path)] == [
        ("a", f"{path}:1"), ("b\u2028\x0b\x85 c", f"{path}:3"),
    ]  # fmt: skip
    rows = write(tmp_path, {"text": "a\rb"}, {"text": "c"}, end=end)
    assert [p.text for p in read_prompts(rows)] == ["a\rb", "c"]
    document = write(tmp_path, "[", '{"text": "a"},', '{"text": b}]', name="d.json", end=end)
    with pytest.raises(PromptError, match=r"d\.json:3: not JSON"):
        read_prompts(document)


def test_what_would_make_another_prompt_is_named_where_it_is_left_out(tmp_path: Path, capsys) -> None:
    called = {"role": "user", "name": "Ada", "content": "Why?", "refusal": None}
    tool = {"role": "tool", "tool_call_id": "1", "content": "42"}
    path = write(
        tmp_path,
        {"prompt": "a", "system": "Be short.", "answer": "not part of a prompt"},
        {"messages": [called, tool], "tools": [{"type": "function"}]},
        {"prompt": "b", "system": "Be long.", "tools": [], "suffix": ""},
        {"turns": ["Why?"], "system_prompt": "Be kind."},
    )
    assert [p.turns for p in read_prompts(path)][:2] == ["a", [USER, {"role": "tool", "content": "42"}]]
    said = capsys.readouterr().err.splitlines()
    shared = write(tmp_path, {"system": "Be short.", "prompts": ["a", "b"]}, name="shared.json")
    assert [p.text for p in read_prompts(shared)] == ["a", "b"]
    assert "'system' beside text was left out" in capsys.readouterr().err
    assert len(said) == 5
    for line, what in zip(
        said,
        [
            "'system' beside prompt was left out (%s:1 and 1 more)",
            "'tools' beside messages was left out (%s:2)",
            "'name' of a message was left out (%s:2)",
            "'tool_call_id' of a message was left out (%s:2)",
            "'system_prompt' beside turns was left out (%s:4)",
        ],
        strict=True,
    ):
        assert what % path in line


@pytest.mark.parametrize("calls", ["tool_calls", "function_call"])
def test_a_call_of_a_tool_is_called_that(tmp_path: Path, calls: str, capsys) -> None:
    call = {"role": "assistant", "content": None, calls: [{"id": "1"}]}
    asked = write(tmp_path, {"messages": [USER, call, {"role": "tool", "content": "42"}]})
    with pytest.raises(PromptError, match=rf"messages\[1\] calls tools \({calls}\) and has no content"):
        read_prompts(asked)
    assert read_prompts(write(tmp_path, {"messages": [USER, call]}))[0].messages == (USER,)
    assert "the answer at its end was left out" in capsys.readouterr().err
