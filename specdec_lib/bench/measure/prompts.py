"""Which prompts a benchmark runs, as the target's token ids: this project's, or those of a file.

What is decided here is which of them leave room in the context for the tokens to come, and that the chosen
ones are spread over the data set. A chat, and with ``chat`` every text, is put into the words of the
target's own template. How a file is read is :mod:`specdec_lib.data.own_prompts`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.records.generations import TokenisedPrompt
from specdec_lib.data.prompts import (
    Prompt,
    PromptDataset,
    RawPrompt,
    builtin_prompts,
    prompts_hash,
    read_prompts,
)
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils.logging import get_logger
from specdec_lib.utils.names import known_names
from specdec_lib.utils.numbers import counted
from specdec_lib.utils.paths import FilePath

BUILTIN = "builtin"


@dataclass(frozen=True)
class PromptSet:
    """Prompts as they were written.

    Attributes:
        source: the name of their file. chat: whether texts are a user's turns.
        is_own: whether they are somebody's own, whose domains have free names.
    """

    prompts: tuple[RawPrompt, ...]
    source: str = BUILTIN
    chat: bool = False
    is_own: bool = False

    @property
    def domains(self) -> list[str]:
        """The domains there are, in the order of the prompts."""
        return list(dict.fromkeys(prompt.domain for prompt in self.prompts))

    def get_by_domain(self, domain: str) -> list[RawPrompt]:
        """The prompts of one domain. Raises InvalidArgument for one that there is not."""
        if domain not in self.domains:
            raise InvalidArgument(
                f"benchmark prompts: {self.source} has no domain '{domain}'; it has "
                f"{known_names(domain, self.domains)}"
            )
        return [prompt for prompt in self.prompts if prompt.domain == domain]

    def named(self, listed: str) -> list[str]:
        """The domains of a list with commas between, of which a domain's own name may hold some.

        The longest name that there is counts: "a,b" is the domain of that name before it is two.
        """
        parts, names = listed.split(","), []
        while parts:
            ends = range(len(parts), 1, -1)
            end = next((end for end in ends if ",".join(parts[:end]).strip() in self.domains), 1)
            names.append(",".join(parts[:end]).strip())
            parts = parts[end:]
        return names

    def chats(self, domains: Sequence[str]) -> list[RawPrompt]:
        """The prompts of ``domains`` that the target's chat template puts into words."""
        return [p for domain in domains for p in self.get_by_domain(domain) if self.chat or p.is_chat]

    def counts(self, domains: Sequence[str], limit: int | None = None) -> dict[str, int]:
        """How many prompts of each of ``domains`` there are, at most ``limit`` each."""
        counts = {domain: len(self.get_by_domain(domain)) for domain in domains}
        return counts if limit is None else {domain: min(limit, n) for domain, n in counts.items()}

    def describe(self) -> dict[str, Any]:
        """What a record says of them: ``source``, ``hash`` of all prompts of the set, ``chat``."""
        return {"source": self.source, "hash": prompts_hash(self.prompts), "chat": self.chat}


class ChosenPrompts(dict[str, list[TokenisedPrompt]]):
    """The chosen prompts by domain; ``description`` is what a record says of the set that they are from."""

    description: dict[str, Any] | None = None


def prompt_set(file: FilePath | None = None, chat: bool = False) -> PromptSet:
    """The prompts of a file, or without one those written for this project.

    Raises:
        PromptError: the file cannot be read, or a row of it is no prompt.
    """
    if file is None:
        return PromptSet(tuple(builtin_prompts()), BUILTIN, chat)
    return PromptSet(tuple(read_prompts(file)), Path(file).name, chat, is_own=True)


