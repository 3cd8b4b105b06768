"""``python -m specdec_lib.data.prompts``: the printed layout, the files, and bad input in one line."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys

import pytest
from huggingface_hub import HfApi
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from specdec_lib.data import command
from specdec_lib.data.prompts import DOMAINS, Prompt, PromptDataset, main
from specdec_lib.errors import ModelUnavailable

HEADER = """\
domain                  n    min    mean    max
-----------------------------------------------"""


@pytest.fixture
def tokenizer_folder(tmp_path):
    """A tokenizer that needs no training: every word is the unknown token."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]").save_pretrained(tmp_path / "tok")
    return tmp_path / "tok"


@pytest.fixture(autouse=True)
def no_datasets_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)


def test_the_table_has_the_documented_columns():
    prompts = tuple(
        Prompt(f"{domain}_{i:03d}", domain, "text", count)
        for domain, counts in zip(DOMAINS, ([34, 213, 100], [9, 9], [512]), strict=True)
        for i, count in enumerate(counts)
    )
    assert "\n".join(command.table_of_counts(PromptDataset(prompts))) == HEADER + (
        "\ncode                    3     34   115.7    213"
        "\nconversation            2      9     9.0      9"
        "\nsummarization           1    512   512.0    512"
    )


def test_output_and_files(tokenizer_folder, tmp_path, capsys):
    output = tmp_path / "out" / "prompts.json"
    assert main(["--tokenizer", str(tokenizer_folder), "--output", str(output), "--source", "builtin"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert lines[:5] == [
        f"[prompts] loading tokenizer: {tokenizer_folder}",
        "[prompts] building full dataset (50 prompts per domain) …",
        "",
        *HEADER.split("\n"),
    ]
    for line, domain in zip(lines[5:8], DOMAINS, strict=True):
        assert re.fullmatch(rf"{domain} +50 +\d+ +\d+\.\d +\d+", line) and len(line) == 47
    assert lines[8:] == [
        f"[prompts] saved 150 prompts → {output}",
        f"[prompts] saved  15 prompts → {tmp_path / 'out' / 'prompts_tiny.json'}",
        "",
    ]
    full, tiny = PromptDataset.load(output), PromptDataset.load(output.with_name("prompts_tiny.json"))
    assert tiny == full.first(5)
    assert full.get_all()[0].token_count == len(full.get_all()[0].raw_text.split())
    assert full.tokenizer == "tok"


def test_the_module_runs_as_documented_and_says_where_prompts_come_from(tokenizer_folder, tmp_path):
    """A whole process, in a terminal that knows ASCII only, offline."""
    options = [f"--tokenizer={tokenizer_folder}", f"--output={tmp_path / 'p.json'}"]
    done = subprocess.run(
        [sys.executable, "-m", "specdec_lib.data.prompts", "--n-per-domain=2", *options],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"[prompts] saved   6 prompts ? {tmp_path / 'p.json'}" in done.stdout
    (line,) = done.stderr.strip().split("\n")
    assert line.startswith("[prompts] built-in prompts for code, conversation, summarization: ")


def test_pocket_is_the_embedded_tokenizer_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tokenizer = command.find_tokenizer("pocket")
    assert tokenizer.name_or_path.endswith("pocket-target") and len(tokenizer) == 4096


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--tokenizer", "./missing"],
            "no tokenizer folder './missing'; pass a folder, a hub id or 'pocket'",
        ),
        (["--tokenizer", ""], "no tokenizer folder ''"),
        (["--tokenizer", "EMPTY"], "holds no tokenizer: there is no tokenizer.json in it"),
        (["--tokenizer", "BROKEN"], "cannot load tokenizer 'BROKEN': "),
        (["--n-per-domain", "0"], "'0' is not a whole number of at least 1"),
        (["--n-per-domain", "many"], "'many' is not a whole number of at least 1"),
        (["--tokenizer", "tok", "--n-per-domain", "51"], "there are 50 built-in code prompts; ask for fewer"),
        (["--tokenizer", "tok", "--source", "hub"], "no prompts from the hub: the package 'datasets' is not"),
        (["--source", "web"], "invalid choice: 'web'"),
        (["--output", "."], "'.' is a folder; name a file in it"),
        (["--output", ""], "'' is a folder; name a file in it"),
        (["--tokenizer", "tok", "--output", "/dev/null"], "it is not a regular file"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments, message, tokenizer_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN" / "tokenizer.json").write_text("{")
    try:
        code = main(["--source", "builtin", "--output", "p.json", *arguments])
    except SystemExit as exit_:
        code = exit_.code
    assert code == 2
    (line,) = capsys.readouterr().err.strip().split("\n")
    assert line.startswith("[prompts] error: ") and message in line
    assert not (tmp_path / "p.json").exists()


def test_a_full_disk_is_one_line_and_the_old_files_stay(tokenizer_folder, tmp_path, monkeypatch, capsys):
    output = tmp_path / "p.json"
    output.write_text("older")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    arguments = ["--tokenizer", str(tokenizer_folder), "--output", str(output), "--source", "builtin"]
    assert main(arguments) == 2
    assert capsys.readouterr().err == (
        f"[prompts] error: cannot save prompts to {output}: No space left on device; "
        "nothing was changed there\n"
    )
    assert output.read_text() == "older"
    assert sorted(os.listdir(tmp_path)) == ["p.json", "tok"]


def refuse(error: Exception):
    def model_info(self, name, timeout):
        assert timeout == command.HUB_TIMEOUT
        raise error

    return model_info


def test_a_hub_tokenizer_without_a_network_is_one_line_after_one_request(monkeypatch):
    monkeypatch.setattr(HfApi, "model_info", refuse(ConnectionError("Name or service not known")))
    with pytest.raises(ModelUnavailable) as caught:
        command.find_tokenizer("no-such-owner/no-such-tokenizer")
    assert str(caught.value) == (
        "cannot load tokenizer 'no-such-owner/no-such-tokenizer': it is no folder, it is not in the local "
        "cache, and the hub does not give it (Name or service not known); pass a local folder, or 'pocket'"
    )


def test_a_hub_tokenizer_is_read_from_the_cache_first_and_then_from_the_hub(monkeypatch):
    from transformers import AutoTokenizer

    calls = []

    def from_pretrained(name, local_files_only=False, trust_remote_code=None):
        assert trust_remote_code is False
        calls.append(local_files_only)
        if local_files_only:
            raise OSError("not cached")
        return "the tokenizer"

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", from_pretrained)
    monkeypatch.setattr(HfApi, "model_info", lambda self, name, timeout: None)
    assert command.find_tokenizer("some/tokenizer") == "the tokenizer"
    assert calls == [True, False]
