"""A draft state for each text: texts that are decoded at the same time never meet."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest
import torch
from open_at_once import decoded_in_turns
from tiny_models import tiny_pair
from torch.nn.functional import one_hot

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.base import Proposal, checked_proposal
from specdec_lib.decoding.drafters.draft_model import DraftModel, DraftModelState
from specdec_lib.decoding.drafters.own import load_drafter
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.models.wrapper import ModelWrapper

PROMPTS = ([5, 6, 7], [9, 8, 7, 6, 5, 4, 3, 2], [40, 41])


@pytest.fixture(params=[False, True], ids=["eager", "compiled"])
def decoder(request, monkeypatch) -> SpeculativeDecoder:
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    pair = tiny_pair("llama", num_layers=2)
    if request.param:
        pair = tuple(ModelWrapper(model.model, compile=True) for model in pair)
        assert all(model.compiled.active for model in pair)
    return SpeculativeDecoder(*pair, k=4)


def alone(decoder: SpeculativeDecoder, prompt: list[int], **options):
    return SpeculativeDecoder(decoder.target, decoder.drafter, decoder.k).generate(prompt, 24, **options)


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_streams_that_are_open_at_once_decode_what_each_decodes_alone(decoder, temperature):
    """Ids, and acceptance too: a draft with a foreign cache would still give the same greedy ids."""
    options = {"temperature": temperature, "seed": 3}
    expected = [alone(decoder, prompt, **options) for prompt in PROMPTS]
    for result, lone in zip(decoded_in_turns(decoder, PROMPTS, 24, **options), expected, strict=True):
        assert result.generated_ids == lone.generated_ids
        assert result.accepted_per_round == lone.accepted_per_round


def test_a_generation_beside_an_open_stream_disturbs_neither(decoder):
    first, second = PROMPTS[:2]
    expected = [alone(decoder, prompt, temperature=0.0) for prompt in (first, second)]
    stream = decoder.start(first, 24, 0.0)
    next(stream)
    beside = decoder.generate(second, 24, 0.0)
    rest = stream.result()
    assert [rest.accepted_per_round, beside.accepted_per_round] == [r.accepted_per_round for r in expected]
    assert [rest.generated_ids, beside.generated_ids] == [r.generated_ids for r in expected]


def test_what_was_drafted_before_changes_no_draw(decoder):
    """An unrolled draft keeps graphs of the largest K; a shorter proposal draws its own numbers alone."""
    drafter = DraftModel(decoder.drafter.model)
    for _ in range(2):
        short = SpeculativeDecoder(decoder.target, drafter, k=2)
        ids = short.generate(PROMPTS[0], 12, 0.9, seed=1).generated_ids
        fresh = SpeculativeDecoder(decoder.target, DraftModel(decoder.drafter.model), k=2)
        assert ids == fresh.generate(PROMPTS[0], 12, 0.9, seed=1).generated_ids
        SpeculativeDecoder(decoder.target, drafter, k=4).generate(PROMPTS[1], 12, 0.9, seed=1)


def test_threads_share_a_decoder():
    decoder = SpeculativeDecoder(*tiny_pair("llama", num_layers=2), k=3)
    expected = [alone(decoder, prompt, temperature=0.0) for prompt in PROMPTS]
    found: dict[int, object] = {}

    def work(number: int) -> None:
        for _ in range(3):
            found[number] = decoder.generate(PROMPTS[number], 24, 0.0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(PROMPTS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, lone in enumerate(expected):
        assert found[number].generated_ids == lone.generated_ids
        assert found[number].accepted_per_round == lone.accepted_per_round


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_used_decoder_can_be_copied_and_pickled(copied):
    decoder = SpeculativeDecoder(*tiny_pair("llama", num_layers=2), k=3)
    first = decoder.generate(PROMPTS[0], 16, 0.0)
    stream = decoder.start(PROMPTS[1], 16, 0.0)
    next(stream)
    again = copied(decoder).generate(PROMPTS[0], 16, 0.0)
    assert (again.generated_ids, again.accepted_per_round) == (first.generated_ids, first.accepted_per_round)


class OfTheOldProtocol:
    name, vocab_size, context_length = "old", 5, None

    def propose(self, context_ids, k, params, generator): ...

    def reset(self, max_length=0): ...

    def roll_back(self, keep_length): ...


@pytest.mark.unchecked  # annotations refuse it too
def test_a_drafter_of_the_old_protocol_is_told_what_to_write(monkeypatch):
    target = TableModel.random(5, seed=0)
    monkeypatch.setattr(
        "specdec_lib.decoding.drafters.own.find_drafter", lambda spec: lambda _: OfTheOldProtocol()
    )
    for make in (lambda: SpeculativeDecoder(target, OfTheOldProtocol()), lambda: load_drafter("a:B", target)):
        with pytest.raises(InvalidArgument, match=r"no start: .*write start\(self, prompt_ids, end=0\)"):
            make()


def test_a_subclass_of_the_old_draft_model_is_told_where_its_methods_belong():
    with pytest.raises(InvalidArgument, match=r"propose, reset belongs to .* class state\(DraftModelState\)"):

        class Old(DraftModel):
            def propose(self, *arguments): ...

            def reset(self, max_length=0): ...


@pytest.mark.unchecked
def test_a_class_nothing_and_half_a_drafter_are_refused():
    target = TableModel.random(5, seed=0)
    for candidate, message in (
        (OfTheOldProtocol, "is a class; pass an object"),
        (None, "NoneType is no drafter: it lacks vocab_size"),
        ("lookup", "str is no drafter"),
    ):
        with pytest.raises(InvalidArgument, match=message):
            SpeculativeDecoder(target, candidate)


class Answers:
    """Starts with itself, and proposes whatever it was given."""

    name, vocab_size, context_length = "answers", 5, None

    def __init__(self, answer):
        self.answer = answer

    def start(self, prompt_ids, end=0):
        return self

    def roll_back(self, keep_length): ...

    def propose(self, context_ids, k, params, generator):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda: [1, 2], "answered with list"),
        (lambda: None, "answered with NoneType"),
        (lambda: torch.tensor([1, 2]), "answered with Tensor"),
        (lambda: Proposal([1], None), "of dense tensors"),
        (lambda: Proposal(torch.tensor([[1]]), None), "shape"),
        (lambda: Proposal(torch.tensor([1.0]), None), "float32"),
        (
            lambda: Proposal(
                torch.ones(3, dtype=torch.long), one_hot(torch.ones(3, dtype=torch.long), 5).float()
            ),
            "most 2",
        ),
        (lambda: Proposal(torch.tensor([1]), None), "no probs at temperature 1"),
    ],
)
@pytest.mark.unchecked
def test_a_proposal_that_nobody_can_judge_is_refused_by_name(answer, message):
    decoder = SpeculativeDecoder(TableModel.random(5, seed=0), Answers(answer()), k=2)
    with pytest.raises(InvalidArgument, match=rf"drafter answers: .*{message}"):
        decoder.generate([1], 8, 1.0)


def test_a_start_that_returns_nothing_is_refused():
    class Forgets(Answers):
        def start(self, prompt_ids, end=0): ...

    with pytest.raises(InvalidArgument, match="start returned NoneType, which has no propose"):
        SpeculativeDecoder(TableModel.random(5, seed=0), Forgets(None)).generate([1], 8, 1.0)


def test_the_loop_asks_once_a_round_and_tells_how_long_the_text_becomes():
    told, asked = [], []

    class Counts(DraftModel):
        class state(DraftModelState):
            def propose(self, *arguments):
                asked.append(arguments[1])
                return super().propose(*arguments)

        def start(self, prompt_ids, end=0):
            told.append((list(prompt_ids), end))
            return super().start(prompt_ids, end)

    target = TableModel.random(5, seed=0)
    result = SpeculativeDecoder(target, Counts(TableModel.random(5, seed=1)), k=3).generate(
        [1, 2], 20, 1.0, seed=0
    )
    assert told == [([1, 2], 22)] and asked == result.drafted_per_round


def test_what_two_texts_share_is_nothing():
    target, draft = tiny_pair("llama", num_layers=2)
    states = [DraftModel(draft).start([1, 2], end) for end in (0, 40)]
    generator = torch.Generator().manual_seed(0)
    params = SpeculativeDecoder(target, draft).start([1], 1, 0.0).request.params
    states[0].propose([1, 2], 2, params, generator)
    assert [state.cache_length for state in states] == [3, 0]
    assert AutoregressiveDecoder(target).generate([1], 1, 0.0).num_tokens == 1


class Appends:
    """Writes into the text that it is shown, and keeps the prompt that it is given."""

    name, context_length = "appends", None

    def __init__(self, vocab_size):
        self.vocab_size = vocab_size

    def start(self, prompt_ids, end=0):
        prompt_ids.append(3)
        return self

    def roll_back(self, keep_length):
        pass

    def propose(self, context_ids, k, params, generator):
        context_ids.append(5)
        context_ids[0] = 7
        ids = torch.tensor(context_ids[-1:])
        return Proposal(ids, torch.nn.functional.one_hot(ids, self.vocab_size).float())


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_what_a_drafter_does_to_the_text_it_is_shown_changes_nothing(temperature):
    target = tiny_pair("llama", num_layers=2)[0]
    options = {"temperature": temperature, "seed": 1, "trace": True}
    result = SpeculativeDecoder(target, Appends(target.vocab_size), k=1).generate([1, 2], 12, **options)
    assert result.trace.prompt_ids == [1, 2]
    if temperature == 0:
        assert result.generated_ids == AutoregressiveDecoder(target).generate([1, 2], 12, 0.0).generated_ids


@pytest.mark.parametrize(
    ("ids", "probs", "said"),
    [
        (torch.tensor([9999]), None, "must lie in"),
        (torch.tensor([-1]), None, "must lie in"),
        (torch.tensor([True]), None, "type torch.bool"),
        (torch.tensor([1], dtype=torch.int8), None, "type torch.int8"),
        (np.array([1]), None, "ndarray"),
        (torch.tensor([1]), np.ones((1, 5)), "ndarray"),
        (torch.tensor([1]), torch.ones(1, 5).to_sparse(), "dense tensors"),
    ],
)
def test_proposals_that_nobody_can_judge_are_named(ids, probs, said):
    proposal = object.__new__(Proposal)
    object.__setattr__(proposal, "ids", ids)
    object.__setattr__(proposal, "probs", probs)
    with pytest.raises(InvalidArgument, match=said):
        checked_proposal(proposal, "mine", 4, SamplingParams(0.0), 211)


def test_a_class_that_takes_a_size_is_told_that_it_gets_the_target(tmp_path, monkeypatch):
    (tmp_path / "sized_draft.py").write_text(
        "class Sized:\n    name, context_length = 'sized', None\n"
        "    def __init__(self, vocab_size):\n        self.vocab_size = vocab_size\n"
        "    def start(self, prompt_ids, end=0):\n        return self\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InvalidArgument, match=r"take target\.vocab_size"):
        load_drafter("sized_draft:Sized", tiny_pair("llama", num_layers=2)[0])
