"""OpenAI's completions against a table's server that speaks them as vLLM, SGLang or others do."""

from __future__ import annotations

import numpy as np
import pytest
from table_server import TableServer, serving

from specdec_lib.errors import InvalidArgument, ServerFailed
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.servers.opening import open_server
from specdec_lib.lossless.laws.table_model import TableModel

MODEL = TableModel.random(6, seed=1)
REQUEST = EngineRequest(3, prompt_ids=(1, 2))


@pytest.fixture
def table():
    with serving(TableServer(MODEL, MODEL.near(seed=2, weight=0.5), owner="vllm")) as there:
        yield there


def opened(table: TableServer, **given):
    return open_server(table.url, protocol="openai", end_ids=(5,), **given)


def test_ids_come_where_the_server_tells_them_and_else_the_text_is_counted(table):
    request = EngineRequest(3, (1, 2), seed=3)
    answer = opened(table).answer(request)
    assert answer.ids is not None and answer.text == MODEL.decode(answer.ids)
    table.owner = "somebody"
    assert opened(table).answer(request).outcome == (answer.text, answer.ended)


@pytest.mark.parametrize("end_ids", [(5,), ()])
def test_the_end_is_no_token_of_the_answer(table, end_ids):
    with open_server(table.url, protocol="openai", end_ids=end_ids) as server:
        answers = [server.answer(EngineRequest(3, (1, 2), seed=seed)) for seed in range(40)]
    assert {answer.ended for answer in answers} == {True, False}
    assert all(5 not in answer.ids and len(answer.ids) + answer.ended <= 3 for answer in answers)
    assert any("ids end a text" in said for said in server.notices) == (not end_ids)


