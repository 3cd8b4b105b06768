"""llama.cpp's own protocol against a server of a table: what is sent, what is checked, what is refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from table_server import ECHOED, TableServer, serving, warped

from specdec_lib.errors import InvalidArgument, ServerFailed
from specdec_lib.lossless.audit.engines import AskedEngine, EngineRequest, NextLaw
from specdec_lib.lossless.audit.servers.opening import open_server
from specdec_lib.lossless.evidence.chi_square import chi_square_test
from specdec_lib.lossless.laws.table_model import TableModel

MODEL = TableModel.random(6, seed=1)
DRAFT = MODEL.near(seed=2, weight=0.5)
REQUEST = EngineRequest(3, prompt_ids=(1, 2))


@pytest.fixture
def table():
    with serving(TableServer(MODEL, DRAFT)) as there:
        yield there


def test_an_answer_is_ids_text_and_how_it_ended(table):
    server = open_server(table.url)
    engine: AskedEngine = server
    answers = [engine.answer(EngineRequest(3, (1, 2), seed=seed)) for seed in range(40)]
    assert {answer.ended for answer in answers} == {True, False}
    for answer in answers:
        assert len(answer.ids) <= 2 if answer.ended else len(answer.ids) == 3
        assert answer.text == MODEL.decode(answer.ids) and table.end_id not in answer.ids
        assert (answer.num_drafted, answer.num_accepted) == (None, None)
    assert server.model.end_ids == {5} and server.model.vocab_size == 6 and server.model.context_length == 64
    assert server.notices == []


def test_whatever_would_change_the_law_is_sent_as_off_and_what_must_not_be_sent_is_not(table):
    open_server(table.url).answer(EngineRequest(3, (1, 2), temperature=0.7, top_k=4, seed=2**40))
    path, sent = table.asked[-1]
    assert path == "/completion"
    off = {
        "top_p": 1.0,
        "min_p": 0.0,
        "repeat_penalty": 1.0,
        "xtc_probability": 0.0,
        "mirostat": 0,
        "grammar": "",
    }
    assert {name: sent[name] for name in off} == off
    assert sent.keys() >= ECHOED.keys() - {"ignore_eos"} and "ignore_eos" not in sent
    assert (sent["temperature"], sent["top_k"], sent["samplers"]) == (0.7, 4, ["top_k", "temperature"])
    assert (sent["cache_prompt"], sent["return_tokens"], sent["prompt"]) == (False, True, [1, 2])
    assert 0 <= sent["seed"] < 2**32 - 1


def test_at_temperature_0_the_chain_still_has_a_temperature(table):
    open_server(table.url).answer(EngineRequest(2, (1, 2), temperature=0.0))
    assert table.asked[-1][1]["samplers"] == ["temperature"]


WRONG = {
    "min_p": 0.05, "repeat_penalty": 1.1, "samplers": ["penalties", "temperature"], "ignore_eos": True,
    "logit_bias": [{"token": 1, "bias": -1.0}], "temperature": 0.8, "top_k": 40, "grammar": "root ::= x",
    "mirostat": True, "backend_sampling": 1, "stop": ["a"],
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_setting_that_the_server_keeps_on_is_refused_by_its_name(table, name):
    server = open_server(table.url)
    table.settings = {name: WRONG[name]}
    with pytest.raises(ServerFailed, match=f"{name} was sent as .*; start it without") as raised:
        server.answer(REQUEST)
    assert len(str(raised.value).splitlines()) == 1
    with pytest.raises(ServerFailed, match=name):
        open_server(table.url)


def test_a_float_in_the_servers_precision_is_the_one_that_was_sent(table):
    server = open_server(table.url)
    table.settings = {"temperature": float(np.float32(0.7))}
    server.answer(EngineRequest(3, (1, 2), temperature=0.7))


def test_what_is_not_echoed_is_said_once(table):
    table.echoes = frozenset(ECHOED) - {
        "min_p",
        "mirostat",
        "adaptive_target",
    }  # the last is only of new servers
    server = open_server(table.url)
    server.answer(REQUEST)
    (said,) = server.notices
    assert "min_p, mirostat" in said and "adaptive_target" not in said and "plain decoding" in said


# -- the law -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("temperature", "top_k"), [(1.0, None), (0.5, None), (1.7, 3), (1.0, 2), (0.0, None)]
)
def test_the_law_is_the_models_as_the_request_warps_it(table, temperature, top_k):
    server = open_server(table.url)
    assert isinstance(server, NextLaw)
    request = EngineRequest(3, (1, 2), temperature=temperature, top_k=top_k)
    for continuation, row in (((), MODEL.rows[1, 2]), ((4, 0), MODEL.rows[4, 0])):
        law = server.next_law(request, continuation)
        right = warped(row, temperature, top_k or 0)
        told = [law.get(token, 0.0) for token in (0, 1, 2, 3, 4, None)]
        assert np.abs(np.array(told) - right).max() < 1e-9
    sent = table.asked[-1][1]
    assert (sent["n_probs"], sent["temperature"], sent["top_k"], sent["prompt"]) == (6, 1.0, 0, [1, 2, 4, 0])


def test_ids_may_follow_a_prompt_that_is_a_text(table):
    server = open_server(table.url)
    law = server.next_law(EngineRequest(3, prompt_text="b"), (3,))
    assert law[1] == pytest.approx(MODEL.rows[1, 3, 1]) and table.asked[-1][1]["prompt"] == ["b", 3]


def test_fewer_log_probabilities_leave_mass_untold_and_that_is_said(table):
    server = open_server(table.url, law_tokens=3)
    law = server.next_law(REQUEST, ())
    assert len(law) == 3 and sum(law.values()) == pytest.approx(np.sort(MODEL.rows[1, 2])[-3:].sum())
    assert server.notices == []  # as many as asked for
    server.law_tokens = 5
    table.in_place = lambda connection, path, document: shortened(document)
    server.next_law(REQUEST, ())
    assert "told 2 of 5" in server.notices[0]
    with pytest.raises(ServerFailed, match=r"not enough for temperature 0.5"):
        server.next_law(EngineRequest(3, (1, 2), temperature=0.5), ())
    assert sum(
        server.next_law(EngineRequest(3, (1, 2), temperature=0.5, top_k=2), ()).values()
    ) == pytest.approx(1)


def shortened(document) -> bool:
    document["completion_probabilities"][0]["top_logprobs"][2:] = []
    return False


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row["top_logprobs"].append(dict(row["top_logprobs"][0])), "comes twice"),
        (lambda row: row["top_logprobs"][0].update(logprob=0.5), "above 0"),
        (lambda row: [one.update(logprob=-0.1) for one in row["top_logprobs"]], "add up to"),
        (lambda row: row["top_logprobs"][0].update(id=6), "whole number from 0 to 5"),
        (lambda row: row["top_logprobs"][0].update(id=-1), "whole number from 0 to 5"),
        (lambda row: row["top_logprobs"][0].update(logprob="-1"), "a finite number"),
        (lambda row: row["top_logprobs"][0].update(logprob=None), "a finite number"),
        (lambda row: row.update(top_logprobs={}), "a list"),
        (lambda row: row.update(top_logprobs=[[]]), "an object"),
    ],
)
def test_what_is_no_law_is_refused(table, change, words):
    server = open_server(table.url)
    table.in_place = lambda connection, path, document: (
        bool(change(document["completion_probabilities"][0])) and False
    )
    with pytest.raises(ServerFailed, match=words):
        server.next_law(REQUEST, ())


# -- a server that speculates ------------------------------------------------------------------------


def test_draft_tokens_are_counted_and_the_law_of_a_speculating_server_is_refused(table):
    table.speculates = "exact"
    server = open_server(table.url)
    answers = [server.answer(EngineRequest(3, (1, 2), seed=seed)) for seed in range(20)]
    assert all(answer.num_drafted >= answer.num_accepted >= 0 for answer in answers)
    assert sum(answer.num_accepted for answer in answers) > 0
    with pytest.raises(ServerFailed, match=r"speculates .*draft-simple.*without a draft"):
        server.next_law(REQUEST, ())


def test_it_is_found_without_its_settings_too(table):
    """By its counts; by a token that is certain, and no other told; by laws that contradict each other."""
    server = open_server(table.url)

    def counts(connection, path, document) -> bool:
        document["timings"] |= {"draft_n": 2, "draft_n_accepted": 1}
        return False

    def empty(connection, path, document) -> bool:
        document["completion_probabilities"][0] |= {"top_logprobs": [], "logprob": 0.0}
        return False

    def certain(connection, path, document) -> bool:
        row = document["completion_probabilities"][0]
        row["top_logprobs"] = [
            {"id": token, "logprob": 0.0 if token == row["id"] else -3.4e38} for token in range(6)
        ]
        return False

    for lie, words in (
        (counts, "2 draft tokens"),
        (empty, "and no other"),
        (certain, "not of the same token"),
    ):
        table.in_place = lie
        with pytest.raises(ServerFailed, match=f"speculates .*{words}"):
            for seed in range(5):
                server.next_law(EngineRequest(3, (1, 2), seed=10 * seed), ())


def test_a_law_that_is_certain_is_believed_when_it_says_so_each_time():
    rows = np.zeros((4, 4, 4))
    rows[..., 2] = 1.0
    with serving(TableServer(TableModel(rows))) as table:
        assert open_server(table.url).next_law(EngineRequest(2, (1,)), ()) == {2: 1.0}


def test_a_server_that_drafts_from_earlier_requests_or_reuses_prompts_is_named(table):
    table.settings = {"speculative.types": "draft-simple,ngram-mod"}
    assert any("ngram-mod" in said for said in open_server(table.url).notices)
    table.settings = {}

    def cached(connection, path, document) -> bool:
        if path == "/completion":
            document["timings"]["cache_n"] = 7
        return False

    table.in_place = cached
    assert any("reused 7 tokens" in said for said in open_server(table.url).notices)


# -- what does not fit -------------------------------------------------------------------------------


def changed(**fields):
    def change(connection, path, document) -> bool:
        if path == "/completion":
            document.update(fields)
        return False

    return change


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tokens": [1, 2, 3, 4]}, "4 tokens came where 3"),
        ({"tokens": [1], "stop_type": "limit"}, "1 of 3 tokens came"),
        ({"tokens": [1, 2, 6]}, "tokens/2"),
        ({"tokens": [1, 2, -1]}, "tokens/2"),
        ({"tokens": [1, 2, 2.0]}, "tokens/2"),
        ({"tokens": [1, 2, True]}, "tokens/2"),
        ({"tokens": "abc"}, "a list"),
        ({"stop_type": "tired"}, "one of eos"),
        ({"tokens_evaluated": 3}, "read 3 tokens of a prompt of 2"),
        ({"truncated": True, "stop_type": "limit"}, "context of 64 is full"),
        ({"truncated": "no"}, "true or false"),
        ({"content": 5}, "a text"),
        ({"generation_settings": []}, "an object"),
        ({"timings": {"draft_n": 2}}, "timings/draft_n_accepted"),
        ({"timings": {"draft_n": 2, "draft_n_accepted": 3}}, "from 0 to 2"),
        ({"timings": {"draft_n": -1, "draft_n_accepted": 0}}, "whole number"),
    ],
)
def test_an_answer_that_does_not_fit_is_one_line(table, fields, words):
    server = open_server(table.url)
    table.in_place = changed(**fields)
    with pytest.raises(ServerFailed, match=words) as raised:
        server.answer(REQUEST)
    assert len(str(raised.value).splitlines()) == 1


def test_a_field_that_is_missing_is_named(table):
    server = open_server(table.url)
    table.in_place = lambda connection, path, document: bool(document.pop("tokens")) and False
    with pytest.raises(ServerFailed, match="has no 'tokens'"):
        server.answer(REQUEST)


def test_a_context_that_is_too_small_is_found_before_anything_is_sent(table):
    server = open_server(table.url)
    asked = len(table.asked)
    with pytest.raises(ServerFailed, match=r"prompt of 62 tokens and 3 more .* has 64"):
        server.answer(EngineRequest(3, (1,) * 62))
    assert len(table.asked) == asked
    with pytest.raises(ServerFailed, match="status 400: the request exceeds"):
        server.answer(EngineRequest(3, prompt_text="a" * 70))


@pytest.mark.parametrize(
    "request_",
    [
        EngineRequest(3),
        EngineRequest(0, (1,)),
        EngineRequest(3, (1,), temperature=float("nan")),
        EngineRequest(3, (1,), top_k=0),
    ],
)
def test_a_request_that_is_none_is_refused(table, request_):
    with pytest.raises(InvalidArgument):
        open_server(table.url).answer(request_)


# -- what it is for ----------------------------------------------------------------------------------


@pytest.mark.unchecked
@pytest.mark.parametrize(("speculates", "kept"), [("", True), ("exact", True), ("wrong", False)])
def test_the_joint_law_of_two_tokens_tells_a_right_server_from_a_wrong_one(table, speculates, kept):
    table.speculates, table.draft = speculates, MODEL.near(seed=5, weight=0.9)
    with open_server(table.url) as server:
        answers = server.answers([EngineRequest(2, (1, 2), seed=seed) for seed in range(1500)], at_once=2)
    right = {((), True): MODEL.rows[1, 2, 5]}
    for token, chance in enumerate(MODEL.rows[1, 2, :5]):
        right[((token,), True)] = chance * MODEL.rows[2, token, 5]
        right |= {((token, one), False): chance * MODEL.rows[2, token, one] for one in range(5)}
    counts = Counter(answer.outcome for answer in answers)
    assert set(counts) <= set(right)
    seen = chi_square_test(
        np.array([counts[cell] for cell in right]), np.array([*right.values()]), draws=2000
    )
    assert (seen.p_value > 1e-3) == kept