def grid_of(prompts: PromptSet, num_prompts: int | None = None, **axes: Any) -> Grid:
    """The grid over a set of prompts: of the project's own so many a domain, of a file all that it has.

    Args:
        num_prompts: prompts a domain; of a file at most so many, and None all.
        **axes: of :class:`~specdec_lib.bench.measure.grid.Grid`; without ``domains`` all that there are.

    Raises:
        InvalidArgument: as ``Grid``, or a domain that the prompts do not have, or of which there are fewer.
    """
    axes = {name: value for name, value in axes.items() if name != "domains" or value is not None}
    if not prompts.is_own:
        axes |= {} if num_prompts is None else {"num_prompts": num_prompts}
        grid = Grid(**axes)
        for domain, there in prompts.counts(grid.domains).items():
            if there < grid.prompts_of(domain):
                raise InvalidArgument(
                    f"benchmark prompts: {domain} has {there} built-in prompts, {num_prompts} are asked for; "
                    "ask for fewer, or give a file of your own"
                )
        return grid
    domains = axes.setdefault("domains", prompts.domains)
    own = Grid(**axes, num_prompts=1 if num_prompts is None else num_prompts, own_domains=True)
    return own.with_prompts(prompts.counts(list(domains), num_prompts))


def choose_prompts(grid: Grid, target: ModelWrapper, dataset: PromptDataset | PromptSet) -> ChosenPrompts:
    """``num_prompts`` prompts of each domain, spread evenly over those that leave room to generate.

    Where the grid has a number for each domain, as for a file, those that leave no room are left out, which
    is said.

    Raises:
        InvalidArgument: a domain holds too few prompts that fit the context with ``max_new_tokens``.
        SpecDecError: a chat, and the target has no chat template.
    """
    chosen, hashes = ChosenPrompts(), {}
    for domain in grid.domains:
        encoded = [_tokenised(prompt, target, dataset) for prompt in dataset.get_by_domain(domain)]
        fitting = [p for p in encoded if p.ids and fits(target, p, grid.max_new_tokens)]
        fed = json.dumps([[p.prompt_id, p.ids] for p in encoded])  # other tokenizers make other prompts of it
        hashes[domain] = hashlib.sha256(fed.encode()).hexdigest()[:12]
        wanted = _wanted(grid, domain, len(encoded), len(fitting), target)
        chosen[domain] = [fitting[i * len(fitting) // wanted] for i in range(wanted)]
    if isinstance(dataset, PromptSet):
        chosen.description = dataset.describe() | {"ids": hashes}
    return chosen


def fits(target: ModelWrapper, prompt: TokenisedPrompt, max_new_tokens: int) -> bool:
    """Whether a prompt leaves room in the target's context for so many tokens."""
    return target.context_length is None or len(prompt.ids) + max_new_tokens <= target.context_length


def _tokenised(
    prompt: Prompt | RawPrompt, target: ModelWrapper, dataset: PromptDataset | PromptSet
) -> TokenisedPrompt:
    if not isinstance(prompt, RawPrompt):
        return TokenisedPrompt(prompt.prompt_id, target.encode(prompt.raw_text))
    if not (prompt.is_chat or (isinstance(dataset, PromptSet) and dataset.chat)):
        return TokenisedPrompt(prompt.prompt_id, target.encode(prompt.text or ""))
    try:
        return TokenisedPrompt(prompt.prompt_id, target.encode_chat(prompt.turns))
    except InvalidArgument as error:
        why = str(error).removeprefix("chat: ")
        raise InvalidArgument(f"{prompt.place or prompt.prompt_id}: {why} ({target.name})") from error


def _wanted(grid: Grid, domain: str, there: int, fitting: int, target: ModelWrapper) -> int:
    """How many prompts of a domain are run."""
    asked = grid.prompts_of(domain)
    if fitting >= asked:
        return asked
    if fitting and isinstance(grid.num_prompts, Mapping):
        get_logger(__name__).warning(
            f"benchmark prompts: {there - fitting} of {there} prompts of {domain} leave no room for "
            f"{grid.max_new_tokens} new tokens and are left out"
        )
        return fitting
    fewer = "ask for fewer prompts, or" if fitting else "leave that domain out, or ask for"
    raise InvalidArgument(
        f"benchmark prompts: {domain} has {counted(fitting, 'prompt')} with room for {grid.max_new_tokens} "
        f"new tokens in a context of {target.context_length}, {asked} are asked for; {fewer} fewer new tokens"
    )
