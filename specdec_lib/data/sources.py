"""Where the texts of prompts come from: three data sets of the Hugging Face hub, or ``data/prompts``.

The hub is asked once whether it has a data set, without retries and for ``HUB_TIMEOUT`` seconds at most,
because the ``datasets`` package alone takes half a minute to notice that there is no network. ``datasets``
is optional and is imported only after that. What comes out are texts with their
token counts.
"""

from __future__ import annotations

import json
import random
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from typing import Any

from specdec_lib.errors import InvalidArgument, PromptError, reason_of
from specdec_lib.utils.numbers import counted
from specdec_lib.utils.paths import data_path

MAX_PROMPT_TOKENS = 512
SUMMARY_REQUEST = "\n\nSummarize the above article:"
BORDER_WORDS = 4
HUB_TIMEOUT = 5.0

CountTokens = Callable[[str], int]
CountedText = tuple[str, int]


@dataclass(frozen=True)
class HubSource:
    """One split of a data set on the hub, and the column that holds the text."""

    path: str
    name: str | None
    split: str
    field: str
    licence: str


HUB_SOURCES = {
    "code": HubSource("openai/openai_humaneval", None, "test", "prompt", "MIT"),
    "conversation": HubSource("tatsu-lab/alpaca", None, "train", "instruction", "CC BY-NC 4.0"),
    "summarization": HubSource("cnn_dailymail", "3.0.0", "test", "article", "Apache-2.0"),
}
DOMAINS = tuple(HUB_SOURCES)
BUILTIN_SOURCE = {"name": "builtin", "licence": "MIT"}


class HubUnreachable(PromptError):
    """The hub as a whole cannot be asked, so that there is no point in asking for the next data set."""


def from_hub(
    count_tokens: CountTokens, n: int, seed: int
) -> tuple[dict[str, list[CountedText]], dict[str, str]]:
    """Per domain, either n texts with their token counts, or the reason why there are none.

    Once the hub has not answered, it is not asked again for the domains that are left.
    """
    found: dict[str, list[CountedText]] = {}
    failures: dict[str, str] = {}
    for position, domain in enumerate(DOMAINS):
        try:
            texts = list(islice(hub_texts(domain, count_tokens, seed), n))
            if len(texts) < n:
                given = counted(len(texts), "prompt")
                raise PromptError(f"{HUB_SOURCES[domain].path} gives {given} instead of {n}")
            found[domain] = texts
        except HubUnreachable as error:
            failures |= {later: str(error) for later in DOMAINS[position:]}
            break
        except PromptError as error:
            failures[domain] = str(error)
    return found, failures


def from_files(domain: str, count_tokens: CountTokens, n: int) -> list[CountedText]:
    """The first n built-in prompts of a domain. Raises InvalidArgument if there are fewer."""
    texts = builtin_texts(domain)
    if n > len(texts):
        raise InvalidArgument(
            f"n_per_domain={n}, but there are {len(texts)} built-in {domain} prompts; ask for fewer"
        )
    return [(text, count_tokens(text)) for text in texts[:n]]


def origin(domain: str, on_hub: bool) -> dict[str, str]:
    """The name and the licence of where a domain's texts came from."""
    source = HUB_SOURCES[domain]
    return {"name": source.path, "licence": source.licence} if on_hub else dict(BUILTIN_SOURCE)


def builtin_texts(domain: str) -> list[str]:
    """The prompts written for this project, in the order of their file.

    Raises:
        PromptError: the file is missing or is not what it should be (a damaged installation).
    """
    path = data_path("prompts", f"{domain}.json")
    try:
        texts = json.loads(path.read_text(encoding="utf-8"))["prompts"]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a prompt is not a text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PromptError(
            f"cannot read the built-in prompts in {path}: {reason_of(error)}; install the project again"
        ) from error
    return texts


def hub_texts(domain: str, count_tokens: CountTokens, seed: int) -> Iterator[CountedText]:
    """Texts of a domain's data set with their token counts, in an order drawn from ``seed``.

    Every text has at most ``MAX_PROMPT_TOKENS`` tokens: an article is cut to fit with its request, any
    other text that is longer is left out. The first n texts do not depend on how many are taken.

    Raises:
        HubUnreachable: no ``datasets`` package, or no answer from the hub.
        PromptError: this data set cannot be had, or it lacks the expected column.
    """
    texts = _read_column(domain)
    random.Random(f"{seed}/{domain}").shuffle(texts)
    for text in texts:
        fitted = fit_article(text, count_tokens) if domain == "summarization" else text
        if fitted and fitted.strip() and (count := count_tokens(fitted)) <= MAX_PROMPT_TOKENS:
            yield fitted, count


def fit_article(article: str, count_tokens: CountTokens, limit: int = MAX_PROMPT_TOKENS) -> str | None:
    """The article and its request in at most ``limit`` tokens, cut after the last word that fits.

    Tokens are counted on the whole text each time: a sum over its parts would be wrong where they merge
    at the border. Returns None if not even one word fits.
    """
    article = article.strip()
    ends = [word.end() for word in re.finditer(r"\S+", article)][: 2 * limit]

    def tokens_up_to(end: int) -> int:
        return count_tokens(article[:end] + SUMMARY_REQUEST)

    kept = bisect_right(ends, limit, key=tokens_up_to)  # the last word kept has been counted, and it fits
    # One word more can be fewer tokens, where its full stop and the line break after it are one token.
    beyond = [end for end in ends[kept : kept + BORDER_WORDS] if tokens_up_to(end) <= limit]
    fitting = ends[:kept] + beyond
    return article[: fitting[-1]] + SUMMARY_REQUEST if fitting else None


def _read_column(domain: str) -> list[str]:
    source = HUB_SOURCES[domain]
    texts: list[Any] = [row.get(source.field) for row in _rows(source)]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise PromptError(f"{source.path} ({source.split}) has no text column {source.field!r}")
    return texts


def _rows(source: HubSource) -> Iterable[Mapping[str, Any]]:
    """All rows of a split: streamed, so that only this split is downloaded; offline, from the local cache."""
    offline = _check_hub(source.path)
    load = import_module("datasets").load_dataset
    try:
        return list(load(source.path, source.name, split=source.split, streaming=not offline))
    except Exception as error:  # datasets raises whatever its readers and the network raise
        reason = "it is not in the local cache and HF_HUB_OFFLINE is set" if offline else reason_of(error)
        raise PromptError(f"cannot load {source.path}: {reason}") from error


def _check_hub(path: str) -> bool:
    """True where the hub must not be asked (HF_HUB_OFFLINE); raises if it has no such data set to give."""
    try:
        import_module("datasets")
    except ImportError as error:
        raise HubUnreachable("the package 'datasets' is not installed (pip install datasets)") from error
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    if constants.HF_HUB_OFFLINE:
        return True
    try:
        HfApi().dataset_info(path, timeout=HUB_TIMEOUT)
    except HfHubHTTPError as error:
        raise PromptError(f"the hub refuses {path}: {reason_of(error)}") from error
    except Exception as error:  # no network, a proxy's page, a bad certificate: each client has its own types
        raise HubUnreachable(f"the hub cannot be reached ({reason_of(error)})") from error
    return False
