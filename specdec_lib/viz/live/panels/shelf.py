"""The models of the panels: the pair asked for last stays loaded, and one panel computes at a time.

Two that computed at once would wait for each other, and both would measure it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from specdec_lib.decoding.drafters.grammar.pairs import AskedPair
from specdec_lib.models.registry import REGISTRY
from specdec_lib.models.source import EMBEDDED
from specdec_lib.viz.live.panels import sentences
from specdec_lib.viz.live.panels.worker import Interrupted

if TYPE_CHECKING:
    from specdec_lib.decoding.drafters.draft_model import DraftSource
    from specdec_lib.models.wrapper import ModelWrapper

_PATIENCE = 0.05
_WARM_UP = 12
"""Tokens that new models write for nobody, so that the first text pays for no cold memory."""


@dataclass(frozen=True)
class Held:
    """A pair that is loaded: its target, and what drafts for it."""

    name: str
    target: ModelWrapper
    draft: DraftSource
    seconds: float
    """That loading took."""


@dataclass(frozen=True)
class Told:
    """What a panel is doing, in words."""

    line: str


class ModelShelf:
    """Holds one pair; a draft that is changed leaves its target loaded."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._ahead = False
        self._asked: AskedPair | None = None
        self._held: Held | None = None

    @contextmanager
    def turn(self, stopped: threading.Event, ahead: bool = False) -> Iterator[None]:
        """The only one who computes; waits for whoever does now. ``ahead``: reads models that nobody asked
        for yet.

        Raises:
            Interrupted: asked to stop while waiting.
        """
        while not self._turn.acquire(timeout=_PATIENCE):
            if stopped.is_set():
                raise Interrupted
        self._ahead = ahead
        try:
            yield
        finally:
            self._ahead = False
            self._turn.release()

    @property
    def is_in_use(self) -> bool:
        """Whether somebody computes because a reader asked for it: reading ahead is waited for silently."""
        return self._turn.locked() and not self._ahead

    def holds(self, asked: AskedPair) -> bool:
        """Whether this very pair is loaded."""
        return self._held is not None and self._asked == asked

    def load(self, asked: AskedPair) -> Held:
        """The pair, loaded unless it is; torch then computes on as many threads as suit it.

        Raises:
            SpecDecError: whatever ``load_pair`` and ``open_draft`` raise.
        """
        from specdec_lib.models.fast.threads import use_threads

        if self._held is None or self._asked != asked:
            started = time.perf_counter()
            target = self._target_of(asked)
            self._held = self._asked = None  # a pair's memory is free before the next one is read
            opened = _opened(asked, target)
            use_threads(None, opened[0])
            _warm_up(*opened)
            name = asked.pair.pair_name
            self._held, self._asked = Held(name, *opened, time.perf_counter() - started), asked
        use_threads(None, self._held.target)
        return self._held

    def _target_of(self, asked: AskedPair) -> ModelWrapper | None:
        """The target that is loaded, where only the draft is another one."""
        if self._asked is None or self._held is None or asked.drafter is None:
            return None
        return self._held.target if self._asked.models[0] == asked.models[0] else None


SHARED = ModelShelf()
"""That of all panels of a kernel."""


def taken(shelf: ModelShelf, asked: AskedPair, stopped: threading.Event) -> Iterator[Told | Held]:
    """Loads the pair and says so; the last is the pair. The caller has its turn."""
    if not shelf.holds(asked):
        yield Told(sentences.LOADING.format(asked.pair.pair_name))
    held = shelf.load(asked)
    yield Told(sentences.READY.format(held.name, held.seconds))
    yield held


def pairs_by_place() -> list[str]:
    """The names of the registry, those whose models lie on this disk first."""
    here = {name: all(map(is_on_disk, {p.target_model_id, p.draft_model_id})) for name, p in REGISTRY.items()}
    return sorted(REGISTRY, key=lambda name: not here[name])


def is_on_disk(model_id: str) -> bool:
    """Whether a model can be had without asking anybody, as far as names tell; nothing is read."""
    if model_id in EMBEDDED or Path(model_id).exists():
        return True
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(model_id, "config.json"), str)


def _opened(asked: AskedPair, target: ModelWrapper | None) -> tuple[ModelWrapper, DraftSource]:
    from specdec_lib.decoding.drafters.draft_model import translated
    from specdec_lib.decoding.drafters.grammar.specs import open_draft
    from specdec_lib.models.loader import load_model, load_pair
    from specdec_lib.models.wrapper import ModelWrapper

    if asked.drafter is None:
        loaded = load_pair(asked.pair)
        return loaded.target, translated(loaded.drafter)
    dtype = asked.pair.target_dtype
    if target is None:
        target = ModelWrapper(*load_model(asked.pair.target_model_id, dtype))
    return target, open_draft(asked.drafter, target, dtype=dtype)


def _warm_up(target: ModelWrapper, draft: DraftSource) -> None:
    from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
    from specdec_lib.decoding.speculative import SpeculativeDecoder

    for decoder in (SpeculativeDecoder(target, draft), AutoregressiveDecoder(target)):
        decoder.generate(target.encode("The") or [0], _WARM_UP, 0.0, ignore_eos=True)
