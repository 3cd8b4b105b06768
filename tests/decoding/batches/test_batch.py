"""Batches: each row ends by its own rule, leaves, and is the text that its prompt alone would have given."""

from __future__ import annotations

from functools import wraps

import pytest
import torch
from tiny_models import CONTEXT, bare, prompts, tiny_pair

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.cost_aware import CostAware
from specdec_lib.decoding.draft_length import Confidence
from specdec_lib.decoding.drafters.cascade import Cascade
from specdec_lib.decoding.drafters.draft_model import DraftModel
from specdec_lib.decoding.drafters.layer_skip import first_layers_of
from specdec_lib.decoding.drafters.lookup import PromptLookup
from specdec_lib.decoding.drafters.suffix import SuffixLookup
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.models.fast import batched
from specdec_lib.models.wrapper import ModelWrapper

PROMPTS, BUDGETS = prompts(5), [30, 7, 0, 200, 12]
TABLE = TableModel.random(9, seed=1)
DECODERS = {
    "plain": lambda target, draft: AutoregressiveDecoder(target),
    "token": lambda target, draft: SpeculativeDecoder(target, draft, 4),
    "block": lambda target, draft: SpeculativeDecoder(target, draft, 3, "block"),
    "lookup": lambda target, draft: SpeculativeDecoder(target, PromptLookup(target), 4),
    "suffix > model": lambda t, d: SpeculativeDecoder(t, Cascade(SuffixLookup(t, least=2), d), 4),
    "confidence": lambda target, draft: SpeculativeDecoder(target, draft, Confidence(0.4, most=5)),
}


def float64_pair(architecture: str = "llama") -> tuple[ModelWrapper, ModelWrapper]:
    target, draft = tiny_pair(architecture)
    return ModelWrapper(target.model.double()), ModelWrapper(draft.model.double())


def assert_each_alone(decoder, rows, asked, budgets, temperature, **options):
    for place, (prompt, budget, row) in enumerate(zip(asked, budgets, rows, strict=True)):
        alone = decoder.generate(prompt, budget, temperature, seed=3 + place, **options)
        assert row.generated_ids == alone.generated_ids, place
        assert row.accepted_per_round == alone.accepted_per_round
        assert row.drafted_per_round == alone.drafted_per_round
        assert row.finish_reason == alone.finish_reason


@pytest.mark.unchecked
@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("make", DECODERS.values(), ids=DECODERS)
def test_rows_of_any_length_are_the_texts_alone(make, temperature):
    """In float64, where no tie is decided by rounding; one row has no budget, one fills the context."""
    decoder = make(*float64_pair())
    rows = decoder.generate_batch(PROMPTS, BUDGETS, temperature, seed=3)
    assert_each_alone(decoder, rows, PROMPTS, BUDGETS, temperature)
    assert len(rows[3].generated_ids) == CONTEXT - len(PROMPTS[3])


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_prompts_that_are_fed_in_pieces_are_the_texts_alone(temperature, monkeypatch):
    decoder = SpeculativeDecoder(*float64_pair(), 4)
    asked = [ids * 4 for ids in PROMPTS]
    monkeypatch.setattr(batched, "MOST_MASKED", 1000)
    rows = decoder.generate_batch(asked, 12, temperature, seed=3)
    assert_each_alone(decoder, rows, asked, [12] * len(asked), temperature)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_greedy_ids_in_float32_are_the_baselines(architecture):
    target, draft = tiny_pair(architecture)
    plain = AutoregressiveDecoder(target)
    for decoder in (plain, SpeculativeDecoder(target, draft, 4)):
        for row, prompt in zip(decoder.generate_batch(PROMPTS, 24, 0.0), PROMPTS, strict=True):
            assert row.generated_ids == plain.generate(prompt, 24, 0.0).generated_ids


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("make", DECODERS.values(), ids=DECODERS)
def test_a_batch_of_one_is_the_plain_decoder(make, temperature):
    decoder = make(*float64_pair())
    (row,) = decoder.generate_batch(PROMPTS[:1], 20, temperature, seed=3)
    assert_each_alone(decoder, [row], PROMPTS[:1], [20], temperature)


def test_each_row_ends_by_its_own_rule():
    target = TableModel.random(9, seed=1, eos_token_ids=(7,))
    decoder = SpeculativeDecoder(target, target.near(seed=2, weight=0.4), k=3)
    asked, budgets = [[1], [2], [3], [4]] * 3, [40, 3, 40, 0] * 3
    options = {"stop_strings": ["ab", "c"]}
    rows = decoder.generate_batch(asked, budgets, 1.0, seed=3, **options)
    assert_each_alone(decoder, rows, asked, budgets, 1.0, **options)
    assert {row.finish_reason for row in rows} == {"eos", "stop", "length"}


def test_rows_that_have_ended_cost_nothing(monkeypatch):
    """The widths of the target's forwards, counted: a row that ended is fed no more."""
    monkeypatch.setenv("SPECDEC_PRODUCTS", "plain")  # a twin with other products would not be counted
    target, _ = tiny_pair("llama")
    fed: list[int] = []
    forward = target._batched._products.original.forward

    @wraps(forward)
    def counted(*args, **kwargs):
        fed.append(kwargs["input_ids"].shape[0])
        return forward(*args, **kwargs)

    AutoregressiveDecoder(target).generate_batch([[1]], 1, 0.0)  # what is tried once has been tried
    target.model.forward = counted
    try:
        AutoregressiveDecoder(target).generate_batch(PROMPTS[:3], [2, 5, 3], 0.0)
    finally:
        del target.model.forward
    assert fed == [3, 3, 2, 1, 1]


