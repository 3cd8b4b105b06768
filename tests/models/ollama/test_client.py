"""Against a server started here that speaks Ollama's protocol, and against ones that do not."""

from __future__ import annotations

import json
import re
import socket
import threading

import pytest

from specdec_lib.errors import InvalidArgument, ServerUnavailable
from specdec_lib.models.ollama.client import OllamaClient
from tests.models.ollama_server import FINAL, Server

# -- what a server answers -------------------------------------------------------------------


def test_a_running_server_is_found_through_the_environment(server):
    client = OllamaClient()
    assert client.url == f"http://{server}"
    assert client.is_running() and client.version() == "0.5.1"


def test_the_models_come_with_what_the_server_knows_of_them(server):
    first, bare = OllamaClient(server).list_models()
    assert (first.name, first.parameter_size, first.quantization) == ("llama3.2:1b", "1.2B", "Q8_0")
    assert first.size_gb == pytest.approx(1.321098329)
    assert (bare.name, bare.parameter_size, bare.quantization, bare.size_bytes) == (
        "bare:latest",
        "?",
        "?",
        0,
    )


def test_one_generation_with_the_servers_own_measurements(server):
    answer = OllamaClient(server).generate("llama3.2:1b", "Say hello", max_tokens=30, temperature=0, seed=7)
    assert answer.text == "Hello, wörld"
    assert (answer.num_tokens, answer.generation_time, answer.total_time) == (30, 1.5, 2.0)
    assert answer.tokens_per_second == pytest.approx(20.0)
    (sent,) = Server.requests
    assert sent["options"] == {"num_predict": 30, "temperature": 0, "seed": 7}
    assert (sent["prompt"], sent["stream"]) == ("Say hello", False)


def test_a_stream_comes_piece_by_piece_and_ends_when_the_text_is_done(server):
    pieces = list(OllamaClient(server).stream("llama3.2:1b", "Say hello"))
    assert pieces == ["Hello", ", ", "wörld"]
    assert Server.requests[0]["stream"] is True


REQUEST = {
    "think": False,
    "keep_alive": "5m",
    "format": "json",
    "system": "Be brief.",
    "template": "{{ .Prompt }}",
}
REQUEST |= {"raw": True, "suffix": "end", "images": ["aGk="], "context": [1, 2], "truncate": False}


@pytest.mark.parametrize("method", ["generate", "stream"])
def test_what_belongs_to_the_request_goes_into_the_request(server, method):
    client = OllamaClient(server)
    answer = getattr(client, method)("llama3.2:1b", "x", 3, temperature=0, options={"seed": 7}, **REQUEST)
    list(answer) if method == "stream" else answer
    (sent,) = Server.requests
    assert {name: sent[name] for name in REQUEST} == REQUEST
    assert sent["options"] == {"num_predict": 3, "temperature": 0, "seed": 7}


@pytest.mark.parametrize("given", [{"seed": {1}}, {"format": object()}, {"temperature": float("nan")}])
def test_a_value_that_is_no_json_is_named(given):
    (name,) = given
    with pytest.raises(InvalidArgument, match=f"{name} .* JSON"):
        OllamaClient("localhost").generate("llama3.2:1b", "x", **given)


def test_a_stream_is_asked_for_by_the_method():
    with pytest.raises(InvalidArgument, match=r"stream\(\)"):
        OllamaClient("localhost").generate("llama3.2:1b", "x", stream=True)


def test_an_answer_says_why_it_ended_and_what_was_thought(server):
    answer = OllamaClient(server).generate("llama3.2:1b", "x")
    assert (answer.thinking, answer.done_reason) == ("", "length")
    Server.raw["/api/generate"] = json.dumps(FINAL | {"response": "4", "thinking": "2 + 2"}).encode()
    answer = OllamaClient(server).generate("llama3.2:1b", "x")
    assert (answer.text, answer.thinking) == ("4", "2 + 2")


