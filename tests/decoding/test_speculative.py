"""The loop: identical tokens at temperature 0, caches that hold the accepted text, ends that are the same."""

from __future__ import annotations

import json

import pytest
import torch
from tiny_models import ARCHITECTURES, CONTEXT, VOCAB, prompts, tiny_pair

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.draft_model import DraftModel
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.decoding.trace import Trace
from specdec_lib.errors import InvalidArgument, RecordError, VocabularyMismatch
from specdec_lib.lossless.doubles.checked import CheckedModel
from specdec_lib.lossless.laws.table_model import TableModel
from specdec_lib.models.wrapper import ModelWrapper


def hugging_face_ids(
    model: ModelWrapper, texts: list[list[int]], max_new_tokens: int, eos: list[int] | None = None
) -> list[list[int]]:
    """What ``generate`` writes behind each of the texts, which it decodes together."""
    longest = max(map(len, texts))
    ids = torch.tensor([[0] * (longest - len(text)) + text for text in texts])
    seen = torch.tensor([[0] * (longest - len(text)) + [1] * len(text) for text in texts])
    output = model.model.generate(
        ids,
        attention_mask=seen,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=eos,
        pad_token_id=0,
    )
    return output[:, longest:].tolist()


@pytest.mark.unchecked
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_greedy_ids_equal_those_of_hugging_face(architecture):
    """16 prompts, 128 tokens: K = 1..8 to the end, and again with two end-of-text ids, of which one comes."""
    target, draft = tiny_pair(architecture, num_layers=2)
    ended, texts = 0, prompts(16)
    for index, (prompt, free) in enumerate(zip(texts, hugging_face_ids(target, texts, 128), strict=True)):
        eos = sorted({free[90], free[60]}) if index >= 8 else None
        target.__dict__["eos_token_ids"] = tuple(eos or ())
        expected = free[: 1 + min(map(free.index, eos))] if eos else free
        if 6 <= index < 12:  # of what an end of text cuts off, Hugging Face is asked a few times
            assert hugging_face_ids(target, [prompt], 128, eos) == [expected]
        plain = AutoregressiveDecoder(target).generate(prompt, 128, 0.0)
        speculative = SpeculativeDecoder(target, draft, k=1 + index % 8).generate(prompt, 128, 0.0)
        assert plain.generated_ids == expected
        assert speculative.generated_ids == expected
        assert eos or speculative.num_accepted_draft_tokens > 0
        assert plain.finish_reason == speculative.finish_reason
        ended += plain.finish_reason == "eos"
    assert ended == 8


@pytest.mark.parametrize("max_new_tokens", range(0, 8))
@pytest.mark.parametrize("k", [1, 4, 50])
def test_k_larger_than_what_is_left(max_new_tokens, k):
    """Traps 15 and 16: never a token too many, and no token at all for max_new_tokens = 0."""
    target, draft = tiny_pair("llama")
    prompt = prompts(1)[0]
    expected = AutoregressiveDecoder(target).generate(prompt, max_new_tokens, 0.0).generated_ids
    result = SpeculativeDecoder(target, draft, k=k).generate(prompt, max_new_tokens, 0.0)
    assert result.generated_ids == expected and len(expected) == max_new_tokens
    assert len(result.per_token_latencies) == max_new_tokens


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_context_limit_is_reached_and_not_passed(architecture):
    """Trap 16."""
    target, draft = tiny_pair(architecture)
    prompt = prompts(1)[0]
    expected = AutoregressiveDecoder(target).generate(prompt, 10_000, 0.0).generated_ids
    for k in (1, 4, 7):
        result = SpeculativeDecoder(target, draft, k=k).generate(prompt, 10_000, 0.0)
        assert len(prompt) + result.num_tokens == CONTEXT and result.finish_reason == "length"
        assert result.generated_ids == expected


def test_a_draft_with_a_shorter_context_stops_drafting():
    target = TableModel.random(6, seed=1)
    draft = target.near(seed=2, weight=0.3, context_length=10)
    result = SpeculativeDecoder(target, DraftModel(draft), k=3).generate([1, 2, 3], 30, 1.0, seed=0)
    assert result.num_tokens == 30
    assert max(held + fed for held, fed in draft.forwards) <= 10
    assert result.drafted_per_round and result.num_speculation_rounds < 30


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_every_rolled_back_cache_equals_a_fresh_forward(architecture, temperature):
    """Traps 17-19: after any round, both caches hold the accepted text and nothing else (in float64)."""
    pair = tiny_pair(architecture, num_layers=2)
    models = (ModelWrapper(wrapper.model.double()) for wrapper in pair)
    target, draft = map(CheckedModel, models)
    SpeculativeDecoder(target, draft, k=4).generate(prompts(1)[0], 60, temperature, seed=1)
    assert target.num_checks > 10 and draft.num_checks > 0
    assert max(target.largest_difference, draft.largest_difference) < 1e-6  # noted in float32


