"""Functions as engines: what they are given, what they may return, and one line for what they may not."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument, ServerUnavailable
from specdec_lib.lossless.audit.engines import Answer, AskedEngine, EngineRequest
from specdec_lib.lossless.audit.sampled.callables import CallableEngine, LocalEngine, ended_answer
from specdec_lib.lossless.laws.table_model import TableModel

ASKED = EngineRequest(3, (1, 2), temperature=0.5, top_k=4, seed=9)


def test_a_function_is_given_what_it_takes():
    given = []

    def all_of_it(prompt_ids, num_tokens, *, temperature, top_k, seed):
        given.append((prompt_ids, num_tokens, temperature, top_k, seed))
        return [5, 6, 7]

    def keywords(prompt_ids, num_tokens, **more):
        given.append(more)
        return [5, 6, 7]

    def by_place(prompt_ids, num_tokens, seed):
        given.append(seed)
        return [5, 6, 7]

    def nothing(prompt_ids, num_tokens):
        given.append(None)
        return [5, 6, 7]

    for function in (all_of_it, keywords, by_place, nothing):
        engine = CallableEngine(function)
        assert isinstance(engine, AskedEngine) and engine.name == function.__name__
        assert engine.answer(ASKED) == Answer((5, 6, 7))
    assert given == [([1, 2], 3, 0.5, 4, 9), {"temperature": 0.5, "top_k": 4, "seed": 9}, 9, None]


@pytest.mark.parametrize(
    "said",
    [
        (5, 6, 7), np.array([5, 6, 7]), torch.tensor([5, 6, 7]), torch.tensor([[5, 6, 7]]), [[5, 6, 7]],
        [np.int64(5), torch.tensor(6), 7],
    ],
    ids=lambda said: type(said).__name__,
)  # fmt: skip
def test_ids_come_in_many_forms(said):
    assert CallableEngine(lambda prompt_ids, num_tokens: said).answer(ASKED) == Answer((5, 6, 7))


def test_a_text_or_an_answer_may_be_returned_too():
    assert CallableEngine(lambda prompt, n: "abc").answer(ASKED) == Answer(None, "abc")
    whole = Answer((5,), ended=True, num_drafted=3)
    assert CallableEngine(lambda prompt, n: whole).answer(ASKED) is whole


def test_an_end_is_taken_off_the_end_and_nowhere_else():
    def engine(ids):
        return CallableEngine(lambda prompt, n: ids, eos_token_ids=[0, 9]).answer(ASKED)

    assert engine([5, 0]) == Answer((5,), ended=True) and engine([9]) == Answer((), ended=True)
    assert engine([0, 5, 6]) == Answer((0, 5, 6)) and engine([]) == Answer(())
    assert ended_answer((5, 9), frozenset([9])) == Answer((5,), ended=True)


@pytest.mark.parametrize(
    "said", [None, 5, [5, "6"], [5, True], [5.0, 6.0], [[5], [6]], [-1], {5: 6}], ids=repr
)
def test_what_are_no_ids_is_refused(said):
    with pytest.raises(InvalidArgument, match="return the new ids") as caught:
        CallableEngine(lambda prompt, n: said, "mine").answer(ASKED)
    assert "mine" in str(caught.value) and "\n" not in str(caught.value)


def test_a_prompt_that_comes_back_is_refused_and_too_many_ids_are_not():
    with pytest.raises(InvalidArgument, match="without the prompt"):
        CallableEngine(lambda prompt, n: [*prompt, 5, 6, 7]).answer(ASKED)
    assert CallableEngine(lambda prompt, n: [5, 6, 7, 8]).answer(ASKED).ids == (5, 6, 7, 8)


def test_what_a_function_raises_is_one_line_and_a_servers_error_its_own():
    def breaks(prompt, n):
        raise RuntimeError("the cache\nis gone")

    def offline(prompt, n):
        raise ServerUnavailable("no answer")

    def leaves(prompt, n):
        sys.exit("no GPU")

    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("says nothing")

    def is_mute(prompt, n):
        raise Mute

    with pytest.raises(InvalidArgument, match="leaves raised SystemExit: no GPU"):
        CallableEngine(leaves).answer(ASKED)
    with pytest.raises(InvalidArgument, match=r"is_mute raised Mute$"):
        CallableEngine(is_mute).answer(ASKED)
    with pytest.raises(InvalidArgument, match="breaks raised RuntimeError: the cache is gone"):
        CallableEngine(breaks).answer(ASKED)
    with pytest.raises(ServerUnavailable, match="no answer"):
        CallableEngine(offline).answer(ASKED)


def test_what_cannot_be_called_so_is_refused():
    with pytest.raises(InvalidArgument, match="cannot be called"):
        CallableEngine(5, "five")
    with pytest.raises(InvalidArgument, match="does not take a prompt"):
        CallableEngine(lambda prompt: [])


def test_a_function_is_found_by_its_name(tmp_path, monkeypatch):
    code = "class Box:\n    @staticmethod\n    def f(prompt, n, seed):\n        return [seed] * n\nfive = 5\n"
    (tmp_path / "their_engine.py").write_text(code, encoding="utf8")
    (tmp_path / "their_broken_engine.py").write_text("raise SystemExit(3)", encoding="utf8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    engine = CallableEngine.named("their_engine:Box.f", [9])
    assert engine.name == "their_engine:Box.f" and engine.answer(ASKED) == Answer((9, 9), ended=True)
    for spec in ("their_engine:g", "nowhere_at_all:f", "their_broken_engine:f", "their_engine:five"):
        with pytest.raises(InvalidArgument) as caught:
            CallableEngine.named(spec)
        assert spec in str(caught.value) and "\n" not in str(caught.value)
    for spec in ("their_engine", ":f", "their_engine:"):
        with pytest.raises(InvalidArgument, match="module:callable"):
            CallableEngine.named(spec)


def test_a_decoder_of_the_library_is_an_engine_that_counts_its_drafts():
    target = TableModel.random(4, 1, eos_token_ids=(3,), name="target")
    draft = target.near(2, 0.3, name="draft", eos_token_ids=(3,))
    speculative, plain = (
        LocalEngine(SpeculativeDecoder(target, draft, 2)),
        LocalEngine(AutoregressiveDecoder(target), "plain"),
    )
    assert isinstance(plain, AskedEngine) and plain.name == "plain" and speculative.name == "target"
    answers = [speculative.answer(EngineRequest(4, (1, 2), seed=seed)) for seed in range(30)]
    assert all(3 not in answer.ids for answer in answers) and {answer.ended for answer in answers} == {
        True,
        False,
    }
    assert all(len(answer.ids) == 4 for answer in answers if not answer.ended)
    assert sum(answer.num_drafted for answer in answers) >= sum(answer.num_accepted for answer in answers) > 0
    assert plain.answer(ASKED).num_drafted is None
    assert plain.answer(ASKED) == plain.answer(ASKED)


def test_a_coroutine_is_refused_and_closed():
    async def later(prompt_ids, num_tokens):
        return [5]

    with pytest.raises(InvalidArgument, match="coroutine"):  # and no warning, which is an error here
        CallableEngine(later).answer(ASKED)
