"""Prompts of three domains (code, conversation, summarization): built, kept in a JSON file, read back.

A prompt set is built for one tokenizer, because a prompt's length is counted in that tokenizer's tokens and
an article is cut by it. Texts come from the Hugging Face hub where it can be reached and otherwise from the
prompts that were written for this project; either way the file says which, and under which licence.
Domains of a set of one's own have free names; how a file of one's own is read is
:mod:`specdec_lib.data.files`'s. This module refuses to know any model: a tokenizer is whatever has
``encode(text)``.

    python -m specdec_lib.data.prompts --tokenizer gpt2 --output data/prompts.json
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from specdec_lib.data.files import RawPrompt, prompts_hash, read_prompts
from specdec_lib.data.sources import DOMAINS, builtin_texts, describe, from_files, from_hub, origin
from specdec_lib.errors import InvalidArgument, PromptError

__all__ = [
    "DOMAINS",
    "Prompt",
    "PromptDataset",
    "RawPrompt",
    "builtin_prompts",
    "prompts_hash",
    "read_prompts",
]

SOURCES = ("auto", "hub", "builtin")
_FIELD_TYPES = {"prompt_id": str, "domain": str, "raw_text": str, "token_count": int}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prompt:
    """One prompt: ``prompt_id`` is domain and number (``code_000``), ``token_count`` is by one tokenizer.

    The domains in ``DOMAINS`` are those of this project; a set of one's own calls its domains and its
    prompts as it likes.

    Raises:
        InvalidArgument: an id that does not fit one of the project's domains, no name, no text, no tokens.
    """

    prompt_id: str
    domain: str
    raw_text: str
    token_count: int

    def __post_init__(self) -> None:
        for name in (self.domain, self.prompt_id):
            if not name.strip() or not name.isprintable():
                raise InvalidArgument(f"a prompt's domain and id are printable names, not {name!r}")
        if self.domain in DOMAINS and not re.fullmatch(rf"{self.domain}_[0-9]{{3,}}", self.prompt_id):
            raise InvalidArgument(f"prompt_id must look like '{self.domain}_000', not {self.prompt_id!r}")
        if not self.raw_text.strip():
            raise InvalidArgument(f"raw_text of {self.prompt_id} must not be empty")
        if self.token_count < 1:
            raise InvalidArgument(f"token_count of {self.prompt_id} must be positive")


@dataclass(frozen=True)
class PromptDataset:
    """Prompts domain by domain, the tokenizer that counted them, each domain's source."""

    prompts: tuple[Prompt, ...]
    tokenizer: str = ""
    sources: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def build(
        cls, tokenizer: Any, n_per_domain: int = 50, source: str = "auto", seed: int = 42
    ) -> PromptDataset:
        """Collect ``n_per_domain`` prompts of each domain.

        Args:
            tokenizer: anything with ``encode(text)`` that returns token ids: a Hugging Face tokenizer, a
                ModelWrapper.
            n_per_domain: prompts per domain, at least 1; there are 50 built-in ones.
            source: "hub" for the three data sets, "builtin" for the prompts of this project, "auto" for
                the hub where it can be reached; what it does not give is replaced by built-in prompts, and
                one log line says so.
            seed: chooses among the texts of the hub. Built-in prompts come in the order of their files,
                so that ``code_007`` always is the same text.

        Raises:
            InvalidArgument: no such source, no ``encode``, fewer than 1 or more prompts than there are.
            PromptError: ``source="hub"`` and a data set cannot be had.
        """
        _check_build(tokenizer, n_per_domain, source)

        def count_tokens(text: str) -> int:
            return len(tokenizer.encode(text))

        found, failures = {}, {}
        if source != "builtin":
            found, failures = from_hub(count_tokens, n_per_domain, seed)
        if failures and source == "hub":
            raise PromptError(f"no prompts from the hub: {_reasons(failures)}; try source 'builtin'")
        if failures:
            _log.warning("[prompts] built-in prompts for %s: %s", ", ".join(failures), _reasons(failures))
        prompts, sources = [], {}
        for domain in DOMAINS:
            texts = found.get(domain) or from_files(domain, count_tokens, n_per_domain)
            prompts += [Prompt(f"{domain}_{i:03d}", domain, *counted) for i, counted in enumerate(texts)]
            sources[domain] = origin(domain, on_hub=domain in found)
        return cls(tuple(prompts), _name_of(tokenizer), sources)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PromptDataset:
        """Read a file that :meth:`save` wrote.

        Raises:
            PromptError: no such file, not JSON, or a prompt with a missing or wrong field, which is named.
        """
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _unreadable(path, describe(error)) from error
        entries = document.get("prompts") if isinstance(document, dict) else None
        if not isinstance(entries, list):
            raise _unreadable(path, "it is not an object with a list of 'prompts'")
        prompts = tuple(_prompt_from(entry, number, path) for number, entry in enumerate(entries, start=1))
        ids = [prompt.prompt_id for prompt in prompts]
        if len(set(ids)) < len(ids):
            twice = next(prompt_id for prompt_id in ids if ids.count(prompt_id) > 1)
            raise _unreadable(path, f"prompt_id '{twice}' occurs twice")
        return cls(prompts, *_header_from(document, path))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the set as JSON, whole or not at all: an older file stays until the new one is complete.

        Raises:
            PromptError: the folder cannot be written to, the disk is full, ``path`` is no regular file.
        """
        document = asdict(self)
        document["prompts"] = document.pop("prompts")  # the long part last
        try:
            _replace_file(Path(path), json.dumps(document, indent=1) + "\n")
        except OSError as error:
            raise PromptError(
                f"cannot save prompts to {path}: {describe(error)}; nothing was changed there"
            ) from error

    def get_by_domain(self, domain: str) -> list[Prompt]:
        """The prompts of one domain. Raises InvalidArgument for one that the set does not hold."""
        if domain not in (*(held := self.domains), *DOMAINS):
            known = ", ".join(held or DOMAINS)
            raise InvalidArgument(f"unknown prompt domain {domain!r}; choose from {known}")
        return [prompt for prompt in self.prompts if prompt.domain == domain]

    @property
    def domains(self) -> list[str]:
        """The domains that have prompts, in their order."""
        return list(dict.fromkeys(prompt.domain for prompt in self.prompts))

    def get_all(self) -> list[Prompt]:
        """All prompts, domain by domain."""
        return list(self.prompts)

    def first(self, n_per_domain: int) -> PromptDataset:
        """The same set with only the first prompts of each domain."""
        prompts = [prompt for domain in self.domains for prompt in self.get_by_domain(domain)[:n_per_domain]]
        return PromptDataset(tuple(prompts), self.tokenizer, self.sources)

    def __len__(self) -> int:
        return len(self.prompts)

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self.prompts)


def builtin_prompts() -> list[RawPrompt]:
    """The prompts written for this project, domain by domain; ``code_007`` always is the same text.

    Raises:
        PromptError: a damaged installation.
    """
    return [
        RawPrompt(f"{domain}_{number:03d}", domain, text)
        for domain in DOMAINS
        for number, text in enumerate(builtin_texts(domain))
    ]


def _check_build(tokenizer: Any, n_per_domain: int, source: str) -> None:
    if isinstance(tokenizer, str) or not callable(getattr(tokenizer, "encode", None)):  # str has one, too
        raise InvalidArgument(
            f"building prompts needs a tokenizer with encode(text), not {type(tokenizer).__name__}"
        )
    if n_per_domain < 1:
        raise InvalidArgument(f"n_per_domain must be at least 1, not {n_per_domain}")
    if source not in SOURCES:
        raise InvalidArgument(f"unknown prompt source {source!r}; choose from {', '.join(SOURCES)}")


def _reasons(failures: dict[str, str]) -> str:
    return "; ".join(dict.fromkeys(failures.values()))


def _name_of(tokenizer: Any) -> str:
    """What the tokenizer calls itself; of a local folder only the last part, as others have other folders."""
    name = str(getattr(tokenizer, "name_or_path", "") or getattr(tokenizer, "name", ""))
    return Path(name).name if Path(name).is_dir() else name


def _header_from(
    document: dict[str, Any], path: str | os.PathLike[str]
) -> tuple[str, dict[str, dict[str, str]]]:
    tokenizer, sources = document.get("tokenizer", ""), document.get("sources", {})
    origins = list(sources.values()) if isinstance(sources, dict) else [None]
    texts = [text for one in origins for text in (one.values() if isinstance(one, dict) else [None])]
    if not all(isinstance(text, str) for text in [tokenizer, *texts]):
        raise _unreadable(path, "'tokenizer' must be a text, 'sources' an object of objects of texts")
    return tokenizer, sources


def _prompt_from(entry: Any, number: int, path: str | os.PathLike[str]) -> Prompt:
    if not isinstance(entry, dict):
        raise _unreadable(path, f"prompt {number} is not an object")
    if missing := [name for name in _FIELD_TYPES if name not in entry]:
        raise _unreadable(path, f"prompt {number} lacks {', '.join(missing)}")
    for name, kind in _FIELD_TYPES.items():
        if type(entry[name]) is not kind:  # a bool is no count
            raise _unreadable(path, f"prompt {number}: {name} is not of type {kind.__name__}")
    try:
        return Prompt(**{name: entry[name] for name in _FIELD_TYPES})
    except InvalidArgument as error:
        raise _unreadable(path, f"prompt {number}: {error}") from error


def _unreadable(path: str | os.PathLike[str], reason: str) -> PromptError:
    advice = "rebuild it with python -m specdec_lib.data.prompts"
    return PromptError(f"cannot load prompts from {path}: {reason}; {advice}")


def _replace_file(path: Path, text: str) -> None:
    path = Path(os.path.realpath(path))  # through a link, so that the link stays one
    if path.exists() and not path.is_file():
        raise OSError(f"it is {'a folder' if path.is_dir() else 'not a regular file'}")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``python -m specdec_lib.data.prompts``; see :mod:`specdec_lib.data.command`."""
    from specdec_lib.data.command import run

    return run(argv)


if __name__ == "__main__":
    raise SystemExit(main())