def test_what_each_model_is_fed():
    """Trap 17: after a full acceptance the draft is fed its own last token and the bonus, together."""
    target = TableModel.random(5, seed=3)
    same = TableModel(target.rows)
    SpeculativeDecoder(target, DraftModel(same), k=3).generate([1, 2], 8, 1.0, seed=0)
    assert list(target.forwards) == [(0, 5), (5, 4)]
    assert list(same.forwards) == [(0, 2), (2, 1), (3, 1), (4, 2), (6, 1), (7, 1)]


def test_every_round_costs_one_target_forward_and_emits_what_it_accepted_plus_one():
    target, draft = tiny_pair("llama")
    result = SpeculativeDecoder(target, draft, k=4).generate(prompts(1)[0], 60, 0.0, trace=True)
    trace = result.trace
    assert all(len(round_.token_ids) == round_.num_accepted + 1 for round_ in trace.rounds)
    assert sum(len(round_.token_ids) for round_ in trace.rounds) == 60
    assert result.accepted_per_round == [round_.num_accepted for round_ in trace.rounds if round_.draft_ids]
    text = list(trace.prompt_ids)
    for round_ in trace.rounds:
        text += round_.token_ids
        assert round_.target_cache_length == len(text) - 1
        assert round_.draft_cache_length <= len(text) - 1


def test_a_trace_survives_json_and_anything_else_is_refused():
    target, draft = tiny_pair("llama")
    trace = SpeculativeDecoder(target, draft, k=3).generate([5, 6], 20, 0.9, seed=2, trace=True).trace
    assert Trace.from_json(trace.to_json()) == trace
    drafted = [round_ for round_ in trace.rounds if round_.draft_ids]
    counts = [(len(round_.uniforms), len(round_.target_picked), len(round_.draft_ids)) for round_ in drafted]
    assert all(len(set(found)) == 1 for found in counts)
    for text in ("{", "{}", json.dumps({"prompt_ids": [], "rounds": [{"speed": 1}]})):
        with pytest.raises(RecordError, match="read trace"):
            Trace.from_json(text)


@pytest.mark.parametrize("verifier", ["token", "block"])
def test_a_seed_gives_the_same_tokens(verifier):
    target, draft = tiny_pair("llama")
    decoder = SpeculativeDecoder(target, draft, k=4, verifier=verifier)
    first = decoder.generate([3, 4], 40, 1.0, seed=5).generated_ids
    assert decoder.generate([3, 4], 40, 1.0, seed=5).generated_ids == first
    assert decoder.generate([3, 4], 40, 1.0, seed=6).generated_ids != first


def test_no_seed_means_a_fresh_one():
    """Trap 4's last part: nothing is reseeded behind the user's back."""
    target, draft = tiny_pair("llama")
    decoder = SpeculativeDecoder(target, draft, k=2)
    outputs = {tuple(decoder.generate([3, 4], 30, 1.5).generated_ids) for _ in range(4)}
    assert len(outputs) > 1


def test_the_rng_is_not_reseeded_every_round():
    """Trap 4: with a shared stream restarted in each round, equal contexts would give equal tokens."""
    rows = torch.full((5, 5, 5), 0.2).numpy()
    uniform = TableModel(rows)
    ids = (
        SpeculativeDecoder(uniform, DraftModel(TableModel(rows)), k=1)
        .generate([0], 200, 1.0, seed=1)
        .generated_ids
    )
    assert len({tuple(ids[n : n + 2]) for n in range(0, 200, 2)}) > 10


@pytest.mark.parametrize("k", [1, 3, 6])
def test_streaming_yields_what_generate_returns(k):
    target, draft = tiny_pair("llama")
    for decoder in (SpeculativeDecoder(target, draft, k=k), AutoregressiveDecoder(target)):
        rounds = list(decoder.stream([7, 8], 40, 0.9, seed=3))
        assert [token for round_ in rounds for token in round_] == decoder.generate(
            [7, 8], 40, 0.9, seed=3
        ).generated_ids
        assert all(rounds)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_end_of_text_inside_an_accepted_block_cuts_everything_alike(k):
    """Trap 13: ids, latencies and counts end with the same token."""
    target = TableModel.random(6, seed=1, eos_token_ids=(4, 5))
    draft = target.near(seed=2, weight=0.2)
    for seed in range(40):
        result = SpeculativeDecoder(target, DraftModel(draft), k=k).generate([1], 30, 1.0, seed=seed)
        ids = result.generated_ids
        assert all(token < 4 for token in ids[:-1])
        assert (ids[-1] >= 4) == (result.finish_reason == "eos")
        assert len(result.per_token_latencies) == len(ids)
        assert result.num_accepted_draft_tokens <= len(ids)
        ignored = SpeculativeDecoder(target, DraftModel(draft), k=k).generate(
            [1], 30, 1.0, seed=seed, ignore_eos=True
        )
        assert ignored.num_tokens == 30 and ignored.generated_ids[: len(ids)] == ids


