"""One address, within its limits, and one line for whatever goes wrong; against a listener here."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from listener import listening, whole

from specdec_lib.errors import InvalidArgument, ServerFailed, ServerUnavailable
from specdec_lib.utils.http.client import HttpClient
from specdec_lib.utils.http.exchange import API_KEY, HttpLimits

QUICK = HttpLimits(connect=0.5, read=0.3, total=1.0, most_bytes=2000, repeats=1, pause=0.01)


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv(API_KEY, raising=False)


def failure(
    answer, limits: HttpLimits = QUICK, ask=lambda client: client.get_json("/x"), **given
) -> Exception:
    """The error of a question to a listener that answers so: one line, of one of the two kinds."""
    with listening(answer) as there, HttpClient(there.url, limits, **given) as client:
        with pytest.raises((ServerFailed, ServerUnavailable)) as raised:
            ask(client)
        said = str(raised.value)
        assert len(said.splitlines()) == 1 and said.isprintable() and len(said) < 600
        assert f"{there.url}/x" in said
        return raised.value


# -- what is asked, and what comes -------------------------------------------------------------------


def test_a_document_is_sent_and_read_and_a_text_is_read_as_it_stands():
    with listening(whole(b'{"a": [1, 0.5, "\xc3\xb6"]}')) as there, HttpClient(there.url) as client:
        assert client.post_json("/v1/completions", {"prompt": [1, 2]}) == {"a": [1, 0.5, "ö"]}
        assert client.get_text("/metrics") == '{"a": [1, 0.5, "ö"]}'
    assert json.loads(there.bodies[0]) == {"prompt": [1, 2]}
    assert [head.split()[:2] for head in there.heads] == [
        [b"POST", b"/v1/completions"],
        [b"GET", b"/metrics"],
    ]
    asked = there.heads[0].lower()
    assert b"accept-encoding: identity" in asked and b"content-type: application/json" in asked
    assert b"authorization" not in asked and b"cookie" not in asked


def test_path_and_query_of_the_address_stand_about_every_path():
    with listening(whole(b"1")) as there, HttpClient(f"{there.url}/engine/?token=abc") as client:
        assert client.get_json("/health") == 1 and client.get_json("") == 1
    assert [head.split()[1] for head in there.heads] == [b"/engine/health?token=abc", b"/engine?token=abc"]


def test_the_key_of_the_environment_goes_to_the_address_and_is_never_shown(monkeypatch):
    monkeypatch.setenv(API_KEY, " sk-very-secret\n")
    with listening(whole(b'{"error": "no such key: sk-very-secret"}', "401 Unauthorized")) as there:
        with HttpClient(there.url, QUICK) as client, pytest.raises(ServerFailed) as raised:
            client.get_json("/v1/models")
        assert raised.value.status == 401 and API_KEY in str(raised.value)
        assert "very-secret" not in str(raised.value) and "no such key: ***" in str(raised.value)
    assert b"Authorization: Bearer sk-very-secret\r\n" in there.heads[0] + b"\r\n"
    with pytest.raises(InvalidArgument) as odd:
        HttpClient("http://127.0.0.1:1", key="sk-a\nX-Other: b")
    assert "sk-a" not in str(odd.value)


def test_user_and_password_are_sent_and_masked():
    with listening(whole(b"{}", "500 No")) as there:
        url = there.url.replace("//", "//ann:hunter22@") + "?key=geheim"
        with HttpClient(url, QUICK) as client, pytest.raises(ServerFailed) as raised:
            client.get_json("/x")
        said = f"{raised.value} {client!r}"
        assert "hunter22" not in said and "ann" not in said and "geheim" not in said and "?key=***" in said
    assert b"Authorization: Basic YW5uOmh1bnRlcjIy" in there.heads[0]


# -- nobody else is asked ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
def test_a_redirect_is_refused_and_nobody_is_called(status):
    with listening(whole(b"{}")) as other:
        answer = whole(b"", f"{status} Elsewhere", f"Location: {other.url}/steal?all=1")
        error = failure(answer)
        assert "sends elsewhere" in str(error) and f"status {status}" in str(error)
        assert other.heads == []


def test_proxies_of_the_environment_are_passed_over(monkeypatch):
    with listening(whole(b'"proxy"')) as proxy, listening(whole(b'"server"')) as there:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with HttpClient(there.url) as client:
            assert client.get_json("/x") == "server"
        assert proxy.heads == []


def test_cookies_are_not_kept():
    with listening(whole(b"1", "200 OK", "Set-Cookie: a=b")) as there, HttpClient(there.url) as client:
        assert [client.get_json("/x") for _ in range(2)] == [1, 1]
    assert not any(b"cookie" in head.lower() for head in there.heads)


# -- limits ------------------------------------------------------------------------------------------


def drip(connection: socket.socket, *_: bytes) -> None:
    """A byte at a time, each well within what one read may take, without an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"1")
        time.sleep(0.05)


