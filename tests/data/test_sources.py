"""Where texts come from: the hub without a network, the cut of an article, the built-in files."""

from __future__ import annotations

import ast
import json
import re
import sys
import time
from collections import Counter
from types import ModuleType

import pytest
from huggingface_hub import HfApi, constants

from specdec_lib.data import sources
from specdec_lib.data.sources import (
    DOMAINS,
    SUMMARY_REQUEST,
    HubUnreachable,
    builtin_texts,
    fit_article,
    from_hub,
    hub_texts,
)
from specdec_lib.errors import InvalidArgument, PromptError
from specdec_lib.utils.paths import data_path


def count_words(text: str) -> int:
    return len(text.split())


# -- the hub, faked at its two doors: the request for a data set's card, and `datasets.load_dataset` --------


def hub_row(path: str, number: int) -> dict[str, str]:
    """A row as the data sets have it, with the columns that are not asked for."""
    return {
        "openai/openai_humaneval": {
            "task_id": f"t/{number}",
            "prompt": f'def f{number}():\n    """Doc."""\n',
        },
        "tatsu-lab/alpaca": {"instruction": f"Explain topic {number}.", "input": "", "output": "no"},
        "cnn_dailymail": {"article": f"Story {number}. " + "word " * 900, "highlights": "no", "id": "x"},
    }[path]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """A hub with 70 rows per data set; the list records every call of ``load_dataset``."""
    calls: list[tuple] = []

    def load_dataset(path, name=None, *, split=None, streaming=False):
        calls.append((path, name, split, streaming))
        return (hub_row(path, number) for number in range(70))

    module = ModuleType("datasets")
    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    monkeypatch.setattr(HfApi, "dataset_info", lambda self, path, timeout: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return calls


def test_each_data_set_is_asked_for_its_split_and_only_that_split_is_downloaded(hub):
    found, failures = from_hub(count_words, 50, seed=1)
    assert failures == {}
    assert hub == [
        ("openai/openai_humaneval", None, "test", True),
        ("tatsu-lab/alpaca", None, "train", True),
        ("cnn_dailymail", "3.0.0", "test", True),
    ]
    assert {domain: len(texts) for domain, texts in found.items()} == dict.fromkeys(DOMAINS, 50)
    assert all(re.fullmatch(r'def f\d+\(\):\n    """Doc\."""\n', text) for text, _ in found["code"])
    assert all(text.startswith("Explain topic") for text, _ in found["conversation"])


def test_articles_are_cut_to_512_tokens_with_their_request(hub):
    found, _ = from_hub(count_words, 50, seed=1)
    for text, count in found["summarization"]:
        assert text.endswith(SUMMARY_REQUEST)
        assert count == count_words(text) == 512


def test_the_seed_chooses_the_rows_and_a_smaller_set_is_the_beginning_of_a_larger_one(hub):
    large, _ = from_hub(count_words, 50, seed=1)
    small, _ = from_hub(count_words, 5, seed=1)
    other, _ = from_hub(count_words, 50, seed=2)
    assert all(large[domain][:5] == small[domain] for domain in DOMAINS)
    assert all(large[domain] != other[domain] for domain in DOMAINS)
    assert all(len(set(texts)) == 50 for texts in large.values())


def test_texts_that_are_empty_or_too_long_are_left_out(hub, monkeypatch):
    rows = [{"prompt": text} for text in ("", " \n", "word " * 513, "word " * 512, "fine")]
    monkeypatch.setattr(sys.modules["datasets"], "load_dataset", lambda *a, **k: rows)
    assert sorted(count for _, count in hub_texts("code", count_words, seed=0)) == [1, 512]


def test_offline_mode_reads_the_cache_and_sends_no_request(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(HfApi, "dataset_info", lambda *a, **k: pytest.fail("a request was sent"))
    found, failures = from_hub(count_words, 3, seed=0)
    assert len(found) == 3 and not failures
    assert [streaming for *_, streaming in hub] == [False, False, False]


def test_offline_mode_without_a_cache_says_so(hub, monkeypatch):
    def load_dataset(path, *args, **kwargs):
        raise ConnectionError(f"Couldn't reach '{path}' on the Hub (OfflineModeIsEnabled)")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(sys.modules["datasets"], "load_dataset", load_dataset)
    found, failures = from_hub(count_words, 3, seed=0)
    assert not found
    assert failures["code"] == (
        "cannot load openai/openai_humaneval: it is not in the local cache and HF_HUB_OFFLINE is set"
    )


def test_a_data_set_that_fails_costs_only_its_own_domain(hub, monkeypatch):
    whole = sys.modules["datasets"].load_dataset

    def load_dataset(path, *args, **kwargs):
        if "alpaca" in path:
            raise ConnectionError(f"Couldn't reach '{path}' on the Hub\nand a second line")
        return whole(path, *args, **kwargs)

    monkeypatch.setattr(sys.modules["datasets"], "load_dataset", load_dataset)
    found, failures = from_hub(count_words, 4, seed=0)
    assert set(found) == {"code", "summarization"}
    assert failures == {
        "conversation": "cannot load tatsu-lab/alpaca: Couldn't reach 'tatsu-lab/alpaca' on the Hub"
    }


def test_an_error_while_rows_arrive_is_a_data_set_that_cannot_be_had(hub, monkeypatch):
    def broken_stream(*args, **kwargs):
        yield {"prompt": "def f(): ..."}
        raise OSError(104, "Connection reset by peer")

    monkeypatch.setattr(sys.modules["datasets"], "load_dataset", broken_stream)
    with pytest.raises(PromptError, match=r"cannot load openai/openai_humaneval: Connection reset by peer"):
        next(hub_texts("code", count_words, seed=0))


@pytest.mark.parametrize("rows", [[], [{"text": "another column"}], [{"prompt": "ok"}, {"prompt": None}]])
def test_a_data_set_without_the_column_is_refused(hub, monkeypatch, rows):
    monkeypatch.setattr(sys.modules["datasets"], "load_dataset", lambda *a, **k: rows)
    with pytest.raises(PromptError, match=r"openai/openai_humaneval \(test\) has no text column 'prompt'"):
        next(hub_texts("code", count_words, seed=0))


def test_too_few_rows_are_a_failure_with_the_number(hub):
    found, failures = from_hub(count_words, 71, seed=0)
    assert not found
    assert failures["code"] == "openai/openai_humaneval gives 70 prompts instead of 71"


def test_without_the_datasets_package_no_request_is_sent(hub, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)  # what import sees for a package that is absent
    monkeypatch.setattr(HfApi, "dataset_info", lambda *a, **k: pytest.fail("a request was sent"))
    found, failures = from_hub(count_words, 3, seed=0)
    assert not found
    assert set(failures.values()) == {"the package 'datasets' is not installed (pip install datasets)"}


def test_a_hub_that_does_not_answer_is_asked_once_and_datasets_never(hub, monkeypatch):
    requests = []

    def no_network(self, path, timeout):
        requests.append((path, timeout))
        raise ConnectionError("[Errno -2] Name or service not known")

    monkeypatch.setattr(HfApi, "dataset_info", no_network)
    found, failures = from_hub(count_words, 3, seed=0)
    assert not found and not hub
    assert requests == [("openai/openai_humaneval", sources.HUB_TIMEOUT)]
    assert list(failures) == list(DOMAINS)
    assert set(failures.values()) == {"the hub cannot be reached ([Errno -2] Name or service not known)"}


def test_a_refused_connection_is_noticed_at_once(hub, monkeypatch):
    """The real request, to a port where nobody listens: `datasets` itself would retry for half a minute."""
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "datasets", ModuleType("datasets"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    naps = []
    monkeypatch.setattr(time, "sleep", naps.append)
    with pytest.raises(HubUnreachable, match="the hub cannot be reached"):
        next(hub_texts("code", count_words, seed=0))
    assert naps == [], "no retry"


# -- the cut of an article ---------------------------------------------------------------------------------


def pocket_counter():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(data_path("models", "pocket-target", "tokenizer.json")))
    return lambda text: len(tokenizer.encode(text).ids)


def word_ends(article: str) -> list[int]:
    return [match.end() for match in re.finditer(r"\S+", article)]


def longest_fit(article: str, count_tokens, limit: int) -> str | None:
    """The slow way: try every word as the last one."""
    cuts = [article[:end] + SUMMARY_REQUEST for end in word_ends(article)]
    return max((cut for cut in cuts if count_tokens(cut) <= limit), key=len, default=None)


@pytest.mark.parametrize("limit", [20, 57, 128, 200])
@pytest.mark.parametrize("number", [0, 17, 33])
def test_the_cut_is_the_longest_that_fits_the_embedded_tokenizer(number, limit):
    article = builtin_texts("summarization")[number].removesuffix(SUMMARY_REQUEST)
    count_tokens = pocket_counter()
    cut = fit_article(article, count_tokens, limit)
    assert cut == longest_fit(article, count_tokens, limit)
    assert count_tokens(cut) <= limit < count_tokens(article + SUMMARY_REQUEST)


def test_tokens_that_merge_at_the_border_are_counted_in_the_whole_text():
    """A tokenizer where a full stop and the request are one token, but any other word leaves it at four."""

    def count_tokens(text: str) -> int:
        return len(text.removesuffix(SUMMARY_REQUEST).split()) + (1 if f".{SUMMARY_REQUEST}" in text else 4)

    article = " ".join(f"word{i}." if i % 10 == 9 else f"word{i}" for i in range(200))
    for limit in range(10, 120):
        assert fit_article(article, count_tokens, limit) == longest_fit(article, count_tokens, limit)


def test_a_short_article_stays_whole_and_loses_only_the_space_around_it():
    assert fit_article("  one\n\ntwo \n", count_words, 512) == "one\n\ntwo" + SUMMARY_REQUEST


def test_exactly_the_limit_fits():
    article = "word " * 600
    assert count_words(fit_article(article, count_words, 512)) == 512
    assert fit_article("word " * 508, count_words, 512) == ("word " * 508).strip() + SUMMARY_REQUEST


@pytest.mark.parametrize("article", ["", "   ", "x" * 5000])
def test_an_article_of_which_no_word_fits_gives_none(article):
    assert fit_article(article, len, 100) is None


# -- the built-in prompts -----------------------------------------------------------------------------------


def turns(text: str) -> list[str]:
    return [line.split(":")[0] for line in text.split("\n")]


@pytest.mark.parametrize("domain", DOMAINS)
def test_there_are_fifty_different_ascii_prompts_between_40_and_450_tokens(domain):
    texts = builtin_texts(domain)
    count_tokens = pocket_counter()
    assert len(texts) == len(set(texts)) == 50
    assert all(text.isascii() and text == text.strip() for text in texts)
    assert all(40 <= count_tokens(text) <= 450 for text in texts)


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_two_prompts_share_much_of_their_wording(domain):
    """Three-word sequences in common, as a share of the shorter prompt: a filled-in template has far more."""

    def trigrams(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"\w+", text.removesuffix(SUMMARY_REQUEST).lower())
        return set(zip(words, words[1:], words[2:], strict=False))

    grams = [trigrams(text) for text in builtin_texts(domain)]
    for i, one in enumerate(grams):
        for other in grams[:i]:
            assert len(one & other) <= 0.2 * min(len(one), len(other))


def test_code_prompts_are_functions_that_end_with_their_docstring():
    names = Counter()
    for text in builtin_texts("code"):
        assert text.startswith("def ") and text.endswith('"""')
        (function,) = ast.parse(text).body
        assert ast.get_docstring(function) and len(function.body) == 1
        names[function.name] += 1
    assert max(names.values()) == 1


def test_conversation_prompts_alternate_and_leave_the_turn_to_the_assistant():
    for text in builtin_texts("conversation"):
        speakers = turns(text)
        assert speakers == ["User", "Assistant"] * (len(speakers) // 2)
        assert text.endswith("\nAssistant:") and 4 <= len(speakers) <= 8


def test_summarization_prompts_are_pages_of_80_to_250_words_with_the_request():
    titles = set()
    for text in builtin_texts("summarization"):
        assert text.startswith("# ") and text.endswith(SUMMARY_REQUEST)
        titles.add(text.split("\n")[0])
        assert 80 <= count_words(text.removesuffix(SUMMARY_REQUEST)) <= 250
    assert len(titles) == 50


@pytest.mark.parametrize("domain", DOMAINS)
def test_each_file_names_its_domain_provenance_and_licence(domain):
    document = json.loads(data_path("prompts", f"{domain}.json").read_text(encoding="utf-8"))
    assert document["domain"] == domain
    assert document["licence"] == "MIT"
    assert "Written for this project" in document["provenance"]


@pytest.mark.parametrize("content", [None, "{", '{"texts": []}', "[]", '{"prompts": [1]}'])
def test_a_damaged_installation_is_named(tmp_path, monkeypatch, content):
    if content is not None:
        (tmp_path / "code.json").write_text(content)
    monkeypatch.setattr(sources, "data_path", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(PromptError, match=r"cannot read the built-in prompts in .*code\.json: .*install"):
        builtin_texts("code")


def test_more_prompts_than_are_built_in_is_an_invalid_argument():
    with pytest.raises(InvalidArgument, match="n_per_domain=51, but there are 50 built-in code prompts"):
        sources.from_files("code", count_words, 51)
