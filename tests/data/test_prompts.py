"""The prompt set: building with a fallback, the file format, and damaged files, full disks."""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
from huggingface_hub import HfApi, constants

from specdec_lib.data.prompts import DOMAINS, Prompt, PromptDataset
from specdec_lib.data.sources import builtin_texts
from specdec_lib.errors import InvalidArgument, PromptError


class WordTokenizer:
    """One token a word."""

    name_or_path = "words"

    def encode(self, text: str) -> list[int]:
        return list(range(len(text.split())))


@pytest.fixture(autouse=True)
def no_datasets_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is installed here: no test asks the hub unless it brings its own."""
    monkeypatch.setitem(sys.modules, "datasets", None)


@pytest.fixture
def dataset() -> PromptDataset:
    return PromptDataset.build(WordTokenizer(), n_per_domain=6, source="builtin")


# -- building ----------------------------------------------------------------------------------------------


def test_the_full_set_has_fifty_prompts_per_domain_with_their_token_counts():
    dataset = PromptDataset.build(WordTokenizer(), source="builtin")
    assert len(dataset) == len(dataset.get_all()) == 150
    for domain in DOMAINS:
        prompts = dataset.get_by_domain(domain)
        assert [prompt.prompt_id for prompt in prompts] == [f"{domain}_{i:03d}" for i in range(50)]
        assert [prompt.raw_text for prompt in prompts] == builtin_texts(domain)
        assert all(prompt.token_count == len(prompt.raw_text.split()) for prompt in prompts)
    assert dataset.tokenizer == "words"
    assert dataset.sources == {domain: {"name": "builtin", "licence": "MIT"} for domain in DOMAINS}


def test_an_id_names_the_same_built_in_text_whatever_the_size_and_the_seed(dataset):
    other = PromptDataset.build(WordTokenizer(), n_per_domain=3, source="builtin", seed=7)
    texts = {prompt.prompt_id: prompt.raw_text for prompt in dataset}
    assert all(texts[prompt.prompt_id] == prompt.raw_text for prompt in other)


def test_auto_falls_back_to_built_in_prompts_and_says_so_in_one_line(caplog, dataset):
    with caplog.at_level(logging.WARNING):
        built = PromptDataset.build(WordTokenizer(), n_per_domain=6)
    assert built == dataset
    assert [record.getMessage() for record in caplog.records] == [
        "[prompts] built-in prompts for code, conversation, summarization: "
        "the package 'datasets' is not installed (pip install datasets)"
    ]


def test_a_built_in_set_says_nothing(caplog, dataset):
    assert not caplog.records


def fake_hub(monkeypatch: pytest.MonkeyPatch, unavailable: str = "nothing") -> None:
    columns = {
        "openai/openai_humaneval": "prompt",
        "tatsu-lab/alpaca": "instruction",
        "cnn_dailymail": "article",
    }

    def load_dataset(path, name=None, *, split, streaming):
        if unavailable in path:
            raise ConnectionError(f"Couldn't reach '{path}' on the Hub")
        return [{columns[path]: f"{path} text {i}"} for i in range(20)]

    module = ModuleType("datasets")
    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    monkeypatch.setattr(HfApi, "dataset_info", lambda self, path, timeout: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.mark.parametrize("source", ["auto", "hub"])
def test_hub_prompts_carry_the_name_and_licence_of_their_data_set(monkeypatch, caplog, source):
    fake_hub(monkeypatch)
    dataset = PromptDataset.build(WordTokenizer(), n_per_domain=20, source=source)
    assert len(dataset) == 60 and not caplog.records
    assert dataset.sources == {
        "code": {"name": "openai/openai_humaneval", "licence": "MIT"},
        "conversation": {"name": "tatsu-lab/alpaca", "licence": "CC BY-NC 4.0"},
        "summarization": {"name": "cnn_dailymail", "licence": "Apache-2.0"},
    }
    assert dataset.get_by_domain("code")[0].raw_text.startswith("openai/openai_humaneval text")


def test_auto_replaces_only_the_data_set_that_cannot_be_had(monkeypatch, caplog, dataset):
    fake_hub(monkeypatch, unavailable="alpaca")
    built = PromptDataset.build(WordTokenizer(), n_per_domain=6)
    assert built.get_by_domain("conversation") == dataset.get_by_domain("conversation")
    names = {domain: source["name"] for domain, source in built.sources.items()}
    assert names == {
        "code": "openai/openai_humaneval",
        "conversation": "builtin",
        "summarization": "cnn_dailymail",
    }
    (record,) = caplog.records
    assert record.getMessage() == (
        "[prompts] built-in prompts for conversation: "
        "cannot load tatsu-lab/alpaca: Couldn't reach 'tatsu-lab/alpaca' on the Hub"
    )


def test_source_hub_does_not_fall_back(monkeypatch):
    fake_hub(monkeypatch, unavailable="cnn")
    with pytest.raises(PromptError, match=r"no prompts from the hub: cannot load cnn_dailymail: .*'builtin'"):
        PromptDataset.build(WordTokenizer(), n_per_domain=6, source="hub")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_per_domain": 0}, "n_per_domain must be at least 1, not 0"),
        ({"n_per_domain": 51, "source": "builtin"}, "there are 50 built-in code prompts"),
        ({"source": "web"}, "unknown prompt source 'web'; choose from auto, hub, builtin"),
        ({"tokenizer": "gpt2"}, r"needs a tokenizer with encode\(text\), not str"),
    ],
)
def test_bad_arguments_of_build(arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        PromptDataset.build(**{"tokenizer": WordTokenizer()} | arguments)


def test_a_local_tokenizer_folder_is_recorded_by_its_last_part(tmp_path):
    tokenizer = SimpleNamespace(encode=str.split, name_or_path=str(tmp_path))
    assert PromptDataset.build(tokenizer, 1, "builtin").tokenizer == tmp_path.name


# -- looking up --------------------------------------------------------------------------------------------


def test_first_keeps_the_beginning_of_each_domain(dataset):
    tiny = dataset.first(2)
    assert [prompt.prompt_id for prompt in tiny] == [f"{domain}_00{i}" for domain in DOMAINS for i in (0, 1)]
    assert tiny.sources == dataset.sources and tiny.tokenizer == dataset.tokenizer


def test_an_unknown_domain_is_refused(dataset):
    with pytest.raises(InvalidArgument, match="unknown prompt domain 'poetry'; choose from code, conv"):
        dataset.get_by_domain("poetry")


def test_a_set_of_ones_own_has_domains_of_its_own(tmp_path):
    own = PromptDataset(
        (Prompt("a", "poetry", "x", 1), Prompt("b", "prose", "y", 1), Prompt("c", "prose", "z", 1))
    )
    own.save(tmp_path / "own.json")
    loaded = PromptDataset.load(tmp_path / "own.json")
    assert loaded == own and loaded.domains == ["poetry", "prose"]
    assert [p.prompt_id for p in loaded.get_by_domain("prose")] == ["b", "c"] and len(loaded.first(1)) == 2
    assert loaded.get_by_domain("code") == []
    with pytest.raises(InvalidArgument, match="unknown prompt domain 'Prose'; choose from poetry, prose"):
        loaded.get_by_domain("Prose")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"domain": "poetry\n"}, "printable names, not 'poetry"),
        ({"domain": "poetry", "prompt_id": " "}, "printable names, not ' '"),
        ({"prompt_id": "code-000"}, "prompt_id must look like 'code_000', not 'code-000'"),
        ({"prompt_id": "summarization_000"}, "prompt_id must look like 'code_000'"),
        ({"raw_text": " \n"}, "raw_text of code_000 must not be empty"),
        ({"token_count": 0}, "token_count of code_000 must be positive"),
    ],
)
def test_a_prompt_checks_its_values(changed, message):
    with pytest.raises(InvalidArgument, match=message):
        Prompt(**{"prompt_id": "code_000", "domain": "code", "raw_text": "x", "token_count": 1} | changed)


# -- files -------------------------------------------------------------------------------------------------


def test_saved_and_loaded_sets_are_equal(dataset, tmp_path):
    path = tmp_path / "new" / "folder" / "prompts.json"
    dataset.save(path)
    assert PromptDataset.load(path) == dataset
    assert os.listdir(path.parent) == ["prompts.json"]


def test_text_beyond_ascii_survives_any_locale(tmp_path):
    text = "naïve → \N{SNOWMAN} \ud800"  # also half of a surrogate pair, which UTF-8 cannot hold
    dataset = PromptDataset((Prompt("code_000", "code", text, 3),))
    dataset.save(tmp_path / "p.json")
    assert (tmp_path / "p.json").read_bytes().isascii()
    assert PromptDataset.load(tmp_path / "p.json") == dataset


def saved(dataset: PromptDataset, tmp_path) -> tuple:
    path = tmp_path / "prompts.json"
    dataset.save(path)
    return path, json.loads(path.read_text())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"domain": ""}, "prompt 2: a prompt's domain and id are printable names, not ''"),
        ({"domain": ["code"]}, "prompt 2: domain is not of type str"),
        ({"prompt_id": "code_1"}, "prompt 2: prompt_id must look like 'code_000', not 'code_1'"),
        ({"prompt_id": "code_000"}, "prompt_id 'code_000' occurs twice"),
        ({"raw_text": None}, "prompt 2: raw_text is not of type str"),
        ({"raw_text": ""}, "prompt 2: raw_text of code_001 must not be empty"),
        ({"token_count": True}, "prompt 2: token_count is not of type int"),
        ({"token_count": 7.5}, "prompt 2: token_count is not of type int"),
        ({"token_count": -1}, "prompt 2: token_count of code_001 must be positive"),
    ],
)
def test_load_names_the_prompt_and_the_wrong_value(dataset, tmp_path, changed, message):
    path, document = saved(dataset, tmp_path)
    document["prompts"][1] |= changed
    path.write_text(json.dumps(document))
    with pytest.raises(PromptError) as caught:
        PromptDataset.load(path)
    advice = "rebuild it with python -m specdec_lib.data.prompts"
    assert str(caught.value) == f"cannot load prompts from {path}: {message}; {advice}"


@pytest.mark.parametrize("names", [["token_count"], ["domain", "raw_text"]])
def test_load_names_the_missing_keys(dataset, tmp_path, names):
    path, document = saved(dataset, tmp_path)
    for name in names:
        del document["prompts"][3][name]
    path.write_text(json.dumps(document))
    with pytest.raises(PromptError, match=f"prompt 4 lacks {', '.join(names)}"):
        PromptDataset.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expecting value"),
        (b'{"prompts": [', r"Expecting value: line 1 column 14"),
        (b"\xff\xfe{}", "can't decode byte"),
        (b"[]", "not an object with a list of 'prompts'"),
        (b'{"prompts": {}}', "not an object with a list of 'prompts'"),
        (b'{"prompts": ["text"]}', "prompt 1 is not an object"),
        (b'{"prompts": [], "tokenizer": 3}', "'tokenizer' must be a text"),
        (b'{"prompts": [], "sources": []}', "'sources' an object"),
        (b'{"prompts": [], "sources": {"code": "hub"}}', "'sources' an object"),
        (b'{"prompts": [], "sources": {"code": {"name": 1}}}', "'sources' an object"),
    ],
)
def test_load_refuses_what_is_no_prompt_file(tmp_path, content, message):
    path = tmp_path / "prompts.json"
    path.write_bytes(content)
    with pytest.raises(PromptError, match=message) as caught:
        PromptDataset.load(path)
    assert "\n" not in str(caught.value)


def test_load_of_a_missing_file_or_a_folder(tmp_path):
    with pytest.raises(
        PromptError, match=r"cannot load prompts from .*none\.json: No such file or directory"
    ):
        PromptDataset.load(tmp_path / "none.json")
    with pytest.raises(PromptError, match="Is a directory"):
        PromptDataset.load(tmp_path)


@pytest.mark.parametrize("moment", ["write", "fsync"])
def test_a_full_disk_leaves_the_old_file_and_no_rubbish(dataset, tmp_path, monkeypatch, moment):
    path, before = saved(dataset, tmp_path)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if moment == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr("pathlib.Path.open", full)
    with pytest.raises(PromptError) as caught:
        dataset.first(1).save(path)
    assert str(caught.value) == (
        f"cannot save prompts to {path}: No space left on device; nothing was changed there"
    )
    monkeypatch.undo()
    assert json.loads(path.read_text()) == before
    assert os.listdir(tmp_path) == ["prompts.json"]


def test_the_new_file_is_on_the_disk_before_it_replaces_the_old_one(dataset, tmp_path, monkeypatch):
    path, before = saved(dataset, tmp_path)
    seen = []

    def fsync(descriptor):
        seen.append((json.loads(path.read_text()) == before, os.fstat(descriptor).st_size > 0))

    monkeypatch.setattr(os, "fsync", fsync)
    dataset.first(1).save(path)
    assert seen[0] == (True, True)  # behind it comes the folder, which then has the new name
    assert len(PromptDataset.load(path)) == 3


def test_save_to_a_folder_or_a_device_is_refused(dataset, tmp_path):
    with pytest.raises(PromptError, match="it is a folder; nothing was changed"):
        dataset.save(tmp_path)
    with pytest.raises(PromptError, match="it is not a regular file"):
        dataset.save("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_save_below_a_file_is_refused(dataset, tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(PromptError, match=r"cannot save prompts to .*: (Not a directory|File exists)"):
        dataset.save(tmp_path / "file" / "prompts.json")
    assert (tmp_path / "file").read_text() == "kept"


def test_save_through_a_link_keeps_the_link(dataset, tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    dataset.save(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert PromptDataset.load(tmp_path / "real.json") == dataset


def test_the_modules_import_neither_torch_nor_the_hub():
    code = (
        "import sys, specdec_lib.data.prompts, specdec_lib.data.sources, specdec_lib.data.command; "
        "print(sorted({'torch', 'transformers', 'huggingface_hub', 'datasets'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