def drip_the_head(connection: socket.socket, *_: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"y")
        time.sleep(0.05)


def more_and_more(connection: socket.socket, *_: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"[1," * 500)


def continue_for_ever(connection: socket.socket, *_: bytes) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
        time.sleep(0.02)


@pytest.mark.parametrize("slow", [drip, drip_the_head, continue_for_ever])
def test_slow_bytes_end_at_the_deadline(slow):
    failed = failure(slow)
    assert isinstance(failed, ServerUnavailable) and f"not done within {QUICK.total:g} s" in str(failed)


def test_silence_ends_after_the_time_of_one_read():
    error = failure(lambda connection, *_: time.sleep(0.8))
    assert isinstance(error, ServerUnavailable) and "0.3 s" in str(error)


def test_an_endless_stream_is_cut_off():
    error = failure(more_and_more)
    assert isinstance(error, ServerFailed) and "2000 bytes" in str(error)
    assert failure(whole(b"1" * 2001), QUICK, lambda client: client.get_text("/x")).status == 200


def test_an_encoded_answer_is_refused_before_it_is_unpacked():
    bomb = gzip.compress(b"0" * 1_000_000)
    error = failure(whole(bomb, "200 OK", "Content-Encoding: gzip"), HttpLimits(repeats=0))
    assert "encoded ('gzip')" in str(error)


def test_the_limits_of_one_question_may_be_others():
    with listening(whole(b"1" * 20)) as there, HttpClient(there.url, HttpLimits(most_bytes=5)) as client:
        with pytest.raises(ServerFailed):
            client.get_json("/x")
        assert client.get_json("/x", HttpLimits(most_bytes=20)) == int("1" * 20)


@pytest.mark.parametrize("wrong", [{"total": 0}, {"read": float("nan")}, {"most_bytes": 0}, {"repeats": -1}])
def test_limits_that_are_none_are_refused(wrong):
    with pytest.raises(InvalidArgument, match=next(iter(wrong))):
        HttpLimits(**wrong)


# -- what cannot be used -----------------------------------------------------------------------------

