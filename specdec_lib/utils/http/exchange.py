"""One question to a server and the bytes of its answer: bounded, repeated where that may help."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from typing import NoReturn

import httpcore
import httpx

from specdec_lib.errors import InvalidArgument, ServerFailed, ServerUnavailable, reason_of
from specdec_lib.utils.http import sentences
from specdec_lib.utils.http.address import Address
from specdec_lib.utils.http.documents import in_a_line
from specdec_lib.utils.http.transport import DEADLINE, OneAddress
from specdec_lib.utils.numbers import real_number, whole_number, written_real

API_KEY = "SPECDEC_API_KEY"
"""The variable of the environment that holds a bearer key, sent with every request to the address alone."""

_PASSING = (429, 502, 503, 504)
_ADVICE: dict[int, str] = {
    **dict.fromkeys((401, 403), sentences.CHECK_THE_KEY.format(API_KEY)),
    **dict.fromkeys((404, 405), sentences.CHECK_THE_PATH),
    **dict.fromkeys((400, 413, 422), sentences.CHECK_THE_REQUEST),
    **dict.fromkeys(_PASSING, sentences.ASK_LATER),
}
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")
"""What OpenSSL's releases call an answer that is no TLS."""
_LONGEST_PAUSE = 10.0
_WORDS_OF_AN_ERROR = 4096


@dataclass(frozen=True)
class HttpLimits:
    """How long, how much and how often; times in seconds.

    Attributes:
        connect: for a connection.
        read: for the next bytes of an answer, its first included.
        total: for a request with everything: pauses, repeats, and the last byte of the answer. A host's name
            is looked up beside it, by the system.
        most_bytes: of an answer; what is longer is cut off and refused.
        repeats: of a request that found no server, one that hung up, or a busy one (429, 502, 503, 504).
        pause: before the first repeat; each one after waits twice as long.
    """

    connect: float = 5.0
    read: float = 60.0
    total: float = 120.0
    most_bytes: int = 8 << 20
    repeats: int = 4
    pause: float = 0.25

    def __post_init__(self) -> None:
        for name in ("connect", "read", "total", "pause"):
            if (value := real_number(getattr(self, name), f"HTTP limits: {name}")) <= 0.0:
                raise InvalidArgument(sentences.NO_LIMIT.format(name, value))
        whole_number(self.most_bytes, "HTTP limits: most_bytes", least=1)
        whole_number(self.repeats, "HTTP limits: repeats", least=0)


class _Passing(Exception):
    """What a repeat may mend; ``error`` is what to say where it does not, ``pause`` what the server wants."""

    def __init__(self, error: ServerUnavailable | ServerFailed, pause: float = 0.0) -> None:
        super().__init__(str(error))
        self.error, self.pause = error, pause


