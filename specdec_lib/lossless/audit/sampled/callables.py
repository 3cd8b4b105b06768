"""Engines in this process: a function of one's own, by its name ``module:callable``, or a decoder of ours.

A function is called as ``f(prompt_ids, num_tokens, temperature=…, top_k=…, seed=…)`` and returns the new ids,
as a list, an array or a tensor; a text, where it has no ids; or an
:class:`~specdec_lib.lossless.audit.engines.Answer`. Keywords that it does not take are left out.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.errors import InvalidArgument, SpecDecError, in_one_line
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.sampled import sentences


class CallableEngine:
    """``function`` as an engine.

    Args:
        name: for messages; its own name where none is given.
        eos_token_ids: an id of these that ends what comes back is the end of the text, and not counted.

    Attributes:
        keywords: of ``temperature``, ``top_k`` and ``seed``, those that it takes and is told.

    Raises:
        InvalidArgument: nothing that can be called with a prompt and a number of tokens.
    """

    def __init__(self, function: Any, name: str = "", eos_token_ids: Sequence[int] = ()) -> None:
        self._function = function
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self._ends = frozenset(eos_token_ids)
        self.keywords = _keywords_of(function, self.name)

    @classmethod
    def named(cls, spec: str, eos_token_ids: Sequence[int] = ()) -> CallableEngine:
        """The function that ``module:callable`` names; modules of the working folder count.

        Raises:
            InvalidArgument: it cannot be found, imported or called so; in one line.
        """
        module_name, _, name = spec.partition(":")
        if not module_name or not name:
            raise InvalidArgument(sentences.WRITE_MODULE_AND_CALLABLE.format(spec))
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        try:
            found: Any = import_module(module_name)
            for part in name.split("."):
                found = getattr(found, part)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever somebody's module raises: the line says what
            raise InvalidArgument(sentences.NOT_FOUND.format(spec, in_one_line(error))) from error
        return cls(found, spec, eos_token_ids)

    def answer(self, request: EngineRequest) -> Answer:
        """What the function returns, as an answer.

        Raises:
            InvalidArgument: it raised, or returned neither ids nor a text.
        """
        asked: Mapping[str, Any] = {name: getattr(request, name) for name in self.keywords}
        try:
            said = self._function(list(request.prompt_ids), request.num_tokens, **asked)
        except SpecDecError:
            raise
        except (Exception, SystemExit) as error:  # one that leaves Python does not end the audit unsaid
            raise InvalidArgument(sentences.RAISED.format(self.name, in_one_line(error))) from error
        if isinstance(said, Answer):
            return said
        if inspect.iscoroutine(said):
            said.close()  # else Python complains at some later time that nobody awaited it
        if isinstance(said, str):
            return Answer(None, said)
        return self._answer_of(_plain_ids(said, self.name), request)

    def _answer_of(self, ids: tuple[int, ...], request: EngineRequest) -> Answer:
        prompt = request.prompt_ids
        if len(ids) > request.num_tokens and prompt and ids[: len(prompt)] == prompt:
            raise InvalidArgument(sentences.PROMPT_CAME_BACK.format(self.name, len(ids)))
        return ended_answer(ids, self._ends)


class LocalEngine:
    """A decoder of this library, or whatever has its ``generate``, as an engine.

    Args:
        name: for messages; the target's where none is given.
    """

    def __init__(self, decoder: Decoder, name: str = "") -> None:
        self._decoder = decoder
        self.name = name or decoder.target.name
        self._ends = frozenset(decoder.target.eos_token_ids)

    def answer(self, request: EngineRequest) -> Answer:
        """One text by the decoder, its draft tokens counted."""
        params = {"temperature": request.temperature, "top_k": request.top_k, "seed": request.seed}
        result = self._decoder.generate(list(request.prompt_ids), request.num_tokens, **params)
        answer = ended_answer(tuple(result.generated_ids), self._ends)
        counts = (result.num_draft_tokens, result.num_accepted_draft_tokens)
        return Answer(answer.ids, "", answer.ended, *counts) if result.is_speculative else answer


def ended_answer(ids: tuple[int, ...], ends: frozenset[int]) -> Answer:
    """``ids`` as an answer: an end is taken off the last place. One in the middle stays: it is a fault."""
    ended = bool(ids) and ids[-1] in ends
    return Answer(ids[:-1] if ended else ids, "", ended)


def _keywords_of(function: Any, name: str) -> tuple[str, ...]:
    """Those of the request's parameters that ``function`` takes."""
    if not callable(function):
        raise InvalidArgument(sentences.CANNOT_BE_CALLED.format(name, type(function).__name__))
    wanted = ("temperature", "top_k", "seed")
    try:
        taken = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C: nothing is known of it
        return wanted
    if any(one.kind is one.VAR_KEYWORD for one in taken):
        return wanted
    by_place = [one for one in taken if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if len(by_place) < 2 and not any(one.kind is one.VAR_POSITIONAL for one in taken):
        raise InvalidArgument(sentences.TAKES_TOO_LITTLE.format(name))
    named = {one.name for one in taken if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    return tuple(one for one in wanted if one in named)


def _plain_ids(said: Any, name: str) -> tuple[int, ...]:
    """Ids from a list, an array or a tensor, of one axis or of a batch of one."""
    listed: Any = said.tolist() if hasattr(said, "tolist") else said
    listed = list(listed) if isinstance(listed, list | tuple) else [None]
    if len(listed) == 1 and isinstance(listed[0], list | tuple):
        listed = list(listed[0])
    plain: list[Any] = [one.item() if getattr(one, "shape", None) == () else one for one in listed]
    if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in plain):
        raise InvalidArgument(sentences.NO_IDS.format(name, " ".join(repr(said).split())[:60]))
    return tuple(plain)
