"""One generation, however it is asked for: rounds as they come, the same result, the same sampling."""

from __future__ import annotations

import inspect
import time

import numpy as np
import pytest
import torch

from specdec_lib.bench.records.runs import Run, pool
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult

TARGET = TableModel.random(9, seed=1)
MAKERS = {
    "plain": lambda: AutoregressiveDecoder(TARGET),
    "speculative": lambda: SpeculativeDecoder(TARGET, TARGET.near(seed=2, weight=0.4), k=3),
}


@pytest.fixture(params=MAKERS)
def decoder(request) -> Decoder:
    return MAKERS[request.param]()


def told(result) -> dict:
    """What of a result does not depend on the clock."""
    counts = ("generated_ids", "finish_reason", "drafted_per_round", "accepted_per_round", "trace")
    kept = {name: getattr(result, name) for name in counts}
    if result.trace is not None:
        kept["trace"] = [(round_.token_ids, round_.draft_ids, round_.kind) for round_ in result.trace.rounds]
    return kept


def test_every_way_of_asking_gives_one_text(decoder):
    options = {"seed": 4, "trace": True, "top_k": 5, "stop_strings": ["ab"]}
    expected = decoder.generate([1], 40, 0.8, **options)
    started = decoder.start([1], 40, 0.8, **options)
    rounds = list(started)
    assert told(started.result()) == told(expected)
    assert [r.token_ids for r in rounds] == list(decoder.stream([1], 40, 0.8, **options))
    assert [r.token_ids for r in decoder.stream_rounds([1], 40, 0.8, **options)] == [
        r.token_ids for r in rounds
    ]
    assert told(decoder.start([1], 40, 0.8, **options).result()) == told(expected)


def test_a_result_in_the_middle_decodes_the_rest(decoder):
    generation = decoder.start([1], 20, 1.0, seed=0)
    next(generation)
    assert generation.finish_reason is None
    assert told(generation.result()) == told(decoder.generate([1], 20, 1.0, seed=0))
    assert told(generation.result()) == told(generation.result()) and list(generation) == []


def test_what_was_closed_goes_no_further(decoder):
    generation = decoder.start([1], 20, 1.0, seed=0)
    ids = next(generation).token_ids + next(generation).token_ids
    generation.close()
    result = generation.result()
    assert result.generated_ids == ids and result.finish_reason == "interrupted"
    whole = decoder.start([1], 4, 1.0, seed=0)
    list(whole)
    whole.close()
    assert whole.result().finish_reason == "length"


def test_an_interrupt_in_a_round_leaves_the_rounds_before(decoder, monkeypatch):
    generation = decoder.start([1], 20, 1.0, seed=0)
    ids = next(generation).token_ids

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(decoder.target, "forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(generation)
    assert generation.result().generated_ids == ids and generation.finish_reason == "interrupted"


def test_what_the_consumer_does_meanwhile_is_not_decoding(decoder, monkeypatch):
    """A clock that moves by one at every look, and by a thousand between two rounds."""
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr(time, "perf_counter", clock)
    generation = decoder.start([1], 20, 1.0, seed=0)
    for _ in generation:
        now[0] += 1000.0
    result = generation.result()
    assert result.total_time == len(generation.rounds) and result.time_to_first_token == 1.0
    assert sum(result.per_token_latencies) == pytest.approx(result.total_time)


def test_the_sampling_is_said_in_any_of_three_ways(decoder):
    warped = SamplingParams(0.7, top_k=4, repetition_penalty=1.2)
    expected = decoder.generate([1], 30, 0.7, top_k=4, repetition_penalty=1.2, seed=2).generated_ids
    for ask in (
        lambda one: one([1], 30, warped, seed=2),
        lambda one: one([1], 30, params=warped, seed=2),
        lambda one: one([1], 30, temperature=0.7, top_k=4, repetition_penalty=1.2, seed=2),
        lambda one: one([1], max_new_tokens=30, params=0.7, top_k=4, repetition_penalty=1.2, seed=2),
    ):
        assert ask(decoder.generate).generated_ids == expected
        assert ask(decoder.start).result().generated_ids == expected
        assert [i for ids in ask(decoder.stream) for i in ids] == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"params": 0.5, "temperature": 0.5}, "pass one of them"),
        ({"params": SamplingParams(0.5), "top_k": 3}, "set top_k, top_p, min_p, repetition_penalty in it"),
        ({"params": SamplingParams(0.5), "temperature": 0.5}, "pass one of them"),
        ({"max_new_tokens": 4.5}, "max_new_tokens"),
        ({"max_new_tokens": True}, "max_new_tokens"),
        ({"max_new_tokens": "4"}, "max_new_tokens"),
        ({"seed": 1.5}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"seed": True}, "seed"),
        ({"temperature": "warm"}, "temperature"),
    ],
)
@pytest.mark.unchecked
def test_contradictions_and_odd_numbers_are_refused_before_anything_runs(decoder, arguments, message):
    for ask in (decoder.generate, decoder.start, decoder.stream, decoder.stream_rounds):
        with pytest.raises(InvalidArgument, match=message):
            ask(**{"prompt_ids": [1], "max_new_tokens": 3, **arguments})


