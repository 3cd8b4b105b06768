"""The reference pages that are written by hand: their example runs, and the names that they give exist."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

from specdec_lib.cli import main
from specdec_lib.decoding.drafters.base import Drafter, DraftState

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book" / "add_a_drafter.md").read_text(encoding="utf8")


def test_the_example_runs_from_the_first_block_to_the_last():
    """Its assertions are the test: same ids, the law in a small world, and the bug that must be rejected."""
    code = "\n".join(re.findall(r"^```python\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE))
    assert code.count("assert ") >= 4
    run = subprocess.run(
        [sys.executable, "-c", f"import torch\ntorch.set_num_threads(1)\n{code}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    summary, verdict = run.stdout.splitlines()
    assert summary.startswith("SD ") and "accept=0.00" not in summary
    assert verdict.endswith("rejected")


def test_the_class_drafts_for_the_commands_as_the_page_says(tmp_path, monkeypatch, capsys):
    """The class of step 1 with the lines below it, in the file that the commands name."""
    step = re.search(r"^```python\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)[1]
    caption, more = re.search(r"\{code-block\} python\n:caption: (\S+)\n(.+?)```", PAGE, re.DOTALL).groups()
    (tmp_path / caption).write_text(f"{step}\n\n{more}", encoding="utf8")
    monkeypatch.chdir(tmp_path)
    lines = [shlex.split(line) for line in PAGE.splitlines() if line.startswith("specdec ")]
    assert [line[1] for line in lines] == ["doctor", "generate", "verify", "bench"]
    assert {line[line.index("--drafter") + 1].split(":")[0] for line in lines} == {Path(caption).stem}
    for _, name, *arguments in lines[:2]:
        assert main([name, *arguments, *(["-n", "12"] if name == "generate" else [])]) == 0
    shown = capsys.readouterr().out
    assert "'prompt lookup' proposes: " in shown and "SD " in shown


def test_the_contract_names_every_member_of_the_protocol_and_no_other():
    told = re.findall(r"^`(\w+)(?:\((.*?)\))?`\n: ", PAGE, re.MULTILINE)
    members = {**vars(Drafter), **vars(DraftState)}
    methods = {name: value for name, value in members.items() if inspect.isfunction(value)}
    methods = {name: value for name, value in methods.items() if not name.startswith("_")}
    assert {name for name, _ in told} == {*methods, *Drafter.__annotations__}
    for name, arguments in told:
        if name in methods:
            assert arguments.split(", ") == list(inspect.signature(methods[name]).parameters)[1:], name


def test_the_tests_that_the_page_recommends_exist():
    (path,) = set(re.findall(r"`(tests/\S+\.py)`", PAGE))
    source = (ROOT / path).read_text(encoding="utf8")
    names = re.findall(r"`(test_\w+)`", PAGE)
    assert len(names) == 2 and all(f"def {name}(" in source for name in names)


def test_every_name_in_the_notation_is_used_by_the_library():
    page = (ROOT / "book" / "notation.md").read_text(encoding="utf8")
    rows = re.findall(r"^\| \$.+ \| (`.+`) \|$", page, re.MULTILINE)
    assert len(rows) > 15
    source = "\n".join(path.read_text(encoding="utf8") for path in (ROOT / "specdec_lib").rglob("*.py"))
    for name in re.findall(r"`(\w+)", " ".join(rows)):
        assert re.search(rf"\b{name}\b", source), name


def test_no_term_of_the_glossary_is_explained_twice():
    page = (ROOT / "book" / "glossary.md").read_text(encoding="utf8")
    entries = re.findall(r"^(\S.*)\n  \S", page, re.MULTILINE)
    assert len(entries) > 35 and len({entry.lower() for entry in entries}) == len(entries)