def test_a_text_of_nothing_but_thinking_is_said_to_be_so(server, capsys):
    Server.raw["/api/generate"] = json.dumps(FINAL | {"response": None, "thinking": "Hm"}).encode()
    answer = OllamaClient(server).generate("llama3.2:1b", "x", 30)
    assert (answer.text, answer.thinking, answer.num_tokens) == ("", "Hm", 30)
    assert list(OllamaClient(server).stream("llama3.2:1b", "x", 30)) == []
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and all("llama3.2:1b" in line and " 30 " in line for line in said)


def test_a_stream_has_the_thinking_apart_from_the_text(server):
    lines = [{"response": "", "thinking": "Hm"}, {"response": "4"}, FINAL]
    Server.raw["/api/generate"] = "\n".join(map(json.dumps, lines)).encode()
    client = OllamaClient(server)
    pieces = list(client.stream_pieces("llama3.2:1b", "x"))
    assert [(piece.text, piece.thinking) for piece in pieces] == [("", "Hm"), ("4", ""), ("", "")]
    assert (pieces[-1].done, pieces[-1].done_reason) == (True, "length")
    assert list(client.stream("llama3.2:1b", "x")) == ["4"]


def test_a_line_of_a_stream_ends_at_a_line_feed_alone(server):
    text = "a\x85b\u2028c"
    lines = [{"response": text, "done": False}, FINAL]
    Server.raw["/api/generate"] = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()
    assert list(OllamaClient(server).stream("llama3.2:1b", "x")) == [text]


def test_a_prompt_may_hold_half_a_character(server):
    assert OllamaClient(server).generate("llama3.2:1b", "\ud83d").text == "Hello, wörld"
    assert Server.requests[0]["prompt"] == "\ud83d"


def test_a_server_that_counted_nothing_has_no_rate(server):
    Server.raw["/api/generate"] = b'{"response": "", "done": true}'
    assert OllamaClient(server).generate("llama3.2:1b", "x").tokens_per_second == 0.0


@pytest.mark.parametrize("models", [b'{"models": []}', b'{"models": null}'])
def test_a_server_may_have_no_models(server, models):
    Server.raw["/api/tags"] = models
    assert OllamaClient(server).list_models() == []


# -- what can go wrong -----------------------------------------------------------------------


def refused(call) -> str:
    with pytest.raises(ServerUnavailable) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_listening_says_what_to_do(nobody):
    client = OllamaClient()
    assert not client.is_running()
    said = refused(client.list_models)
    assert f"http://{nobody}" in said and "ollama serve" in said


def test_a_host_that_does_not_resolve_is_no_server():
    assert "http://nowhere.invalid:11434" in refused(OllamaClient("nowhere.invalid").version)


@pytest.mark.parametrize("call", ["generate", "stream"])
def test_a_model_that_is_not_there_is_what_the_server_says(server, call):
    said = refused(lambda: list(getattr(OllamaClient(server), call)("nope", "x") or ()))
    assert all(part in said for part in (f"http://{server}", "model 'nope' not found", "/api/generate"))


def test_an_error_without_a_message_is_its_status(server, monkeypatch):
    monkeypatch.setattr(Server, "do_GET", lambda handler: handler._answer(500, "oops"))
    assert "HTTP 500 Internal Server Error (/api/tags)" in refused(OllamaClient(server).list_models)


def test_an_error_in_the_middle_of_a_stream_is_raised_after_the_pieces_before_it(server):
    Server.raw["/api/generate"] = b'{"response": "Hel", "done": false}\n\n{"error": "out of memory"}\n'
    pieces = []
    said = refused(lambda: pieces.extend(iter(OllamaClient(server).stream("llama3.2:1b", "x"))))
    assert pieces == ["Hel"] and "out of memory" in said and "/api/generate" in said


def test_a_stream_that_ends_too_early_is_not_taken_for_a_whole_text(server):
    Server.raw["/api/generate"] = b'{"response": "Hel", "done": false}\n'
    stream = OllamaClient(server).stream("llama3.2:1b", "x")
    assert next(stream) == "Hel"
    said = refused(lambda: next(stream))
    assert f"http://{server}" in said and "ollama serve" not in said


