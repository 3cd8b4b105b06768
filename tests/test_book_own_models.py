"""The page *Your own models*: every command and every line of code on it runs, on a pair made for it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from models.architectures import save_model, tiny_tokenizer

from specdec_lib.cli import main

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book" / "your_own_models.md").read_text(encoding="utf8")
README = (ROOT / "README.md").read_text(encoding="utf8")
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
QUICK = {
    "verify": ["--prompts", "prompts.jsonl", "--samples", "400", "--tokens", "24"],
    "bench": [
        "--repeats",
        "1",
        "-n",
        "8",
        "-k",
        "2,3",
        "--prompts",
        "prompts.jsonl",
        "-t",
        "0",
        "--in-process",
    ],
    "train": ["--exit", "1", "--tokens", "400"],
}
"""Options that make a command short; they come last, so that they are heard."""


def fenced(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.+?)^```", page, re.M | re.S)


def commands(page: str) -> list[str]:
    lines = [line for block in fenced(page, "bash") for line in block.splitlines()]
    lines += re.findall(r"(?<=\| )`(specdec [^`]+)`", page)
    return [
        line for line in lines if (line.startswith("specdec") and "my-target" in line) or "runs/mine" in line
    ]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Path:
    """A folder with the two models and the prompts file that the page speaks of."""
    folder = tmp_path_factory.mktemp("workshop")
    for name, seed in (("my-target", 0), ("my-draft", 5)):
        tokenizer = tiny_tokenizer()
        tokenizer.chat_template = TEMPLATE
        save_model(folder / name, tokenizer, seed=seed, max_position_embeddings=256)
    (example,) = re.findall(r"```\{code-block\} json\n:caption: prompts\.jsonl\n(.+?)```", PAGE, re.S)
    (folder / "prompts.jsonl").write_text(example, encoding="utf8")
    assert all(json.loads(line) for line in example.splitlines())
    return folder


def test_the_page_speaks_of_every_command_that_runs_a_model():
    spoken = {line.split()[1] for line in commands(PAGE)}
    assert {"doctor", "generate", "verify", "bench", "explain"} <= spoken


@pytest.mark.parametrize("line", dict.fromkeys([*commands(PAGE), *commands(README)]))
def test_every_command_runs(line, workshop, monkeypatch, capsys):
    monkeypatch.chdir(workshop)
    _, name, *arguments = shlex.split(line)
    if name == "explain" and not (workshop / "runs" / "mine.jsonl").is_file():
        own = ["--target", "./my-target", "--draft", "./my-draft", "--output", "runs/mine.jsonl"]
        assert main(["bench", *own, *QUICK["bench"]]) == 0
    if "head:runs/exit" in arguments and not (workshop / "runs" / "exit").is_dir():
        assert main(["train", "--target", "./my-target", "--out", "runs/exit", *QUICK["train"]]) == 0
    assert main([name, *arguments, *QUICK.get(name, [])]) == 0
    said = capsys.readouterr()
    assert said.out.strip() and "error:" not in said.err


def test_every_line_of_code_runs_in_order(workshop, monkeypatch, capsys):
    monkeypatch.chdir(workshop)
    names: dict[str, object] = {}
    for block in fenced(PAGE, "python"):
        exec(compile(block, "your_own_models.md", "exec"), names)
    said = capsys.readouterr().out
    assert "AR " in said and "SD " in said and "6 2.4" in said
