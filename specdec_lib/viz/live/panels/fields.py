"""The three fields that name a pair: one of the registry, or a target and what drafts for it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from specdec_lib.models.registry import DEFAULT_PAIR
from specdec_lib.viz.live.panels import sentences
from specdec_lib.viz.live.panels.shelf import pairs_by_place


class PairFields:
    """A pair, a target, a draft, as they are chosen at first and as they are typed.

    Args:
        pair, target, draft: at first; None is what a chapter leaves open.
    """

    def __init__(self, pair: str | None = None, target: str | None = None, draft: str | None = None) -> None:
        self._first = pair or DEFAULT_PAIR, target or "", draft or ""

    @property
    def first(self) -> str:
        """What is chosen at first, in a few words."""
        pair, target, draft = self._first
        return f"{target}, {draft}" if target else f"{pair}, {draft}" if draft else pair

    @property
    def names(self) -> tuple[str | None, str | None, str | None]:
        """Pair, target and draft as they stand now; None where one is empty. A target goes before a pair."""
        pair, target, draft = (one.value.strip() for one in self.widgets)
        return None if target else pair, target or None, draft or None

    @cached_property
    def widgets(self) -> list[Any]:
        """The fields; that of the pair is locked while a target is named, which goes before it."""
        import ipywidgets as w

        pair, target, draft = self._first
        names = list(dict.fromkeys([*pairs_by_place(), pair]))
        of_registry = w.Dropdown(options=names, value=pair, description="pair", tooltip=sentences.PAIR_SAID)
        own = w.Text(
            value=target,
            description="or target",
            placeholder=sentences.A_TARGET,
            tooltip=sentences.TARGET_SAID,
        )
        drafting = w.Text(
            value=draft,
            description="draft",
            placeholder=sentences.A_DRAFT,
            tooltip=sentences.DRAFT_SAID,
        )

        def tell_use(_: Any = None) -> None:
            of_registry.disabled = bool(own.value.strip())

        own.observe(tell_use, "value")
        tell_use()
        return [of_registry, own, drafting]