def test_a_silent_server_is_given_up_on_in_time(server, monkeypatch):
    monkeypatch.setattr(Server, "delay", 1.0)
    asking, generating = OllamaClient(server, timeout=0.1), OllamaClient(server, generate_timeout=0.1)
    for call in (asking.version, lambda: generating.generate("llama3.2:1b", "x")):
        said = refused(call)
        assert f"http://{server}" in said and " 0.1 s" in said


def test_a_connection_cut_in_the_middle_of_an_answer_is_named():
    """More is announced than is sent."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer_half() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"vers')

        thread = threading.Thread(target=answer_half)
        thread.start()
        said = refused(OllamaClient(f"127.0.0.1:{listening.getsockname()[1]}").version)
        thread.join()
    assert "IncompleteRead" in said


MALFORMED = {
    b"<html>": " JSON;",
    b"\xff\xfe": " JSON;",
    b"[]": "JSON object",
    b"{}": "'{field}'",
    b'{"error": "no"}': ": no ",
}
PROMISED = {"/api/version": "version", "/api/tags": "models", "/api/generate": "response"}


@pytest.mark.parametrize("path", PROMISED)
@pytest.mark.parametrize("body", MALFORMED)
def test_what_is_not_ollamas_answer_is_said_to_be_so(server, path, body):
    Server.raw[path] = body
    client = OllamaClient(server)
    calls = {
        "/api/version": client.version,
        "/api/tags": client.list_models,
        "/api/generate": lambda: client.generate("llama3.2:1b", "x"),
    }
    said = refused(calls[path])
    assert MALFORMED[body].format(field=PROMISED[path]) in said and path in said


@pytest.mark.parametrize("models", [b'{"models": 3}', b'{"models": ["a"]}', b'{"models": [{"size": "big"}]}'])
def test_models_of_another_shape_are_refused(server, models):
    Server.raw["/api/tags"] = models
    assert "/api/tags" in refused(OllamaClient(server).list_models)


def test_counts_of_another_shape_are_refused(server):
    Server.raw["/api/generate"] = b'{"response": "x", "eval_count": "many"}'
    assert "/api/generate" in refused(lambda: OllamaClient(server).generate("llama3.2:1b", "x"))


def test_a_generation_of_no_tokens_is_refused_since_the_server_takes_it_for_no_limit(server):
    with pytest.raises(InvalidArgument, match="max_tokens is 0"):
        OllamaClient(server).generate("llama3.2:1b", "x", max_tokens=0)


def test_a_proxy_is_not_asked_for_our_own_machine(server, nobody, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://{nobody}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert OllamaClient(server).is_running()


@pytest.mark.parametrize("host", ["nowhere..invalid", f"{'a' * 70}.invalid", "localhost:9/ü"])
def test_an_address_that_nothing_can_have_is_no_server(host):
    client = OllamaClient(host)
    assert client.url in refused(client.version)


# -- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://localhost:11434"),
        ("  ", "http://localhost:11434"),
        ("example.com", "http://example.com:11434"),
        ("10.0.0.7:8080", "http://10.0.0.7:8080"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com/ollama/", "https://example.com:443/ollama"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_host_is_read_as_ollama_reads_it(host, url):
    assert OllamaClient(host).url == url


@pytest.mark.parametrize(
    "host", ["ftp://example.com", "http://", "localhost:port", "localhost:99999", ":8080"]
)
def test_a_host_that_is_no_address_is_refused(host):
    with pytest.raises(InvalidArgument, match=re.escape(f"'{host}'")):
        OllamaClient(host)


def test_without_a_host_it_is_the_default_port(monkeypatch):
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    assert OllamaClient().url == "http://localhost:11434"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"num_predict": -1}, "num_predict .*max_tokens"),
        ({"options": {"num_predict": 5}}, "num_predict .*max_tokens"),
        ({"options": "seed=7"}, "options .*'seed=7'"),
        ({"messages": [], "tools": []}, "messages, tools "),
    ],
)
def test_what_the_server_would_leave_out_or_take_for_no_limit_is_refused(given, said):
    with pytest.raises(InvalidArgument, match=said):
        OllamaClient("localhost").generate("llama3.2:1b", "x", 3, **given)