@dataclass
class Exchange:
    """One question and its answer.

    Attributes:
        transport, address: through what, and to whom.
        headers: of the request.
        secrets: what is masked where an answer repeats it.
        method, path, body: the request.
        limits: of all of it.
    """

    transport: OneAddress
    address: Address
    headers: dict[str, str]
    secrets: tuple[str, ...]
    method: str
    path: str
    limits: HttpLimits
    body: bytes | None = None
    ends: float = field(default=0.0, init=False)

    def content(self) -> bytes:
        """The bytes of the answer.

        Raises:
            ServerUnavailable: none came, or only a part, in the time that there is.
            ServerFailed: a status other than 200, or an answer that is too long or encoded.
        """
        self.ends = time.monotonic() + self.limits.total
        pause = self.limits.pause
        for repeat in range(self.limits.repeats + 1):
            try:
                return self._asked_once()
            except _Passing as passing:
                wait = max(pause * random.uniform(0.75, 1.25), passing.pause)
                if repeat == self.limits.repeats or time.monotonic() + wait >= self.ends:
                    raise passing.error from passing.error.__cause__
            time.sleep(wait)
            pause *= 2.0
        raise AssertionError("the last repeat returns or raises")

    def failed(self, template: str, *said: object, status: int = 200) -> ServerFailed:
        """The error of an answer that cannot be used: method and address fill the first two places."""
        return ServerFailed(self._in_words(template, *said), status)

    def quoted(self, came: object, most: int = 120) -> str:
        """What a server sent, as a message can quote it."""
        return in_a_line(came if isinstance(came, str) else repr(came), most, self.secrets)

    def _in_words(self, template: str, *said: object) -> str:
        return template.format(self.method, self.address.shown(self.path), *said)

    def _asked_once(self) -> bytes:
        came, token = bytearray(), DEADLINE.set(self.ends)
        try:
            self._read_into(came)
            return bytes(came)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            self._give_up(error, len(came))
        finally:
            DEADLINE.reset(token)

    def _give_up(self, error: Exception, came: int) -> NoReturn:
        """What to say of a connection that failed, and whether to ask again."""
        never = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout)
        if self.address.scheme == "https" and any(mark in str(error) for mark in _NO_TLS):
            raise ServerUnavailable(self._in_words(sentences.WITHOUT_TLS)) from error
        reason = self.quoted(reason_of(error) or type(error).__name__)
        if isinstance(error, never):
            said = self._in_words(sentences.NOT_REACHED, sentences.CANNOT_CONNECT.format(reason))
        elif not isinstance(error, httpcore.TimeoutException):
            said = self._in_words(sentences.HUNG_UP, reason)
        elif came or time.monotonic() >= self.ends:
            said = self._in_words(sentences.TOO_SLOW, self.limits.total, came)
        else:
            said = self._in_words(sentences.NO_ANSWER, self.limits.read)
        failure = ServerUnavailable(said)
        failure.__cause__ = error
        slow = isinstance(error, httpcore.TimeoutException) and not isinstance(error, never)
        if came or slow:  # half an answer, or none in all the time allowed: a repeat would give no other
            raise failure from error
        raise _Passing(failure)

    def _read_into(self, came: bytearray) -> None:
        limits = self.limits
        request = httpx.Request(
            self.method,
            self.address.origin + self.address.target(self.path),
            headers=self.headers,
            content=self.body,
            extensions={
                "timeout": {
                    "connect": limits.connect,
                    "read": limits.read,
                    "write": limits.read,
                    "pool": max(0.0, self.ends - time.monotonic()),
                }
            },
        )
        response = self.transport.handle_request(request)
        try:
            self._check(response)
            for part in response.iter_raw():
                came += part
                if len(came) > limits.most_bytes:
                    raise self.failed(sentences.TOO_LONG, limits.most_bytes)
        finally:
            response.close()

    def _check(self, response: httpx.Response) -> None:
        """That it is an answer, and one that was asked for."""
        status = response.status_code
        if 300 <= status < 400:
            place = self.quoted(response.headers.get("Location", ""), 80)
            raise self.failed(sentences.REDIRECTED, status, place, status=status)
        if status != 200:
            words = _words_of_an_error(response) or sentences.NO_WORDS
            advice = _ADVICE.get(status, sentences.READ_ITS_LOG)
            failure = self.failed(sentences.STATUS, status, self.quoted(words, 200), advice, status=status)
            if status in _PASSING:
                raise _Passing(failure, _wanted_pause(response))
            raise failure
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("identity", ""):
            raise self.failed(sentences.ENCODED, self.quoted(coding, 40))


def _wanted_pause(response: httpx.Response) -> float:
    """The seconds that a busy server asks for, if they are a pause that anybody would make."""
    wanted = written_real(response.headers.get("Retry-After", "")[:20])
    return wanted if wanted is not None and 0.0 <= wanted <= _LONGEST_PAUSE else 0.0


def _words_of_an_error(response: httpx.Response) -> str:
    """What a server says of its refusal: the message within its JSON, or the beginning of what came."""
    came = bytearray()
    for part in response.iter_raw():
        came += part
        if len(came) > _WORDS_OF_AN_ERROR:
            break
    text = bytes(came[:_WORDS_OF_AN_ERROR]).decode(errors="replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text
    for name in ("error", "message", "detail", "error_msg"):
        said = said.get(name, said) if isinstance(said, dict) else said
    return said if isinstance(said, str) else text
