"""Which models a command runs: a pair by name, or a target and a draft of the user's own.

Checks what can be checked before anything is loaded: a wrong path before anything heavy is imported.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from specdec_lib.cli.options import ModelOptions
from specdec_lib.cli.terminal import error_console, text
from specdec_lib.decoding.drafters.grammar import DraftSpec, read_draft
from specdec_lib.decoding.drafters.grammar.pairs import AskedPair, asked_pair
from specdec_lib.decoding.drafters.grammar.specs import ModelSpec
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.registry import ModelPair, choose_pair, short_name

if TYPE_CHECKING:
    from specdec_lib.models.wrapper import ModelWrapper


class DrafterFailed(Exception):
    """A drafter of the user's own raised something; the message says what, and where."""


class Models(NamedTuple):
    """What a command runs."""

    target: ModelWrapper
    draft: Any
    """The draft model, or the drafter that was asked for in its place; None where none is needed."""


@dataclass(frozen=True)
class Selection:
    """The models asked for, known by name only."""

    asked: AskedPair
    device: str | None
    needs_draft: bool = True
    threads: int | None = None

    @property
    def pair(self) -> ModelPair:
        """The two models, or the target with a draft that is not loaded, and the name of their results."""
        return self.asked.pair

    @property
    def drafter(self) -> DraftSpec | None:
        """What drafts in place of a draft model."""
        return self.asked.drafter if self.needs_draft else None

    @property
    def model_ids(self) -> list[str]:
        """The models that will be loaded, each once."""
        return list(dict(self._models))

    @property
    def _models(self) -> list[tuple[str, str]]:
        """Name and dtype of each model that will be loaded."""
        return self.asked.models if self.needs_draft else self.asked.models[:1]

    def check(self) -> None:
        """Find out in a moment what loading would find out late; nothing but configurations is read.

        Raises:
            InvalidArgument: a device that this machine does not have, no such drafter or exit, or too many
                threads.
            ModelUnavailable: one of the models cannot be had.
        """
        with busy(f"looking for {self.pair.pair_name} …"):
            from specdec_lib.models.fast.threads import wanted_threads
            from specdec_lib.models.files.folder import check_folder
            from specdec_lib.models.loader import choose_device
            from specdec_lib.models.source import find_source

            wanted_threads(self.threads)
            choose_device(self.device)
            for model_id, dtype in self._models:
                check_folder(find_source(model_id), dtype)
            for head in self.asked.heads if self.needs_draft else ():
                from specdec_lib.decoding.drafters.heads.exit_folder import find_exit

                find_exit(head)
            for drafter in self.asked.classes if self.needs_draft else ():
                from specdec_lib.decoding.drafters.own import find_drafter

                find_drafter(drafter)

    def check_chats(self, chats: Iterable[tuple[str, str | list[dict[str, str]]]]) -> None:
        """Find out before the weights are read whether the target's template takes these chats.

        Args:
            chats: where each stands, to be named, and its turns; with none nothing is looked for.

        Raises:
            InvalidArgument: the target has no chat template, or one that refuses a chat.
            ModelUnavailable: its tokenizer cannot be had.
        """
        chats = list(chats)
        if not chats:
            return
        with busy(f"looking for {self.pair.pair_name} …"):
            from specdec_lib.models.text.chats import require_chats

            require_chats(self.pair.target_model_id, chats)

    def load(self, compile: bool = False) -> Models:
        """Target and draft (None where no draft is needed), with a spinner while they are read.

        The threads that compute are set as asked for, or else by the one rule there is.
        """
        with busy(f"loading {self.pair.pair_name} …"):
            from specdec_lib.models.fast.threads import use_threads, wanted_threads

            wanted_threads(self.threads)  # refused before the weights are read
            models = self._loaded(compile)
            use_threads(self.threads, models.target)
            return models

    def _loaded(self, compile: bool) -> Models:
        if self.needs_draft:
            from specdec_lib.bench.measure.subjects import load_asked

            loaded = load_asked(self.asked, self.device, compile)
            return Models(loaded.target, loaded.draft)
        from specdec_lib.models.loader import load_model
        from specdec_lib.models.wrapper import ModelWrapper

        read = load_model(self.pair.target_model_id, self.pair.target_dtype, self.device)
        return Models(ModelWrapper(*read, compile=compile), None)


