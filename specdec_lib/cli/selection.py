"""Which models a command runs: a pair by name, or a target and a draft of the user's own.

Checks what can be checked before anything is loaded. It refuses to know what is done with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from specdec_lib.cli.options import DEFAULT_PAIR
from specdec_lib.cli.terminal import error_console, text
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.registry import ModelPair, get_pair, require_dtype, require_shared_vocabulary

if TYPE_CHECKING:
    from specdec_lib.models.loader import LoadedPair
    from specdec_lib.models.wrapper import ModelWrapper


@dataclass(frozen=True)
class Selection:
    """The models asked for, known by name only."""

    pair: ModelPair
    device: str | None
    needs_draft: bool = True

    def check(self) -> None:
        """Find out in a moment what loading would find out late; nothing but configurations is read.

        Raises:
            InvalidArgument: a device that this machine does not have.
            ModelUnavailable: one of the models cannot be had.
        """
        with busy(f"looking for {self.pair.pair_name} …"):
            from transformers import AutoConfig

            from specdec_lib.models.loader import choose_device
            from specdec_lib.models.source import find_source, loading

            choose_device(self.device)
            wanted = [self.pair.target_model_id, *([self.pair.draft_model_id] if self.needs_draft else [])]
            for source in map(find_source, dict.fromkeys(wanted)):
                with loading(source, "configuration"):
                    AutoConfig.from_pretrained(source.location, local_files_only=source.offline)

    def load(self, compile: bool = False) -> tuple[ModelWrapper, ModelWrapper | None]:
        """Target and draft (None where no draft is needed), with a spinner while they are read."""
        with busy(f"loading {self.pair.pair_name} …"):
            from specdec_lib.models.loader import load_model, load_pair
            from specdec_lib.models.wrapper import ModelWrapper

            if self.needs_draft:
                loaded: LoadedPair = load_pair(self.pair, self.device, compile)
                return loaded.target, loaded.draft
            model, tokenizer = load_model(self.pair.target_model_id, self.pair.target_dtype, self.device)
            return ModelWrapper(model, tokenizer, compile=compile), None


def select(
    pair: str | None,
    target: str | None,
    draft: str | None,
    dtype: str | None,
    device: str | None,
    needs_draft: bool = True,
) -> Selection:
    """The selection that the options ask for.

    Raises:
        UnknownPair: no pair of that name.
        VocabularyMismatch: a pair that needs translation, where its draft is needed.
        InvalidArgument: an unknown dtype, options that contradict each other, or a target without a draft.
    """
    if dtype is not None:
        require_dtype(dtype)
    if target is None and draft is None:
        known = get_pair(DEFAULT_PAIR if pair is None else pair)
        if needs_draft:
            require_shared_vocabulary(known)
        if dtype is not None:
            known = replace(known, draft_dtype=dtype, target_dtype=dtype)
        return Selection(known, device, needs_draft)
    if pair is not None:
        raise InvalidArgument("--pair names both models; give it, or --target and --draft, not both")
    if target is None:
        raise InvalidArgument("--draft needs a --target, whose text it proposes; or choose a --pair")
    if draft is None and needs_draft:
        raise InvalidArgument("--target needs a --draft, or --autoregressive to run without one")
    name = target if draft is None else f"{_short(draft)}+{_short(target)}"
    own = ModelPair(name, draft or target, target, dtype or "auto", dtype or "auto")
    return Selection(own, device, needs_draft)


def _short(model_id: str) -> str:
    return Path(model_id).name or model_id


@contextmanager
def busy(message: str) -> Iterator[None]:
    """A spinner on standard error while something takes its time; nothing where that is no terminal."""
    with error_console().status(text(message)):
        yield
