"""Which prompts a benchmark runs, as the target's token ids: this project's, or those of a file.

What is decided here is which of them leave room in the context for the tokens to come, and that the chosen
ones are spread over the data set. A chat, and with ``chat`` every text, is put into the words of the
target's own template. Of a chat with many turns each is a prompt: the target answers those before it, once
and before anything is timed, so that all arms go on behind the same words. How a file is read is
:mod:`specdec_lib.data.own_prompts`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.measure.runner import print_progress
from specdec_lib.bench.records.generations import TokenisedPrompt
from specdec_lib.data.prompt_set import BUILTIN, PromptSet
from specdec_lib.data.prompts import Prompt, PromptDataset, RawPrompt, builtin_prompts, read_prompts
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils.logging import get_logger
from specdec_lib.utils.numbers import counted
from specdec_lib.utils.paths import FilePath


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
        num_prompts: prompts a domain; of a file at most so many rows, and None all. A chat with many turns
            is one until :func:`choose_prompts` has told its turns apart.
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


def choose_prompts(
    grid: Grid,
    target: ModelWrapper,
    dataset: PromptDataset | PromptSet,
    report: Callable[[str], None] = print_progress,
    *,
    spare: int = 0,
) -> ChosenPrompts:
    """``num_prompts`` prompts of each domain, spread evenly over those that leave room to generate.

    Where the grid has a number for each domain, as for a file, those that leave no room are left out, which
    is said, and a chat with many turns becomes a prompt a turn (``ID/turn1``, ``ID/turn2``): the turns before
    it are answered by the target's plain decoding, greedily, to an end of text or for ``max_new_tokens``.

    Args:
        report: called with a line where turns are answered.
        spare: tokens to leave room for beside ``max_new_tokens``.

    Raises:
        InvalidArgument: a domain holds too few prompts that fit the context with ``max_new_tokens``.
        SpecDecError: a chat, and the target has no chat template.
    """
    roomy = replace(grid, max_new_tokens=grid.max_new_tokens + spare)
    chosen, hashes = ChosenPrompts(), {}
    for domain in grid.domains:
        rows = dataset.get_by_domain(domain)
        first = [_tokenised(row, target, dataset) for row in rows]
        fitting = [i for i, p in enumerate(first) if p.ids and fits(target, p, roomy.max_new_tokens)]
        wanted = _wanted(roomy, domain, len(first), len(fitting), target)
        begun = [(rows[i], first[i]) for i in (fitting[n * len(fitting) // wanted] for n in range(wanted))]
        answering = _Answering(target, grid.max_new_tokens, roomy.max_new_tokens, report)
        turns = answering.turns(domain, begun, isinstance(grid.num_prompts, Mapping))
        chosen[domain] = [prompt for own in turns for prompt in own]
        # other tokenizers, and other answers, make other prompts of the same texts
        fed = [[p.prompt_id, p.ids] for p in [*first, *(p for own in turns for p in own[1:])]]
        hashes[domain] = hashlib.sha256(json.dumps(fed).encode()).hexdigest()[:12]
    if isinstance(dataset, PromptSet):
        chosen.description = dataset.describe() | {"ids": hashes}
    return chosen


def fits(target: ModelWrapper, prompt: TokenisedPrompt, max_new_tokens: int) -> bool:
    """Whether a prompt leaves room in the target's context for so many tokens."""
    return target.context_length is None or len(prompt.ids) + max_new_tokens <= target.context_length


def _tokenised(
    prompt: Prompt | RawPrompt, target: ModelWrapper, dataset: PromptDataset | PromptSet
) -> TokenisedPrompt:
    """A prompt, or the first turn of one."""
    if not isinstance(prompt, RawPrompt):
        return TokenisedPrompt(prompt.prompt_id, target.encode(prompt.raw_text))
    if prompt.is_chat or (isinstance(dataset, PromptSet) and dataset.chat):
        return _turn(prompt, [], target)
    return TokenisedPrompt(prompt.prompt_id, target.encode(prompt.text or ""))


def _turn(prompt: RawPrompt, answers: Sequence[str], target: ModelWrapper) -> TokenisedPrompt:
    """The turn of a chat behind so many answers."""
    try:
        ids = target.encode_chat(prompt.conversation(answers))
    except InvalidArgument as error:
        why = str(error).removeprefix("chat: ")
        raise InvalidArgument(f"{prompt.place or prompt.prompt_id}: {why} ({target.name})") from error
    return TokenisedPrompt(prompt.turn_ids[len(answers)], ids)


@dataclass(frozen=True)
class _Answering:
    """Answers the turns of chats by the target's plain decoding, so that later ones can be asked.

    Attributes:
        longest: tokens of an answer. room: tokens that a turn has to leave room for.
    """

    target: ModelWrapper
    longest: int
    room: int
    report: Callable[[str], None]

    def turns(
        self, domain: str, begun: Sequence[tuple[Prompt | RawPrompt, TokenisedPrompt]], every: bool
    ) -> list[list[TokenisedPrompt]]:
        """Of each prompt its first turn, which is given, and with ``every`` the later ones with room."""
        later = [len(row.later) if every and isinstance(row, RawPrompt) else 0 for row, _ in begun]
        if not any(later):
            return [[first] for _, first in begun]
        self.report(f"the target answers {counted(sum(later), 'turn')} of {domain}, untimed")
        turns = [
            [first, *(self._later(row, first) if isinstance(row, RawPrompt) else ())] for row, first in begun
        ]
        if left_out := sum(later) + len(begun) - sum(map(len, turns)):
            get_logger(__name__).warning(
                f"benchmark prompts: {left_out} of {counted(sum(later), 'later turn')} of {domain} leave no "
                f"room for {self.room} new tokens and are left out"
            )
        return turns

    def _later(self, row: RawPrompt, turn: TokenisedPrompt) -> Iterator[TokenisedPrompt]:
        answers: list[str] = []
        for _ in row.later:
            answers.append(self._answer(turn))
            turn = _turn(row, answers, self.target)
            if not fits(self.target, turn, self.room):
                return
            yield turn

    def _answer(self, turn: TokenisedPrompt) -> str:
        result = AutoregressiveDecoder(self.target).generate(turn.ids, self.longest, 0.0)
        ends = result.finish_reason == "eos"
        answer = result.generated_ids[:-1] if ends else result.generated_ids
        return self.target.continuation(turn.ids, answer)


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
