"""Drafters of one's own that raise, or answer with what is no distribution: never a text that just ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import one_hot

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.drafters import base
from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.generation import Generation
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.lossless.replays.proposals import asked

VOCAB, PROMPT = 9, [1, 2]


class Repeats:
    """Drafts the last token again; ``raises`` maps a method's name to the call at which it fails, and how."""

    context_length, name, vocab_size = None, "repeats", VOCAB

    def __init__(self, **raises):
        self.raises, self.calls = raises, {}

    def _count(self, method):
        self.calls[method] = self.calls.get(method, 0) + 1
        at, error = self.raises.get(method, (0, None))
        if self.calls[method] == at:
            raise error

    def start(self, prompt_ids, end=0):
        self._count("start")
        return self

    def rows(self, ids):
        return one_hot(ids, VOCAB).double()

    def propose(self, context_ids, k, params, generator):
        self._count("propose")
        ids = torch.tensor([context_ids[-1]] * k)
        return Proposal(ids, self.rows(ids))

    def roll_back(self, keep_length):
        self._count("roll_back")


WAYS = {
    "generate": lambda decoder: decoder.generate(PROMPT, 12, 0.0),
    "stream": lambda decoder: list(decoder.stream(PROMPT, 12, 0.0)),
    "stream_rounds": lambda decoder: list(decoder.stream_rounds(PROMPT, 12, 0.0)),
    "start": lambda decoder: decoder.start(PROMPT, 12, 0.0).result(),
}


def decoder_with(drafter):
    return SpeculativeDecoder(TableModel.random(VOCAB, seed=1), drafter, k=2)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("method", "at"), [("start", 1), ("propose", 1), ("propose", 3), ("roll_back", 2)])
def test_a_stop_iteration_does_not_end_a_text(way, method, at):
    decoder = decoder_with(Repeats(**{method: (at, StopIteration("mine"))}))
    with pytest.raises(RuntimeError, match="StopIteration") as caught:
        WAYS[way](decoder)
    assert str(caught.value.__cause__) == "mine"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "error", [KeyError("gone"), IndexError("x"), FileNotFoundError(2, "none"), EOFError()]
)
def test_every_other_error_reaches_the_caller_as_it_is(way, error):
    with pytest.raises(type(error)) as caught:
        WAYS[way](decoder_with(Repeats(propose=(2, error))))
    assert caught.value is error


@pytest.mark.parametrize("error", [StopIteration(), KeyError("token")])
def test_a_tokenizer_that_raises_between_rounds_loses_no_tokens(error):
    """Stop strings are looked for outside the decoder's own generator, where StopIteration would end it."""
    decoder, calls = decoder_with(Repeats()), []

    def decode(ids, skip_special_tokens=True):
        calls.append(ids)
        if len(calls) == 4:
            raise error
        return "".join(f"<{i}>" for i in ids)

    decoder.target.decode = decode
    generation = decoder.start(PROMPT, 12, 0.0, stop_strings=["never"])
    with pytest.raises(RuntimeError if isinstance(error, StopIteration) else KeyError):
        list(generation)
    assert list(generation) == [] and generation.result().finish_reason == "interrupted"


def test_rounds_that_run_out_are_no_end_of_a_text():
    """Of a decoder whose rounds come from an iterator of its own."""

    class Exhausted(Decoder):
        def _rounds(self, request):
            return iter(())

    generation = Exhausted(TableModel.random(VOCAB, seed=1)).start(PROMPT, 3, 0.0)
    assert isinstance(generation, Generation)
    with pytest.raises(RuntimeError, match="StopIteration"):
        next(generation)


# -- distributions that are none -------------------------------------------------------------------


class Odd(Repeats):
    """Answers from its second round on as it should."""

    name = "odd"

    def __init__(self, change):
        super().__init__()
        self.change = change

    def rows(self, ids):
        rows = super().rows(ids)
        return self.change(rows, ids) if self.calls["propose"] == 1 else rows


def _negative(rows, ids):
    rows[-1, (ids[-1] + 1) % VOCAB], rows[-1, (ids[-1] + 2) % VOCAB] = 0.25, -0.25
    return rows


def _elsewhere(rows, ids):
    return one_hot((ids + 1) % VOCAB, VOCAB).double()


