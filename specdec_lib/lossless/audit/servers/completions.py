"""Servers by the completions of OpenAI's protocol: vLLM, SGLang, TGI, Ollama, and llama.cpp once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specdec_lib.errors import InvalidArgument, LawNotTold, ServerFailed
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.servers import sentences
from specdec_lib.lossless.audit.servers.fields import Fields
from specdec_lib.lossless.audit.servers.llama_cpp import told_pairs
from specdec_lib.lossless.audit.servers.server import Server, ToldLaw, without_end

PATH = "/v1/completions"
_OFF = {"top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "n": 1, "stream": False}
_TOKEN_ID = "token_id:"
"""Before an id that vLLM writes in the place of a token's text (``return_tokens_as_token_ids``)."""
_LOG_OF_ZERO = -9000.0
"""vLLM writes -9999 for the logarithm of 0."""
_BOUNDS = (20, 5)
_COUNTS = (
    (("timings",), "draft_n", "draft_n_accepted"),
    (("metrics", "speculative_decoding"), "num_draft_tokens", "num_accepted_draft_tokens"),
)
"""Where an answer tells them; vLLM's with ``--per-request-spec-decode-metrics``."""
_ENDED = {"stop": True, "eos_token": True, "eos": True, "length": False}


@dataclass
class CompletionsServer(Server):
    """A server of ``/v1/completions``; it echoes nothing of what it sampled with.

    Attributes:
        extras: whether fields are sent that OpenAI does not have, so that the server's defaults cut nothing;
            one that refuses them gets none, and a notice says so.
    """

    extras: bool = True

    def answer(self, request: EngineRequest) -> Answer:
        """One answer; of ids where the server tells them (vLLM and SGLang do), else of text."""
        self._check_request(request, request.num_tokens)
        read = self._asked(request, (), request.num_tokens, {})
        choice = self._choice(read)
        ended = _ENDED[choice.one_of("finish_reason", tuple(_ENDED))]
        ids = self._ids(choice)
        number = len(ids) if ids is not None else self._number_read(read)
        if number is not None:
            self._check_length(number, request.num_tokens, ended)
        text, counts = choice.text("text"), self._counts(read)
        return Answer(None if ids is None else self._without_end(ids, ended), text, ended, *counts)

    def _asked(
        self, request: EngineRequest, continuation: tuple[int, ...], num_tokens: int, more: dict[str, Any]
    ) -> Fields:
        fields = {
            "model": self.model.name,
            "prompt": self._prompt(request, continuation),
            "max_tokens": num_tokens,
            "temperature": float(request.temperature),
            "seed": request.seed % 2**31,
            **_OFF,
            **more,
        }
        read = Fields(self._posted(fields, request, bool(more)), self.name)
        if read.has("usage"):
            self._check_usage(read.inner("usage"), request, continuation)
        return read

    def _check_usage(self, usage: Fields, request: EngineRequest, continuation: tuple[int, ...]) -> None:
        if usage.has("prompt_tokens"):
            self._check_prompt(request, continuation, usage.whole("prompt_tokens"))
        if usage.has("prompt_tokens_details"):
            details = usage.inner("prompt_tokens_details")
            if details.has("cached_tokens") and details.whole("cached_tokens"):
                self.notice(sentences.PROMPTS_REUSED)

    def _posted(self, fields: dict[str, Any], request: EngineRequest, is_law: bool) -> Any:
        """The document that came; without the fields that OpenAI does not have, where none are taken."""
        limits = self._law_limits() if is_law else self.client.limits
        extras = self._extras(request)
        if self.extras:
            try:
                return self.client.post_json(PATH, {**fields, **extras}, limits)
            except ServerFailed as error:
                if error.status not in (400, 422) or request.top_k is not None:
                    raise
                refused = error
            came = self.client.post_json(PATH, fields, limits)  # raises again what was no matter of fields
            self.extras = False
            said = self.client.quoted(str(refused), 160)
            self.notice(sentences.FIELDS_REFUSED.format(", ".join(extras), said))
            return came
        if request.top_k is not None:
            raise ServerFailed(sentences.NO_CUT.format(self.name, request.top_k))
        return self.client.post_json(PATH, fields, limits)

    def _extras(self, request: EngineRequest) -> dict[str, Any]:
        top_k = request.top_k or (-1 if self.model.kind == "sglang" else 0)
        off = {"top_k": top_k, "min_p": 0.0, "repetition_penalty": 1.0, "return_token_ids": True}
        return off | ({"cache_prompt": False} if self.model.kind == "llama.cpp" else {})

    def _prompt(self, request: EngineRequest, continuation: tuple[int, ...]) -> list[int] | str:
        if request.prompt_ids:
            return [*request.prompt_ids, *continuation]
        if continuation:
            raise InvalidArgument(sentences.IDS_OR_TEXT.format(self.name))
        return request.prompt_text

    def _choice(self, read: Fields) -> Fields:
        choices = read.objects("choices")
        if len(choices) != 1:
            wrong = sentences.WRONG_FIELD.format(self.name, "choices", len(choices), sentences.ONE_CHOICE)
            raise ServerFailed(wrong)
        return choices[0]

    def _ids(self, choice: Fields) -> tuple[int, ...] | None:
        return choice.wholes("token_ids", 0, self.highest_id) if choice.has("token_ids") else None

    def _without_end(self, ids: tuple[int, ...], ended: bool) -> tuple[int, ...]:
        """A stop without its id among the last ones has no token of its own (a server may leave it out)."""
        told = self.model.end_ids
        return without_end(ids, ended and bool(ids) and (not told or ids[-1] in told))

    def _number_read(self, read: Fields) -> int | None:
        usage = read.inner("usage") if read.has("usage") else None
        return usage.whole("completion_tokens") if usage and usage.has("completion_tokens") else None

    def _counts(self, read: Fields) -> tuple[int | None, int | None]:
        """Draft tokens and those accepted: in llama.cpp's timings, or vLLM's metrics of a request."""
        for place, drafts, accepts in _COUNTS:
            told: Fields | None = read
            for name in place:
                told = told.inner(name) if told is not None and told.has(name) else None
            if told is not None and told.has(drafts):
                drafted = told.whole(drafts)
                return drafted, told.whole(accepts, most=drafted)
        return None, None

    def _told(self, request: EngineRequest, continuation: tuple[int, ...], num_tokens: int) -> ToldLaw:
        read = self._asked_for_law(request, continuation, num_tokens)
        choice = self._choice(read)
        if not choice.has("logprobs"):
            raise LawNotTold(sentences.NO_LAW.format(self.name))
        told = choice.inner("logprobs")
        if told.has("content"):  # llama.cpp's layout, ids included
            return ToldLaw(told_pairs(told.objects("content")[:1], self.highest_id), self._counts(read)[0])
        return ToldLaw(self._by_token(told), self._counts(read)[0])

    def _asked_for_law(
        self, request: EngineRequest, continuation: tuple[int, ...], num_tokens: int
    ) -> Fields:
        """Asks for as many log-probabilities as the server allows: vLLM's own bound is 20, OpenAI's 5."""
        plain = EngineRequest(1, request.prompt_ids, request.prompt_text, seed=request.seed)
        numbers = [num_tokens, *(number for number in _BOUNDS if number < num_tokens)]
        for number in [self.law_tokens] if self.law_tokens else numbers:
            more = {"logprobs": number, "return_tokens_as_token_ids": True}
            try:
                read = self._asked(plain, continuation, 1, more)
            except ServerFailed as error:
                if error.status not in (400, 422) or number == numbers[-1] or self.law_tokens:
                    raise
                continue
            if number != num_tokens:
                self.law_tokens = number
            return read
        raise AssertionError("the last number returns or raises")

    def _by_token(self, told: Fields) -> tuple[tuple[int, float], ...]:
        """Of OpenAI's layout: a mapping of tokens for each one drawn, or none but of the tokens drawn."""
        rows = told.objects("top_logprobs") if told.has("top_logprobs") else []
        if not rows or not rows[0].read:
            raise LawNotTold(sentences.NO_LAW.format(self.name))
        row = rows[0]
        pairs = [(self._id_of(token), row.number(token)) for token in row.read]
        return tuple((token, -1e9 if log < _LOG_OF_ZERO else log) for token, log in pairs)

    def _id_of(self, token: str) -> int:
        digits = token.removeprefix(_TOKEN_ID)
        if digits == token or not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
            raise LawNotTold(sentences.TEXT_LAW.format(self.name, self.client.quoted(token, 40)))
        row = Fields({_TOKEN_ID: int(digits)}, self.name, "top_logprobs/")
        return row.whole(_TOKEN_ID, 0, self.highest_id)
