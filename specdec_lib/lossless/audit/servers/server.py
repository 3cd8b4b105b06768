"""What all servers have in common as engines: a client, a model, its bounds, and what is to be said of it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from specdec_lib.errors import InvalidArgument, LawNotTold, ServerFailed
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.servers import sentences
from specdec_lib.lossless.audit.servers.asking import ask_all
from specdec_lib.lossless.audit.servers.told import is_told_whole, read_law, warped_law, with_one_end
from specdec_lib.utils.http.client import HttpClient
from specdec_lib.utils.http.exchange import HttpLimits

MOST_BYTES_OF_A_LAW = 64 << 20
"""A vocabulary of 256,000 tokens with their log-probabilities is about 25 MB."""
_ANY_ID = 2**31 - 1
_CERTAIN = 1.0 - 1e-7
_READS = 4


@dataclass(frozen=True)
class ServedModel:
    """What a server says of its model.

    Attributes:
        name: as its requests name it.
        kind: "llama.cpp", "vllm", "sglang", "ollama", … as far as it can be told.
        vocab_size, context_length: where they are told.
        end_ids: ids that end a text, where they are known.
    """

    name: str
    kind: str
    vocab_size: int | None = None
    context_length: int | None = None
    end_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ToldLaw:
    """Log-probabilities behind a prefix at temperature 1, by id, and signs that they are none."""

    pairs: tuple[tuple[int, float], ...]
    num_drafted: int | None = None
    speculates: str = ""


@dataclass
class Server(ABC):
    """A server as an :class:`~specdec_lib.lossless.audit.engines.AskedEngine`, and as one that tells its law.

    Attributes:
        client: asks it.
        model: what it has.
        law_tokens: log-probabilities that a law is asked for; None asks for the vocabulary, or 1,000 where
            its size is not known.
        notices: what a reader of the result should know; each once.
    """

    client: HttpClient
    model: ServedModel
    law_tokens: int | None = None
    notices: list[str] = field(default_factory=list)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self.client.close()

    @property
    def name(self) -> str:
        """Address, kind and model."""
        return f"{self.client.address.shown()} ({self.model.kind}, {self.client.quoted(self.model.name, 60)})"

    @abstractmethod
    def answer(self, request: EngineRequest) -> Answer:
        """One answer, checked field by field.

        Raises:
            InvalidArgument: a request without a prompt, or of no tokens.
            ServerUnavailable, ServerFailed: no answer, or one that cannot be used; in one line.
        """

    @abstractmethod
    def _told(self, request: EngineRequest, continuation: tuple[int, ...], num_tokens: int) -> ToldLaw:
        """The log-probabilities that the server tells behind a prefix."""

    def answers(
        self,
        requests: Sequence[EngineRequest],
        at_once: int = 4,
        progress: Callable[[int, int], None] = lambda done, all_: None,
    ) -> list[Answer]:
        """Answers in the order of their requests, ``at_once`` of them under way; see ``ask_all``."""
        return ask_all(self, requests, at_once, progress)

    def next_law(self, request: EngineRequest, continuation: tuple[int, ...]) -> Mapping[int | None, float]:
        """The law of the next token as ``request`` warps it, from the server's own log-probabilities.

        Raises:
            LawNotTold: the server speculates, tells no log-probabilities, or too few.
            ServerFailed: what it tells is no law, or no answer.
            InvalidArgument, ServerUnavailable: as of :meth:`answer`.
        """
        self._check_request(request, len(continuation) + 1)
        wanted = self._wanted(request)
        law = self._checked_law(request, continuation, wanted)
        if len(law) < min(wanted, request.top_k or wanted) and not is_told_whole(law):
            self.notice(sentences.FEWER_TOLD.format(len(law), wanted, 1.0 - math.fsum(law.values())))
        return with_one_end(warped_law(law, request, self.name), self.model.end_ids)

    def notice(self, said: str) -> None:
        """Keep what a reader should know, once."""
        if said not in self.notices:
            self.notices.append(said)

    @property
    def highest_id(self) -> int:
        """Of the vocabulary, or of any that there is."""
        return _ANY_ID if self.model.vocab_size is None else self.model.vocab_size - 1

    def _wanted(self, request: EngineRequest) -> int:
        return self.law_tokens or max(request.top_k or 0, self.model.vocab_size or 1000)

    def _checked_law(
        self, request: EngineRequest, continuation: tuple[int, ...], wanted: int
    ) -> dict[int, float]:
        """The law at temperature 1; one that is certain is read again with other seeds first."""
        certain: set[int] = set()
        for read in range(_READS):
            told = self._told(replace(request, seed=request.seed + read), continuation, wanted)
            law = read_law(told.pairs, self.name)
            self._refuse_speculation(told, law, wanted)
            likeliest = max(law, key=lambda token: law[token])
            if law[likeliest] < _CERTAIN:
                return law
            certain.add(likeliest)
            if len(certain) > 1:
                raise self._speculating(sentences.BY_ITS_LAW.format(read + 1))
        return law

    def _refuse_speculation(self, told: ToldLaw, law: Mapping[int, float], wanted: int) -> None:
        if told.speculates:
            raise self._speculating(told.speculates)
        if told.num_drafted:
            raise self._speculating(sentences.BY_ITS_COUNTS.format(told.num_drafted))
        if not law:
            raise LawNotTold(sentences.NO_LAW.format(self.name))
        if wanted > 1 and len(told.pairs) == 1 and max(law.values()) >= _CERTAIN:
            raise self._speculating(sentences.BY_AN_EMPTY_LAW)

    def _speculating(self, how: str) -> LawNotTold:
        return LawNotTold(sentences.SPECULATING_LAW.format(self.name, how))

    def _check_request(self, request: EngineRequest, num_tokens: int) -> None:
        if not request.prompt_ids and not request.prompt_text:
            raise InvalidArgument(sentences.NO_PROMPT.format(self.name))
        if request.num_tokens < 1:
            raise InvalidArgument(sentences.NEGATIVE_TOKENS.format(self.name, request.num_tokens))
        if not (math.isfinite(request.temperature) and request.temperature >= 0.0):
            raise InvalidArgument(sentences.NO_TEMPERATURE.format(self.name, request.temperature))
        if request.top_k is not None and request.top_k < 1:
            raise InvalidArgument(sentences.NO_TOP_K.format(self.name, request.top_k))
        context, prompt = self.model.context_length, len(request.prompt_ids)
        if context is not None and prompt + num_tokens > context:
            raise ServerFailed(sentences.CONTEXT_TOO_SMALL.format(self.name, prompt, num_tokens, context))

    def _check_prompt(self, request: EngineRequest, continuation: Sequence[int], num_read: int) -> None:
        """That the server read the ids that were sent, and no others."""
        sent = len(request.prompt_ids) + len(continuation)
        if request.prompt_ids and num_read != sent:
            raise ServerFailed(sentences.OTHER_PROMPT.format(self.name, num_read, sent))

    def _check_length(self, num_tokens: int, asked: int, ended: bool) -> None:
        if num_tokens > asked:
            raise ServerFailed(sentences.TOO_MANY_TOKENS.format(self.name, num_tokens, asked))
        if num_tokens < asked and not ended:
            raise ServerFailed(sentences.TOO_FEW_TOKENS.format(self.name, num_tokens, asked))

    def _law_limits(self) -> HttpLimits:
        return replace(self.client.limits, most_bytes=max(MOST_BYTES_OF_A_LAW, self.client.limits.most_bytes))


def without_end(ids: Iterable[int], ended: bool) -> tuple[int, ...]:
    """The ids of a text without the one that ended it, which these servers tell with the others."""
    ids = tuple(ids)
    return ids[:-1] if ended else ids