ODD = {
    "too much": (lambda rows, ids: rows * 1.002, r"row 0 of its probs sums to 1\.002"),
    "too little": (lambda rows, ids: rows * 0.5, r"sums to 0\.5"),
    "logits": (lambda rows, ids: rows * 9 - 4, "sums to -27, from -4 on"),
    "nothing": (lambda rows, ids: rows * 0, "sums to 0"),
    "negative": (_negative, r"row 1 of its probs sums to 1, from -0\.25 on"),
    "NaN": (lambda rows, ids: rows * torch.nan, "sums to nan"),
    "infinite": (lambda rows, ids: rows / 0, "sums to nan"),
    "another token": (_elsewhere, r"to which row 0 of its probs gives 0; give the distributions"),
}


@pytest.mark.parametrize("kind", ODD)
def test_rows_that_are_no_distributions_are_refused(kind):
    change, message = ODD[kind]
    decoder = decoder_with(Odd(change))
    for ask in (decoder.generate, decoder.stream):
        decoder.drafter.calls = {}
        with pytest.raises(InvalidArgument, match=f"drafter odd: .*{message}") as caught:
            list(ask(PROMPT, 8, 0.9, seed=0)) if ask == decoder.stream else ask(PROMPT, 8, 0.9, seed=0)
        assert "\n" not in str(caught.value)
    decoder.drafter.calls = {}
    with pytest.raises(InvalidArgument, match="drafter odd"):
        asked(decoder.drafter, PROMPT, (), 2, base.SamplingParams(0.9), seed=0)


def test_rounding_is_no_fault():
    decoder_with(Odd(lambda rows, ids: rows.float() * (1 + 5e-4))).generate(PROMPT, 8, 0.9, seed=0)


def test_greedy_decoding_does_not_look_at_what_it_does_not_use():
    decoder_with(Odd(lambda rows, ids: rows * 7)).generate(PROMPT, 8, 0.0)


def test_the_rows_of_a_text_are_looked_at_once_and_those_of_a_draft_model_never(monkeypatch):
    looks, look = [], base.require_laws
    monkeypatch.setattr(
        "specdec_lib.decoding.batches.texts.require_laws", lambda *given: looks.append(given) or look(*given)
    )
    decoder = decoder_with(Repeats())
    for texts in (1, 2, 3):
        assert len(decoder.generate(PROMPT, 12, 0.9, seed=texts).accepted_per_round) > 2
        assert len(looks) == texts
    SpeculativeDecoder(decoder.target, TableModel.random(VOCAB, seed=2), k=2).generate(PROMPT, 12, 0.9)
    assert len(looks) == 3


def test_a_text_that_begins_without_a_draft_is_looked_at_when_one_comes():
    class Late(Odd):
        def propose(self, context_ids, k, params, generator):
            made = super().propose(context_ids, k, params, generator)
            if self.calls["propose"] == 1:
                return Proposal(made.ids[:0], made.probs[:0])
            return Proposal(made.ids, made.probs * 2)

    with pytest.raises(InvalidArgument, match="sums to 2"):
        decoder_with(Late(lambda rows, ids: rows)).generate(PROMPT, 8, 0.9, seed=0)


# -- what a drafter says of itself, and tensors without numbers ------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("context_length", "64", "context_length is '64'"),
        ("context_length", 2.5, r"context_length is 2\.5"),
        ("context_length", True, "context_length is True"),
        ("context_length", -1, "context_length is -1"),
        ("vocab_size", str(VOCAB), "vocab_size is '9'"),
        ("vocab_size", None, "vocab_size is None"),
    ],
)
def test_a_size_that_is_no_whole_number_is_named(name, value, message):
    drafter = Repeats()
    setattr(drafter, name, value)
    with pytest.raises(InvalidArgument, match=f"drafter repeats: {message}"):
        decoder_with(drafter)


@pytest.mark.unchecked
@pytest.mark.parametrize("temperature", [0.0, 0.9])
@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("probs", lambda probs: probs.to(torch.complex64), "a tensor of torch.complex64 on cpu"),
        ("probs", lambda probs: probs.to("meta"), "a tensor of torch.float64 on meta"),
        ("ids", lambda ids: ids.to("meta"), "a tensor of torch.int64 on meta"),
    ],
)
def test_tensors_without_real_numbers_are_refused(part, change, message, temperature):
    class Without(Repeats):
        def propose(self, *arguments):
            made = super().propose(*arguments)
            return replace(made, **{part: change(getattr(made, part))})

    with pytest.raises(InvalidArgument, match=f"drafter repeats: propose answered with {message}"):
        decoder_with(Without()).generate(PROMPT, 8, temperature, seed=0)