BAD = {
    "empty": b"",
    "html": b"<!doctype html><html>Welcome</html>",
    "cut": b'{"choices": [{"text": "a',
    "words": b"it works",
    "nan": b'{"p": NaN}',
    "infinity": b"[-Infinity]",
    "1e999": b"[1e999]",
    "twice": b'{"a": 1, "a": 2}',
    "deep": b"[" * 900 + b"]" * 900,
    "deeper": b"[" * 1900,
    "digits": b"1" * 1900,
    "not utf8": b'"\xff\xfe"',
    "mark": b"\xef\xbb\xbf{}",
    "escapes": b"\x1b[31m\x07 \xe2\x80\xae bad",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_is_no_sound_json_is_one_line(body):
    error = failure(whole(body))
    assert isinstance(error, ServerFailed) and error.status == 200


WRONG = {
    "no http": b"220 ftp ready\r\n",
    "nothing": b"",
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "cut chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}",
    "long head": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    "odd header": b"HTTP/1.1 200 OK\r\nX\x00: y\r\n\r\n{}",
    "status": b"HTTP/1.1 9999 What\r\n\r\n{}",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG)
def test_what_is_no_http_is_one_line(sent):
    failure(sent)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "too long", "code": 400}}', "too long"),
        (b'{"error": "no model"}', "no model"),
        (b'{"detail": "not found"}', "not found"),
        (b'{"object": "error", "message": "context is 8"}', "context is 8"),
        (b"plain\nwords\x1b[2J", "plain words\\x1b[2J"),
        (b"", "without a word"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(body, words):
    error = failure(whole(body, "400 Bad Request"))
    assert words in str(error) and error.status == 400


def test_a_refusal_without_an_end_is_cut_off():
    def refuse(connection: socket.socket, *_: bytes) -> None:
        connection.sendall(b"HTTP/1.1 500 No\r\n\r\n")
        while True:
            connection.sendall(b"words " * 1000)

    assert failure(refuse).status == 500


def test_what_is_no_json_is_not_sent():
    with listening(whole(b"{}")) as there, HttpClient(there.url) as client:
        for document in ({"p": float("nan")}, {"p": object()}):
            with pytest.raises(InvalidArgument, match="no JSON"):
                client.post_json("/x", document)
        assert there.heads == []


# -- what a repeat mends -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again_and_no_more_often_than_allowed(status):
    calls = []

    def answer(connection: socket.socket, *_: bytes) -> None:
        calls.append(1)
        busy = whole(b'{"error": {"message": "Loading model"}}', f"{status} Later", "Retry-After: 0")
        connection.sendall(busy if len(calls) < 3 else whole(b'"ready"'))

    patient = HttpLimits(total=5.0, repeats=2, pause=0.01)
    with listening(answer) as there, HttpClient(there.url, patient) as client:
        assert client.get_json("/x") == "ready" and len(calls) == 3
        calls.clear()
        with pytest.raises(ServerFailed, match="Loading model") as raised:
            client.get_json("/x", HttpLimits(repeats=1, pause=0.01))
        assert raised.value.status == status and len(calls) == 2


def test_other_refusals_and_slow_servers_are_not_asked_again():
    for answer in (whole(b"", "500 No"), whole(b"", "404 No"), lambda connection, *_: time.sleep(0.5)):
        with listening(answer) as there, HttpClient(there.url, QUICK) as client:
            with pytest.raises((ServerFailed, ServerUnavailable)):
                client.get_json("/x")
            assert len(there.heads) == 1


def test_a_pause_that_nobody_would_make_is_not_made():
    error = failure(whole(b"", "503 Later", "Retry-After: 1e9"), HttpLimits(repeats=1, pause=0.01))
    assert error.status == 503


def test_no_server_is_one_line_and_one_that_comes_up_is_found():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    none_there = pytest.raises(ServerUnavailable, match="is the server running there")
    with HttpClient(f"http://127.0.0.1:{port}", QUICK) as client, none_there as raised:
        client.get_json("/x")
    assert len(str(raised.value).splitlines()) == 1

    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def come_up() -> None:
        server.bind(("127.0.0.1", port))
        server.listen()
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(whole(b'"up"'))

    with server:
        late = threading.Timer(0.1, come_up)
        late.start()
        patient = HttpLimits(total=10.0, repeats=20, pause=0.05)
        with HttpClient(f"http://127.0.0.1:{port}", patient) as client:
            assert client.get_json("/x") == "up"
        late.join()


def test_threads_share_a_client_and_each_has_its_own_answer_and_deadline():
    def echo(connection: socket.socket, head: bytes, body: bytes) -> None:
        connection.sendall(whole(body))

    with listening(echo) as there, HttpClient(there.url, at_once=4) as client, ThreadPoolExecutor(8) as pool:
        came = list(pool.map(lambda n: client.post_json("/x", {"n": n}), range(64)))
    assert came == [{"n": n} for n in range(64)]


def test_https_where_no_tls_is_spoken_is_said_at_once():
    def answer_plainly(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 14)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        pool.submit(answer_plainly, listener)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ServerUnavailable, match="without TLS; use http://"), HttpClient(url) as client:
            client.get_json("/x")