def selection_of(asked: ModelOptions, needs_draft: bool = True, threads: int | None = None) -> Selection:
    """The selection that the options ask for.

    Raises:
        UnknownPair: no pair of that name.
        InvalidArgument: an unknown dtype, a draft that cannot be read, options that contradict each other, or
            a target without a draft.
        ModelUnavailable: a folder that is not there, or holds no model.
    """
    chosen = named_pair(asked, needs_draft)
    selection = Selection(chosen, asked.device, needs_draft, threads)
    _find_folders(selection.model_ids)
    return selection


def named_pair(asked: ModelOptions, needs_draft: bool = True) -> AskedPair:
    """The pair that the options name, under the name that its results are kept by; nothing is looked for.

    Raises:
        UnknownPair: no pair of that name.
        InvalidArgument: an unknown dtype, a draft that cannot be read, options that contradict each other, or
            a target without a draft.
    """
    target, draft = asked.target, asked.draft
    given = {"--draft": draft, "--draft-dtype": asked.draft_dtype, "--drafter": asked.drafter}
    names = [name for name, value in given.items() if value is not None]
    if asked.drafter is not None and len(names) > 1:
        raise InvalidArgument(f"{names[0]} is of a model, and --drafter names a class; give one of the two")
    if names and not needs_draft:
        raise InvalidArgument(
            f"--autoregressive runs without a draft; leave it out, or {' and '.join(names)}"
        )
    if target is None and draft is not None and isinstance(read_draft(draft), ModelSpec):
        raise InvalidArgument("--draft needs a --target, whose text it proposes; or choose a --pair")
    if asked.pair is not None and target is not None:
        raise InvalidArgument("--pair names both models; give it, or --target and --draft, not both")
    if target is not None and draft is None and asked.drafter is None:
        if needs_draft:
            raise InvalidArgument(
                "--target needs a --draft, a --drafter class, or --autoregressive to run without a draft"
            )
        alone = choose_pair(None, target, target, asked.dtype)
        return AskedPair(replace(alone, pair_name=short_name(target)))
    return _asked(asked, draft)


def choose_models(asked: ModelOptions) -> Selection:
    """As :func:`selection_of`, of a pair whose target and draft are both named; no vocabulary is refused."""
    selection = Selection(_asked(asked, asked.draft), asked.device)
    _find_folders(selection.model_ids)
    return selection


def _asked(asked: ModelOptions, draft: str | None) -> AskedPair:
    return asked_pair(asked.pair, asked.target, draft, asked.dtype, asked.draft_dtype, asked.drafter)


def _find_folders(model_ids: list[str]) -> None:
    """Refuse a path that leads to no model; what may be a hub id is looked up when it is loaded."""
    from specdec_lib.models.source import EMBEDDED, HUB_ID, find_source

    for model_id in model_ids:
        if os.path.exists(model_id) or model_id in EMBEDDED or not HUB_ID.fullmatch(model_id):
            find_source(model_id)


SILENCE = 15.0
"""Seconds of work after which a log, which has no spinner, is told how far it is."""


@contextmanager
def busy(message: str) -> Iterator[Callable[[str], None]]:
    """A spinner on standard error, and a way to change its words; for a log a line now and then."""
    console, told = error_console(), time.monotonic()

    def report(line: str) -> None:
        nonlocal told
        status.update(text(f"{line} …"))
        if not console.is_terminal and time.monotonic() - told > SILENCE:
            told = time.monotonic()
            console.print(text(f"{line} …", "dim"), soft_wrap=True)

    with console.status(text(message)) as status:
        yield report