def test_numbers_of_other_libraries_are_taken(decoder):
    expected = decoder.generate([1], 8, 0.5, seed=3, top_k=4).generated_ids
    for three, eight in ((np.int64(3), np.int32(8)), (torch.tensor(3), torch.tensor(8))):
        assert decoder.generate([1], eight, 0.5, seed=three, top_k=4).generated_ids == expected
    assert SpeculativeDecoder(TARGET, TARGET, k=np.int64(2)).label == "SD-K2"


@pytest.mark.parametrize("k", [0, -1, 2.5, True, "4", None])
@pytest.mark.unchecked
def test_a_draft_length_is_a_whole_number(k):
    with pytest.raises(InvalidArgument, match="speculative decoder: k is"):
        SpeculativeDecoder(TARGET, TARGET, k=k)


def test_every_way_of_asking_takes_the_same_keywords():
    generate, start = (inspect.signature(one).parameters for one in (Decoder.generate, Decoder.start))
    assert list(generate) == list(start)
    with pytest.raises(TypeError, match="warmth"):
        AutoregressiveDecoder(TARGET).stream([1], 3, warmth=2)


class Rare:
    """Guesses one token, and only behind texts whose length is a multiple of three; it has no state."""

    name, vocab_size, context_length = "rare", 9, None

    def start(self, prompt_ids, end=0):
        return self

    def propose(self, context_ids, k, params, generator):
        ids = torch.tensor([context_ids[-1]] if len(context_ids) % 3 == 0 else [], dtype=torch.long)
        return Proposal(ids, torch.nn.functional.one_hot(ids, 9).float())

    def roll_back(self, keep_length):
        pass


@pytest.mark.parametrize("prompt", [[1], [1, 2, 3]], ids=["plain round first", "drafted round first"])
def test_rounds_without_a_draft_are_target_forwards_too(prompt):
    """A lookup drafter that is mostly silent must not seem to emit many tokens a forward."""
    result = SpeculativeDecoder(TARGET, Rare(), k=3).generate(prompt, 20, 0.0, trace=True)
    rounds = result.trace.rounds
    drafted = [round_ for round_ in rounds if round_.draft_ids]
    assert 0 < len(drafted) == result.num_speculation_rounds < len(rounds)
    assert result.num_plain_rounds == len(rounds) - len(drafted)
    assert result.tokens_per_step == 20 / len(rounds)
    assert pool([result, result]).tokens_per_step == 20 / len(rounds)
    assert GenerationResult.from_dict(result.to_dict()) == result
    run = Run(BenchmarkConfig("p", 3, 0.0, 20, "code", 1), "x", len(prompt), 0, result)
    assert (run.forwards, run.first_tokens) == (len(rounds), len(rounds[0].token_ids))