def test_stop_strings_end_both_decoders_at_the_same_token():
    target = TableModel.random(6, seed=3)
    draft = target.near(seed=4, weight=0.3)
    for stop in (["ab"], ["fa", "cd"], "dd"):
        speculative = SpeculativeDecoder(target, DraftModel(draft), k=4).generate(
            [0], 200, 0.0, stop_strings=stop
        )
        plain = AutoregressiveDecoder(target).generate([0], 200, 0.0, stop_strings=stop)
        assert speculative.generated_ids == plain.generated_ids
        assert speculative.finish_reason == plain.finish_reason


def test_repetition_penalty_sees_the_drafted_prefix():
    """Trap 12, through the loop: greedy with a penalty equals autoregressive decoding with it."""
    target, draft = tiny_pair("llama")
    for prompt in prompts(4, seed=5):
        options = {"repetition_penalty": 1.3}
        expected = AutoregressiveDecoder(target).generate(prompt, 60, 0.0, **options).generated_ids
        assert (
            SpeculativeDecoder(target, draft, k=5).generate(prompt, 60, 0.0, **options).generated_ids
            == expected
        )


def test_a_second_generation_starts_from_a_fresh_draft():
    """Trap 29."""
    target, draft = tiny_pair("llama")
    decoder = SpeculativeDecoder(target, draft, k=3)
    decoder.generate(list(range(50)), 20, 0.0)
    again = decoder.generate([9, 8, 7], 30, 0.0)
    assert (
        again.accepted_per_round
        == SpeculativeDecoder(target, draft, k=3).generate([9, 8, 7], 30, 0.0).accepted_per_round
    )


def test_a_profiled_run_times_every_phase_and_a_timed_one_none():
    target, draft = tiny_pair("llama")
    decoder = SpeculativeDecoder(target, draft, k=4)
    timed = decoder.generate([1, 2, 3], 40, 0.0)
    assert timed.draft_time_total_ms == timed.verify_time_total_ms == 0.0
    profiled = decoder.generate([1, 2, 3], 40, 0.0, profile=True)
    for phase in ("draft", "verify", "sampling", "rollback"):
        assert getattr(profiled, f"{phase}_time_total_ms") > 0, phase
    assert len(profiled.per_token_latencies) == profiled.num_tokens and min(profiled.per_token_latencies) >= 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": -1}, "max_new_tokens"),
        ({"temperature": -0.5}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"prompt_ids": []}, "prompt is empty"),
        ({"prompt_ids": [[1, 2], [3, 4]]}, "one sequence"),
        ({"prompt_ids": [VOCAB]}, "outside"),
        ({"prompt_ids": [-1]}, "outside"),
        ({"prompt_ids": [1] * CONTEXT}, "shorten"),
        ({"stop_strings": [""]}, "stop_strings"),
    ],
)
def test_bad_requests_are_refused_by_name(options, message):
    target, draft = tiny_pair("llama")
    arguments = {"prompt_ids": [1, 2], "max_new_tokens": 4, "temperature": 0.0, **options}
    for decoder in (AutoregressiveDecoder(target), SpeculativeDecoder(target, draft)):
        with pytest.raises(InvalidArgument, match=message):
            decoder.generate(**arguments)


def test_bad_decoders_are_refused():
    target, draft = tiny_pair("llama")
    with pytest.raises(InvalidArgument, match="k is 0"):
        SpeculativeDecoder(target, draft, k=0)
    with pytest.raises(InvalidArgument, match="verifier"):
        SpeculativeDecoder(target, draft, verifier="vote")
    with pytest.raises(VocabularyMismatch, match="5 logits"):
        SpeculativeDecoder(TableModel.random(6, 0), DraftModel(TableModel.random(5, 0)))


def test_a_drafter_that_was_not_rolled_back_is_refused():
    draft = DraftModel(TableModel.random(5, seed=0)).start([1, 2, 3])
    draft.propose([1, 2, 3], 3, SamplingParams(1.0), torch.Generator())
    with pytest.raises(InvalidArgument, match="roll the drafter back"):
        draft.propose([1, 2, 3], 2, SamplingParams(1.0), torch.Generator())