def test_what_would_change_the_law_is_sent_as_off(table):
    opened(table).answer(EngineRequest(3, (1, 2), temperature=0.7))
    _, sent = table.asked[-1]
    assert sent["model"] == "table" and sent["prompt"] == [1, 2] and sent["max_tokens"] == 3
    off = {"top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0, "top_k": 0}
    assert {name: sent[name] for name in off} == off and "ignore_eos" not in sent
    table.owner = "sglang"
    opened(table).answer(REQUEST)
    assert table.asked[-1][1]["top_k"] == -1


def test_nothing_is_echoed_and_that_is_said(table):
    assert any("plain decoding instead" in said for said in opened(table).notices)
    table.owner = "library"
    server = opened(table)
    assert server.model.kind == "ollama" and any("Modelfile" in said for said in server.notices)


def test_a_server_that_refuses_fields_gets_none_and_that_is_said(table):
    table.refuses = frozenset({"min_p"})
    server = opened(table)
    assert any("unknown field: min_p" in said for said in server.notices)
    server.answer(REQUEST)
    assert "min_p" not in table.asked[-1][1]
    with pytest.raises(ServerFailed, match="takes no top_k, and 2"):
        server.answer(EngineRequest(3, (1, 2), top_k=2))


@pytest.mark.parametrize("owner", ["vllm", "llamacpp"])
def test_the_law_is_read_in_either_layout(table, owner):
    table.owner = owner
    server = opened(table)
    law = server.next_law(EngineRequest(3, (1,)), (2,))
    told = [law[token] for token in (0, 1, 2, 3, 4, None)]
    assert np.abs(np.array(told) - MODEL.rows[1, 2]).max() < 1e-9
    number = 6 if owner == "llamacpp" else 1000  # where the vocabulary is not told
    assert table.asked[-1][1]["logprobs"] == number and table.asked[-1][1]["temperature"] == 1.0


def test_a_bound_on_log_probabilities_is_found_and_kept_to(table):
    server = opened(table)
    table.most_logprobs = 20
    assert sum(server.next_law(REQUEST, ()).values()) == pytest.approx(1.0)
    server.next_law(REQUEST, (3,))
    assert [sent["logprobs"] for _, sent in table.asked[-3:]] == [1000, 20, 20] or server.law_tokens == 20
    table.most_logprobs = 2
    with pytest.raises(ServerFailed, match="greater than max allowed"):
        opened(table).next_law(REQUEST, ())


def test_tokens_told_by_their_text_are_no_law_by_ids(table):
    server = opened(table)

    def by_text(connection, path, document) -> bool:
        document["choices"][0]["logprobs"] = {"top_logprobs": [{" the": -0.1}]}
        return False

    table.in_place = by_text
    with pytest.raises(ServerFailed, match=r"token's text.*'the'"):
        server.next_law(REQUEST, ())


@pytest.mark.parametrize(
    "told", [None, {}, {"top_logprobs": None}, {"top_logprobs": []}, {"top_logprobs": [{}]}]
)
def test_a_server_without_log_probabilities_is_named(table, told):
    server = opened(table)

    def silent(connection, path, document) -> bool:
        document["choices"][0]["logprobs"] = told
        return False

    table.in_place = silent
    with pytest.raises(ServerFailed, match="no log-probabilities"):
        server.next_law(REQUEST, ())


def test_the_law_of_a_server_that_speculates_is_refused_by_its_counts(table):
    table.owner = "llamacpp"
    server = opened(table)

    def counts(connection, path, document) -> bool:
        document["timings"] |= {"draft_n": 3, "draft_n_accepted": 1}
        return False

    table.in_place = counts
    assert (server.answer(REQUEST).num_drafted, server.answer(REQUEST).num_accepted) == (3, 1)
    with pytest.raises(ServerFailed, match="3 draft tokens"):
        server.next_law(REQUEST, ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"choices": []}, "choices"),
        ({"choices": [{}, {}]}, "list of one choice"),
        ({"choices": {"0": {}}}, "a list"),
        ({"usage": {"prompt_tokens": 9}}, "read 9 tokens of a prompt of 2"),
        ({"usage": {"prompt_tokens": "2"}}, "whole number"),
        ({"choices": [{"finish_reason": None}]}, "a text"),
        ({"choices": [{"finish_reason": "tool_calls"}]}, "one of stop"),
        ({"choices": [{"finish_reason": "length", "token_ids": [1]}]}, "1 of 3 tokens came"),
        ({"choices": [{"finish_reason": "length", "token_ids": [1] * 4}]}, "4 tokens came"),
        ({"choices": [{"finish_reason": "length", "token_ids": [1, 2, 2**31]}]}, "token_ids/2"),
        ({"choices": [{"finish_reason": "length", "token_ids": [1, 2, 3]}]}, "has no 'choices/0/text'"),
    ],
)
def test_an_answer_that_does_not_fit_is_one_line(table, change, words):
    server = opened(table)

    def put(connection, path, document) -> bool:
        document.update(change)
        return False

    table.in_place = put
    with pytest.raises(ServerFailed, match=words) as raised:
        server.answer(REQUEST)
    assert len(str(raised.value).splitlines()) == 1


def test_vllms_own_counts_of_a_draft_are_read(table):
    server = opened(table)

    def counts(connection, path, document) -> bool:
        told = {"num_draft_tokens": 4, "num_accepted_draft_tokens": 2, "num_spec_steps": 1}
        document["metrics"] = {"speculative_decoding": told}
        return False

    table.in_place = counts
    answer = server.answer(REQUEST)
    assert (answer.num_drafted, answer.num_accepted) == (4, 2)


def test_a_cache_of_prompts_is_said_and_of_llama_cpp_switched_off(table):
    server = opened(table)

    def cached(connection, path, document) -> bool:
        document["usage"]["prompt_tokens_details"] = {"cached_tokens": 2}
        return False

    table.in_place = cached
    server.answer(REQUEST)
    table.in_place = lambda connection, path, document: False
    assert any("cached_tokens" in said for said in server.notices)
    assert "cache_prompt" not in table.asked[-1][1]
    table.owner = "llamacpp"
    with open_server(table.url, protocol="openai") as server:
        server.answer(REQUEST)
    assert table.asked[-1][1]["cache_prompt"] is False and server.model.vocab_size == 6


def test_ids_cannot_follow_a_text(table):
    with pytest.raises(InvalidArgument, match="give its ids"):
        opened(table).next_law(EngineRequest(3, prompt_text="ab"), (1,))
