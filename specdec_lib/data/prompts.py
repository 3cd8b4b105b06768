"""Prompts of three domains (code, conversation, summarization), built for one tokenizer.

A prompt set is built for one tokenizer, because a prompt's length is counted in that tokenizer's tokens and
an article is cut by it. Texts come from the Hugging Face hub where it can be reached and otherwise from the
prompts that were written for this project; either way the file says which, and under which licence.
Domains of a set of one's own have free names; how a file of one's own is read is
:mod:`specdec_lib.data.own_prompts`'s. A tokenizer is whatever has ``encode(text)``.

    python -m specdec_lib.data.prompts --tokenizer gpt2 --output data/prompts.json
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from specdec_lib.data.own_prompts import RawPrompt, prompts_hash, read_prompts
from specdec_lib.data.saved import Prompt, read_saved, write_saved
from specdec_lib.data.sources import DOMAINS, builtin_texts, from_files, from_hub, origin
from specdec_lib.errors import InvalidArgument, PromptError
from specdec_lib.utils.paths import FilePath

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
_log = logging.getLogger(__name__)


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
    def load(cls, path: FilePath) -> PromptDataset:
        """Read a file that :meth:`save` wrote.

        Raises:
            PromptError: no such file, not JSON, or a prompt with a missing or wrong field, which is named.
        """
        return cls(*read_saved(path))

    def save(self, path: FilePath) -> None:
        """Write the set as JSON, whole or not at all: an older file stays until the new one is complete.

        Raises:
            PromptError: the folder cannot be written to, the disk is full, ``path`` is no regular file.
        """
        document = asdict(self)
        document["prompts"] = document.pop("prompts")  # the long part last
        write_saved(path, document)

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


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``python -m specdec_lib.data.prompts``; see :mod:`specdec_lib.data.command`."""
    from specdec_lib.data.command import run

    return run(argv)


if __name__ == "__main__":
    raise SystemExit(main())
