"""llama.cpp's server by its own protocol: ``/completion`` tells ids, settings and draft counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specdec_lib.errors import ServerFailed
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.servers import sentences
from specdec_lib.lossless.audit.servers.fields import Fields
from specdec_lib.lossless.audit.servers.server import Server, ToldLaw, without_end
from specdec_lib.lossless.audit.servers.settings import check_echo, sent_settings
from specdec_lib.utils.http.documents import in_a_line
from specdec_lib.utils.http.exchange import HttpLimits

PATH = "/completion"
_REMEMBERING = ("ngram-mod", "ngram-cache")
_LOWEST = -3.0e38
"""What it writes for the logarithm of 0."""


@dataclass
class LlamaCppServer(Server):
    """A running ``llama-server``; fields as in tools/server of its sources (read at build 11434).

    It echoes what it sampled with, and every answer is held against that. Ids are asked for, so that a token
    which is half a character is one all the same. The prompt's cache is off for every request.

    Attributes:
        drafting: how it drafts, by the settings of its last answer; "" where it does not, or does not say.
    """

    drafting: str = ""

    def answer(self, request: EngineRequest) -> Answer:
        """One answer, its settings and its counts checked."""
        self._check_request(request, request.num_tokens)
        read = self._asked(request, (), request.num_tokens)
        ended = read.one_of("stop_type", ("eos", "limit", "none", "word")) == "eos"
        ids = read.wholes("tokens", 0, self.highest_id)
        if read.flag("truncated") and not ended:
            context = self.model.context_length or "?"
            raise ServerFailed(sentences.WAS_CUT.format(self.name, context))
        self._check_length(len(ids), request.num_tokens, ended)
        told = *self._counts(read), *_own_seconds(read.inner("timings"))
        return Answer(without_end(ids, ended), read.text("content"), ended, *told)

    def _asked(
        self, request: EngineRequest, continuation: tuple[int, ...], num_tokens: int, **more: Any
    ) -> Fields:
        sent = sent_settings(request)
        fields = {
            "prompt": self._prompt(request, continuation),
            "n_predict": num_tokens,
            "seed": request.seed % (2**32 - 1),  # the largest means a random one
            "cache_prompt": False,
            "return_tokens": True,
            "stream": False,
            **sent,
            **more,
        }
        limits: HttpLimits = self._law_limits() if more else self.client.limits
        read = Fields(self.client.post_json(PATH, fields, limits), self.name)
        self._check_settings(read.inner("generation_settings"), sent)
        self._check_prompt(request, continuation, read.whole("tokens_evaluated"))
        return read

    def _prompt(self, request: EngineRequest, continuation: tuple[int, ...]) -> Any:
        if request.prompt_ids:
            return [*request.prompt_ids, *continuation]
        return [request.prompt_text, *continuation] if continuation else request.prompt_text

    def _check_settings(self, echo: Fields, sent: dict[str, Any]) -> None:
        self.drafting = _drafting(echo)
        if missing := check_echo(echo, sent, self.name):
            self.notice(sentences.NOT_ECHOED.format(", ".join(missing)))
        if remembering := [name for name in _REMEMBERING if name in self.drafting]:
            self.notice(sentences.REMEMBERS.format(", ".join(remembering)))

    def _counts(self, read: Fields) -> tuple[int | None, int | None]:
        """Draft tokens and those accepted; none are told where nothing was drafted."""
        timings = read.inner("timings")
        if timings.has("cache_n") and (cached := timings.whole("cache_n")):
            self.notice(sentences.CACHES_PROMPTS.format(cached))
        if not timings.has("draft_n"):
            return None, None
        drafted = timings.whole("draft_n")
        return drafted, timings.whole("draft_n_accepted", most=drafted)

    def _told(self, request: EngineRequest, continuation: tuple[int, ...], num_tokens: int) -> ToldLaw:
        plain = EngineRequest(1, request.prompt_ids, request.prompt_text, seed=request.seed)
        read = self._asked(plain, continuation, 1, n_probs=num_tokens, post_sampling_probs=False)
        drafting = _drafting(read.inner("generation_settings"))
        speculates = sentences.BY_ITS_SETTINGS.format(drafting) if drafting else ""
        name = "completion_probabilities"
        pairs = told_pairs(read.objects(name)[:1] if read.has(name) else [], self.highest_id)
        return ToldLaw(pairs, self._counts(read)[0], speculates)


def _own_seconds(timings: Fields) -> tuple[float | None, float | None]:
    """Of the prompt and of decoding, where they are told."""
    prompt, decode = (
        timings.number(name) / 1e3 if timings.has(name) else None for name in ("prompt_ms", "predicted_ms")
    )
    return prompt, decode


def told_pairs(tokens: list[Fields], highest_id: int) -> tuple[tuple[int, float], ...]:
    """Ids and log-probabilities of the first token drawn: the list of the likeliest, else its own."""
    if not tokens:
        return ()
    rows = tokens[0].objects("top_logprobs") or tokens[:1]
    return tuple((row.whole("id", 0, highest_id), max(_LOWEST, row.number("logprob"))) for row in rows)


def _drafting(echo: Fields) -> str:
    """How the server drafts, by its settings; "" where it does not, or does not say."""
    if not echo.has("speculative.types"):
        return ""
    kinds = in_a_line(echo.text("speculative.types"), 80).split(",")
    return ", ".join(kind for kind in kinds if kind not in ("", "none"))
