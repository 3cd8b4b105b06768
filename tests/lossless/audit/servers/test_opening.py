"""Which protocol answers, what model it has, and the servers that cannot be audited."""

from __future__ import annotations

import pytest
from listener import listening, whole
from table_server import TableServer, serving

from specdec_lib.errors import InvalidArgument, ServerFailed, ServerUnavailable
from specdec_lib.lossless.audit.servers.completions import CompletionsServer
from specdec_lib.lossless.audit.servers.llama_cpp import LlamaCppServer
from specdec_lib.lossless.audit.servers.opening import open_server
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.utils.http.exchange import HttpLimits

MODEL = TableModel.random(6, seed=1)
QUICK = HttpLimits(total=2.0, repeats=0)


@pytest.fixture
def table():
    with serving(TableServer(MODEL, owner="vllm")) as there:
        yield there


def without(table: TableServer, *paths: str) -> None:
    table.paths = table.paths - set(paths)


def test_llama_cpps_own_protocol_comes_first_and_either_can_be_asked_for(table):
    with open_server(table.url) as server:
        assert isinstance(server, LlamaCppServer) and server.name == f"{table.url} (llama.cpp, table)"
    with open_server(f"{table.url}/v1/", protocol="openai") as server:
        assert isinstance(server, CompletionsServer) and server.model.kind == "vllm"


def test_a_server_without_props_is_asked_by_openais(table):
    without(table, "/props", "/completion", "/tokenize")
    with open_server(table.url) as server:
        assert isinstance(server, CompletionsServer) and server.model.context_length == 64
    with pytest.raises(ServerFailed, match="/props"):
        open_server(table.url, protocol="llama.cpp")


def test_a_server_for_chats_alone_is_named(table):
    without(table, "/props", "/v1/completions")
    with pytest.raises(ServerFailed, match=r"/v1/completions is not there \(status 404\)") as raised:
        open_server(table.url)
    assert "chat" in str(raised.value) and raised.value.status == 404


def test_the_model_is_named_where_there_are_several(table):
    without(table, "/props")

    def several(connection, path, document) -> bool:
        if path == "/v1/models":
            document["data"].append({"id": "other"})
        return False

    table.in_place = several
    with pytest.raises(ServerFailed, match=r"has 2 models \(table, other\)"):
        open_server(table.url)
    with pytest.raises(ServerFailed, match="none is 'third'"):
        open_server(table.url, model="third")
    assert open_server(table.url, model="other").model.name == "other"
    table.in_place = lambda connection, path, document: (
        path == "/v1/models" and bool(document["data"].clear())
    )
    with pytest.raises(ServerFailed, match="has no model"):
        open_server(table.url)


@pytest.mark.parametrize(
    "answer", [whole(b"<html>Welcome</html>"), whole(b"[1]"), whole(b"gone", "404 Not Found")]
)
def test_something_else_that_answers_is_one_line(answer):
    with listening(answer) as there, pytest.raises(ServerFailed) as raised:
        open_server(there.url, limits=QUICK)
    assert len(str(raised.value).splitlines()) == 1 and there.url in str(raised.value)


def test_a_key_that_is_wrong_is_said_at_once():
    with listening(whole(b'{"error": "no"}', "401 Unauthorized")) as there:
        with pytest.raises(ServerFailed, match="SPECDEC_API_KEY"):
            open_server(there.url, limits=QUICK)
        assert len(there.heads) == 1


@pytest.mark.unchecked
def test_no_server_and_no_address_are_one_line():
    with listening(b"") as there:
        url = there.url
    with pytest.raises(ServerUnavailable, match="is the server running there"):
        open_server(url, limits=QUICK)
    with pytest.raises(InvalidArgument):
        open_server("ftp://somewhere")
    with pytest.raises(InvalidArgument, match=r"pass llama.cpp"):
        open_server(url, protocol="grpc")


def test_more_ends_of_a_text_may_be_named(table):
    assert open_server(table.url, end_ids=[3]).model.end_ids == {3, 5}
