"""The engines of an audit, opened by their names, and the models, loaded once something needs them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from specdec_lib.cli.auditing import sentences
from specdec_lib.cli.auditing.engine_names import MODE, OURS, PLAIN, is_function, is_server
from specdec_lib.cli.auditing.order import AuditOrder
from specdec_lib.cli.prompt import proof_rows
from specdec_lib.cli.selection import Models, selection_of
from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable

    from specdec_lib.cli.auditing.watch import CallWatch
    from specdec_lib.lossless.audit.engines import AskedEngine, EngineRequest
    from specdec_lib.models.wrapper import ModelWrapper

_PRECISE = "float32"
"""Of weights that judge what is not known to compute in another, where no --dtype is named."""
_COARSE = "bfloat16"
"""What many servers compute in."""
LAW_PROMPTS = ("def fibonacci(n):", "x = x + 1\nx = x +")
"""Behind which a law is asked for, where no prompts are named: short ones, which are soon read.

The second repeats itself, so that what drafts from the text itself drafts something, which is neither certain
to be accepted nor to be rejected.
"""
_PROMPT_TOKENS = 16


@dataclass
class AuditBench:
    """The engines and models of one audit, held as long as the context lasts."""

    order: AuditOrder
    others: tuple[str, ...] = ()
    """Engines beside the one on trial, which say what has to be loaded."""
    notices: list[str] = field(default_factory=list)
    """What a reader of the result should know beside it."""
    watch: CallWatch | None = None
    """What ends calls of functions that do not return."""
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> AuditBench:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    # -- what is needed ---------------------------------------------------------------------------

    @cached_property
    def models(self) -> Models:
        """The models that are named, or those of the default pair."""
        needs_draft = self.order.models.draft is not None or any(
            name == OURS or self._takes_draft(name) for name in (self.order.engine, *self.others)
        )
        asked = self.order.models
        if asked.dtype is None and (asked.target is not None or self._of_unknown_dtype):
            asked = replace(asked, dtype=_PRECISE)  # as stored, rounding would be part of the law
        selection = selection_of(asked, needs_draft, self.order.threads)
        selection.check()
        loaded = selection.load()
        if self.order.names_models and self._of_unknown_dtype:
            dtype = str(getattr(loaded.target, "dtype", "")).removeprefix("torch.")
            self.notices.append(sentences.JUDGED_IN.format(loaded.target.name, dtype))
        return loaded

    @property
    def _of_unknown_dtype(self) -> bool:
        """Whether an engine computes in a dtype that nobody here knows: a server, or a function."""
        names = (self.order.engine, self.order.plain or "", *self.others)
        return any(is_server(name) or is_function(name) for name in names)

    def coarser(self) -> Callable[[], ModelWrapper] | None:
        """What loads the target in the dtype that an engine may compute in beside the judge's, if any."""
        if self.order.models.dtype is not None or not self._of_unknown_dtype:
            return None
        asked = replace(self.order.models, dtype=_COARSE)
        needs_draft = asked.draft is not None
        return lambda: selection_of(asked, needs_draft, self.order.threads).load().target

    def _takes_draft(self, name: str) -> bool:
        if not name.startswith(MODE):
            return False
        from specdec_lib.lossless.audit.hugging_face.modes import find_mode

        return find_mode(name).needs_draft

    @property
    def _ends(self) -> tuple[int, ...]:
        return tuple(self.models.target.eos_token_ids) if self.order.names_models else ()

    def opened(self, name: str) -> AskedEngine:
        """The engine of that name.

        Raises:
            InvalidArgument, ServerUnavailable, ServerFailed: there is none, or it cannot be used.
        """
        if is_server(name):
            from specdec_lib.lossless.audit.servers.opening import open_server

            more = {"model": self.order.served, "end_ids": self._ends, "at_once": self.order.at_once}
            return self._open.enter_context(open_server(name, **more))
        if name in (OURS, PLAIN) or name.startswith(MODE):
            return self._of_models(name)
        from specdec_lib.lossless.audit.sampled.callables import CallableEngine

        return CallableEngine.named(name, self._ends)

    def _of_models(self, name: str) -> AskedEngine:
        target, draft = self.models
        k = self.order.k or 4
        if name.startswith(MODE):
            from specdec_lib.lossless.audit.hugging_face.engine import ModeEngine
            from specdec_lib.lossless.audit.hugging_face.modes import find_mode

            mode, drafts = find_mode(name), getattr(draft, "model", None)
            return ModeEngine(mode, target.model, drafts, k, tuple(target.eos_token_ids))
        from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
        from specdec_lib.decoding.speculative import SpeculativeDecoder
        from specdec_lib.lossless.audit.sampled.callables import LocalEngine

        decoder = AutoregressiveDecoder(target) if name == PLAIN else SpeculativeDecoder(target, draft, k)
        return LocalEngine(decoder, sentences.LOCAL_ENGINE[name])

    def control(self, engine: str) -> AskedEngine:
        """Plain decoding of the same engine."""
        if self.order.plain is not None:
            return self.opened(self.order.plain)
        return self.opened("hf:plain" if engine.startswith(MODE) else PLAIN)

    def requests(
        self, num_tokens: int, temperature: float, otherwise: int | None = None
    ) -> list[EngineRequest]:
        """The prompts, as ids where weights are at hand that read them, else as text.

        ``otherwise``: how many of the built-in ones, where none are named; None: those of a law, which are
        short.
        """
        from specdec_lib.data.own_prompts import RawPrompt
        from specdec_lib.lossless.audit.engines import EngineRequest

        if self.order.prompts is None and otherwise is None:
            rows = [RawPrompt("", "", text) for text in LAW_PROMPTS]
        else:
            rows = proof_rows(self.order.prompts, None, otherwise or len(LAW_PROMPTS))
        asked = EngineRequest(num_tokens, temperature=temperature, top_k=self.order.top_k)
        if not self.loads_weights:
            if any(row.text is None for row in rows):
                raise InvalidArgument(sentences.CHATS_NEED_WEIGHTS)
            return [replace(asked, prompt_text=row.text or "") for row in rows]
        from specdec_lib.lossless.prompts import cut_to_room, proof_prompts, special_lead

        target = self.models.target
        prompts = proof_prompts(target, rows, num_tokens, operation="audit")
        if temperature > 0:  # behind a short prompt the law is as good, and quicker to read
            leads = [special_lead(prompt, target.tokenizer) for prompt in prompts]
            prompts = [
                cut_to_room(prompt, _PROMPT_TOKENS + lead, lead)
                for prompt, lead in zip(prompts, leads, strict=True)
            ]
        return [replace(asked, prompt_ids=tuple(prompt)) for prompt in prompts]

    @property
    def loads_weights(self) -> bool:
        """Whether weights are at hand, by all names that this audit was given."""
        return self.order.loads_weights(*self.others)