def test_one_row_ends_with_the_context_and_others_go_on():
    target = TableModel.random(3, seed=3, context_length=40)
    decoder = SpeculativeDecoder(target, target.near(seed=2, weight=0.3, context_length=20), k=4)
    asked, budgets = [[1, 2] * 18, [1], [2, 2, 1]], [100, 100, 10]
    rows = decoder.generate_batch(asked, budgets, 0.9, seed=3, ignore_eos=True)
    assert [len(row.generated_ids) for row in rows] == [4, 39, 10]
    assert_each_alone(decoder, rows, asked, budgets, 0.9, ignore_eos=True)


def test_rounds_come_by_place_and_the_clock_is_the_batchs():
    decoder = SpeculativeDecoder(TABLE, TABLE.near(seed=2, weight=0.4), k=3)
    batch = decoder.start_batch([[1], [2], [3]], [9, 0, 30], 0.8, seed=0, trace=True, profile=True)
    places = [set(rounds) for rounds in batch]
    assert places[0] == {0, 2} and places[-1] == {2}
    rows = batch.results()
    assert rows[1].generated_ids == [] and rows[1].finish_reason == "length"
    assert batch.seconds == pytest.approx(rows[2].total_time) and batch.seconds > rows[0].total_time
    assert rows[2].verify_time_total_ms > 0
    assert [r.generated_ids for r in batch.results()] == [r.generated_ids for r in rows]


def test_a_batch_that_is_closed_goes_no_further():
    decoder = AutoregressiveDecoder(TABLE)
    batch = decoder.start_batch([[1], [2]], [1, 9], 0.8, seed=0)
    next(batch)
    batch.close()
    assert [row.finish_reason for row in batch.results()] == ["length", "interrupted"]
    assert list(batch) == []


def test_a_failing_forward_leaves_the_rounds_before(monkeypatch):
    decoder = AutoregressiveDecoder(TABLE)
    batch = decoder.start_batch([[1], [2]], 9, 0.8, seed=0)
    next(batch)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(TABLE, "forward", interrupted, raising=False)
    with pytest.raises(KeyboardInterrupt):
        next(batch)
    assert [len(row.generated_ids) for row in batch.results()] == [1, 1]


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_models_without_the_member_run_their_rows_one_by_one(temperature):
    target, draft = float64_pair()
    decoder = SpeculativeDecoder(bare(target), bare(draft), 4)
    rows = decoder.generate_batch(PROMPTS, BUDGETS, temperature, seed=3)
    assert_each_alone(SpeculativeDecoder(target, draft, 4), rows, PROMPTS, BUDGETS, temperature)


def test_a_drafter_with_a_state_of_its_own_is_asked_row_by_row():
    target, draft = float64_pair()

    class Likeliest(DraftModel):
        class state(DraftModel.state):
            def _choose(self, logits, params, history, generator, probs):
                token = logits.argmax(-1)
                probs.append(torch.nn.functional.one_hot(token, logits.shape[-1]).double())
                return token

    decoder = SpeculativeDecoder(target, Likeliest(draft), 4)
    rows = decoder.generate_batch(PROMPTS, BUDGETS, 0.8, seed=3)
    assert_each_alone(decoder, rows, PROMPTS, BUDGETS, 0.8)


def test_a_policy_that_learns_takes_any_batch():
    target, draft = float64_pair()
    decoder = SpeculativeDecoder(target, draft, CostAware(0.2, {1: 1.0, 2: 1.1, 4: 1.3}, shared=False))
    rows = decoder.generate_batch(PROMPTS, BUDGETS, 0.0, seed=3)
    assert_each_alone(decoder, rows, PROMPTS, BUDGETS, 0.0)


def test_no_prompts_give_no_results():
    assert AutoregressiveDecoder(TABLE).generate_batch([], 4) == []


def test_a_row_that_is_refused_is_named():
    with pytest.raises(InvalidArgument, match=r"row 1 of the batch: .*outside \[0, 9\)"):
        AutoregressiveDecoder(TABLE).generate_batch([[1], [99]], 4)


def test_a_row_is_decoded_by_its_batch_alone():
    """On its own it would begin again at the prompt, and the batch would go on behind other tokens."""
    decoder = AutoregressiveDecoder(tiny_pair("llama")[0])
    batch = decoder.start_batch([[5, 6, 7], [8, 9]], 8, 0.0)
    next(batch)
    with pytest.raises(InvalidArgument, match="row of a batch"):
        batch.texts[0].result()
    assert batch.results()[0].generated_ids == decoder.generate([5, 6, 7], 8, 0.0).generated_ids


@pytest.mark.parametrize("cascade", [False, True])
def test_layers_that_draft_behind_the_targets_cache_do_so_in_a_batch_too(cascade):
    target = tiny_pair("llama", num_layers=3)[0]
    drafter = first_layers_of(target, 2)
    drafter = Cascade(PromptLookup(target), drafter) if cascade else drafter
    decoder = SpeculativeDecoder(target, drafter, k=4)
    rows = decoder.generate_batch([[1, 2, 3], [5, 6]], 8, 1.0, seed=7)
    alone = [decoder.generate(ids, 8, 1.0, seed=7 + n) for n, ids in enumerate(([1, 2, 3], [5, 6]))]
    assert [row.generated_ids for row in rows] == [one.generated_ids for one in alone]
    assert [row.drafted_per_round for row in rows] == [one.drafted_per_round for one in alone]
