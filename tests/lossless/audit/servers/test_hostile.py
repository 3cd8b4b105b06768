"""1,000 answers that no proper server gives: each is one line or right, and nobody else is called.

Right answers are damaged by a seeded hand (values of other types, fields that are lost or come twice, bytes
cut, flipped and put in), or replaced by what an honest client does not expect: redirects, slow bytes, streams
without an end, encodings, lengths that lie.
"""

from __future__ import annotations

import copy
import gzip
import json
import math
import random
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from listener import listening, whole
from table_server import TableServer, send, serving

from specdec_lib.errors import ServerFailed, ServerUnavailable
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.servers.opening import open_server
from specdec_lib.lossless.audit.servers.server import Server
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.utils.http.exchange import HttpLimits

pytestmark = pytest.mark.unchecked

MODEL = TableModel.random(6, seed=1)
REQUEST = EngineRequest(3, prompt_ids=(1, 2), seed=4)
LIMITS = HttpLimits(connect=1.0, read=0.15, total=0.25, most_bytes=200_000, repeats=1, pause=0.005)
NUMBER = 1000
VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2**31, 2**70, -0.0, 1e308, 0.5, "", "12", "NaN", "\x1b[2J\u202e\u2028", [],
    {}, [[]], {"a": {}}, [None], "x" * 5000, [1] * 5000, ["token_id:1"], "token_id:-1",
]  # fmt: skip
RAW = [
    "NaN",
    "-Infinity",
    "1e999",
    "-1e999",
    "9" * 5000,
    "[" * 3000,
    '{"a":' * 500,
    "01",
    "'a'",
    "\\u0000",
    "",
]


def places(document: Any, path: tuple = ()) -> list[tuple]:
    """Paths to every value within."""
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    return [found for key, value in inner for found in ((*path, key), *places(value, (*path, key)))]


def holder(document: Any, path: tuple) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document


def another_value(rng: random.Random, document: Any) -> bytes:
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 2))):
        if found := places(document):
            path = rng.choice(found)
            holder(document, path)[path[-1]] = copy.deepcopy(rng.choice(VALUES))
    return json.dumps(document).encode()


def raw_value(rng: random.Random, document: Any) -> bytes:
    """What JSON does not have, or not so much of it."""
    document = copy.deepcopy(document)
    path = rng.choice(places(document) or [()])
    if path:
        holder(document, path)[path[-1]] = "@here@"
    return json.dumps(document).replace('"@here@"', rng.choice(RAW)).encode()


def lost_field(rng: random.Random, document: Any) -> bytes:
    document = copy.deepcopy(document)
    if found := places(document):
        path = rng.choice(found)
        del holder(document, path)[path[-1]]
    return json.dumps(document).encode()


def field_twice(rng: random.Random, document: Any) -> bytes:
    text = json.dumps(document)
    return text.replace("{", '{"content": 1, "choices": [], "content": 2, ', 1).encode()


def cut(rng: random.Random, document: Any) -> bytes:
    body = json.dumps(document).encode()
    return body[: rng.randrange(len(body))]


def noise(rng: random.Random, document: Any) -> bytes:
    body = bytearray(json.dumps(document).encode())
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(body))
        body[place : place + rng.choice((0, 1))] = bytes([rng.randrange(256)])
    return bytes(body)


BODIES = (another_value, another_value, another_value, raw_value, lost_field, field_twice, cut, noise)


def raw(connection: BaseHTTPRequestHandler, *parts: bytes) -> None:
    connection.close_connection = True
    for part in parts:
        connection.wfile.write(part)


def slow_body(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
    raw(connection, b"HTTP/1.1 200 OK\r\n\r\n")
    for byte in body:
        connection.wfile.write(bytes([byte]))
        time.sleep(0.02)


def slow_head(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
    raw(connection, b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.wfile.write(b"y")
        time.sleep(0.02)


def silent(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
    connection.close_connection = True
    time.sleep(0.3)


def endless(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
    raw(connection, b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.wfile.write(rng.choice((b"[", b'{"a":1,', b" ", b"1")) * 20_000)


def endless_chunks(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
    raw(connection, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.wfile.write(b"4000\r\n" + b"[" * 0x4000 + b"\r\n")


def bomb(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
    packed = gzip.compress(b"0" * 2_000_000)
    send(
        connection, 200, packed, ("Content-Encoding", rng.choice(("gzip", "deflate", "br", "identity, gzip")))
    )


def wrong_length(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
    length = rng.choice((str(len(body) - 7), str(len(body) + 9), "-3", "9" * 30, "x", "0"))
    raw(
        connection, f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode(), body
    )


def no_http(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
    raw(
        connection,
        rng.choice((b"", b"220 ftp\r\n", b"\x16\x03\x01", b"HTTP/1.1 \xff\r\n\r\n", b"HTTP/9 200\r\n\r\n")),
    )


def other_status(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
    said = rng.choice(
        (b"", b"<html>no</html>", b'{"error": {"message": 5}}', b'{"error": "\\u001b[2J"}', body)
    )
    send(connection, rng.choice((204, 206, 400, 401, 403, 404, 418, 429, 500, 503)), said)


def page(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
    send(
        connection, 200, rng.choice((b"", b"<!doctype html><html>Hi", b"ok", b"\xff\xfe", b"\xef\xbb\xbf{}"))
    )


FAULTS = (
    slow_body,
    slow_head,
    silent,
    endless,
    endless_chunks,
    bomb,
    wrong_length,
    no_http,
    other_status,
    page,
)
SLOW = {slow_body, slow_head, silent}


def elsewhere(url: str):
    def redirect(connection: BaseHTTPRequestHandler, rng: random.Random, body: bytes) -> None:
        send(connection, rng.choice((301, 302, 303, 307, 308)), b"", ("Location", f"{url}/completion"))

    return redirect


def check_answer(answer: Answer) -> None:
    assert len(answer.ids or ()) + answer.ended <= REQUEST.num_tokens
    assert all(type(token) is int and 0 <= token < 2**31 for token in answer.ids or ())
    assert isinstance(answer.text, str) and isinstance(answer.ended, bool)
    if answer.num_drafted is not None:
        assert 0 <= answer.num_accepted <= answer.num_drafted


def check_law(law: dict) -> None:
    assert law and all(0.0 <= chance <= 1.0 for chance in law.values()) and math.fsum(law.values()) < 1.002
    assert all(token is None or (type(token) is int and 0 <= token < 2**31) for token in law)


def ask(what: str, servers: dict[str, Server], url: str) -> None:
    kind, _, action = what.partition(" ")
    if action == "open":
        with open_server(url, protocol=kind, end_ids=(5,), limits=LIMITS) as server:
            assert isinstance(server.name, str)
    elif action == "answer":
        check_answer(servers[kind].answer(REQUEST))
    else:
        check_law(servers[kind].next_law(REQUEST, (3,)))


WHAT = [
    f"{kind} {action}"
    for kind in ("llama.cpp", "openai")
    for action in ("answer", "law", "answer", "law", "open")
]


def hostile(fault: Any, damage: Any, hits: float, rng: random.Random) -> Any:
    """What answers in the server's place."""

    def in_place(connection: BaseHTTPRequestHandler, path: str, document: Any) -> bool:
        if rng.random() > hits:
            return False
        body = damage(rng, document)
        fault(connection, rng, body) if fault else send(connection, 200, body)
        return True

    return in_place


def test_a_thousand_hostile_answers_give_one_line_or_a_right_answer():
    rng, seen = random.Random(15), Counter()
    with serving(TableServer(MODEL, owner="vllm")) as table, listening(whole(b"{}")) as other:
        servers = {
            kind: open_server(table.url, protocol=kind, limits=LIMITS) for kind in ("llama.cpp", "openai")
        }
        for number in range(NUMBER):
            what, fault = WHAT[number % len(WHAT)], None
            if rng.random() < 0.3:
                fault = rng.choice((*FAULTS, elsewhere(other.url)))
                if fault in SLOW and rng.random() < 0.6:
                    fault = page
            damage = rng.choice(BODIES)
            hits = rng.random() if "open" in what else 1.0  # of an opening's questions, any may be damaged

            table.in_place = hostile(fault, damage, hits, random.Random(number))
            try:
                ask(what, servers, table.url)
                seen["right"] += 1
            except (ServerFailed, ServerUnavailable) as error:
                said = str(error)
                assert len(said.splitlines()) == 1 and said.isprintable() and len(said) < 900, (number, said)
                assert table.url in said, (number, said)
                seen[type(error).__name__] += 1
        assert other.heads == []
        table.in_place = lambda connection, path, document: False
        for server in servers.values():
            check_answer(server.answer(REQUEST))  # and the client is as good as new
            server.close()
    assert sum(seen.values()) == NUMBER and seen["right"] < 0.4 * NUMBER, seen
    assert seen["ServerFailed"] > 400 and seen["ServerUnavailable"] > 20, seen
