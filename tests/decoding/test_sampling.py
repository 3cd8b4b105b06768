"""Warping equals Hugging Face's own processors; drawing follows the distribution."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from specdec_lib.decoding.sampling import SamplingParams, draw, probs_from_logits, warp_logits
from specdec_lib.errors import InvalidArgument

GRID = list(
    itertools.product(
        (0.3, 1.0, 1.7), (None, 1, 7, 500), (None, 0.2, 0.9, 1.0), (None, 0.0, 0.1), (None, 1.3, 0.7)
    )
)


def reference(logits: torch.Tensor, params: SamplingParams, history: torch.Tensor) -> torch.Tensor:
    processors = LogitsProcessorList()
    if params.repetition_penalty is not None:
        processors.append(RepetitionPenaltyLogitsProcessor(params.repetition_penalty))
    if params.temperature != 1.0:
        processors.append(TemperatureLogitsWarper(params.temperature))
    if params.top_k is not None:
        processors.append(TopKLogitsWarper(params.top_k))
    if params.top_p is not None and params.top_p < 1.0:
        processors.append(TopPLogitsWarper(params.top_p))
    if params.min_p is not None:
        processors.append(MinPLogitsWarper(params.min_p))
    return processors(history[None], logits[None].clone())[0].softmax(-1)


@pytest.mark.parametrize("values", GRID)
def test_probabilities_equal_those_of_hugging_face(values):
    params = SamplingParams(*values)
    generator = torch.Generator().manual_seed(hash(values) % 2**31)
    logits = torch.randn(97, generator=generator) * 3
    history = torch.randint(0, 97, (12,), generator=generator)
    ours = probs_from_logits(logits, params, history)
    torch.testing.assert_close(ours, reference(logits, params, history), atol=1e-7, rtol=1e-5)


def test_a_drafted_token_is_penalised_from_the_next_row_on():
    """Trap 12: each row sees the prefix it follows, drafted tokens included, and nothing later."""
    params = SamplingParams(0.8, repetition_penalty=1.5)
    logits = torch.randn(4, 20, generator=torch.Generator().manual_seed(3))
    history = [5, 6, 7, 8, 9]  # two settled ids, then three drafted ones
    rows = probs_from_logits(logits, params, history)
    for row, seen in enumerate(([5, 6], [5, 6, 7], [5, 6, 7, 8], [5, 6, 7, 8, 9])):
        alone = probs_from_logits(logits[row], params, seen)
        torch.testing.assert_close(rows[row], alone)


def test_warping_never_changes_its_input():
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(1))
    before = logits.clone()
    probs_from_logits(logits, SamplingParams(0.7, 5, 0.9, 0.05, 1.2), [1, 2, 3])
    assert torch.equal(logits, before)


def test_half_precision_logits_are_warped_in_float32():
    """Trap 25."""
    logits = torch.randn(1000, generator=torch.Generator().manual_seed(2)).bfloat16()
    probs = probs_from_logits(logits, SamplingParams(0.7, top_p=0.9))
    assert probs.dtype == torch.float32
    torch.testing.assert_close(probs, probs_from_logits(logits.float(), SamplingParams(0.7, top_p=0.9)))


def test_nucleus_is_cut_after_temperature():
    """Trap 11: at temperature 0.5 the nucleus of .6 holds one token here, before temperature two."""
    logits = torch.tensor([0.5, 0.3, 0.2]).log()
    assert probs_from_logits(logits, SamplingParams(0.5, top_p=0.6)).tolist() == [1.0, 0.0, 0.0]
    assert (probs_from_logits(logits, SamplingParams(1.0, top_p=0.6)) > 0).sum() == 2


def test_temperature_zero_is_the_argmax_of_the_penalised_logits():
    logits = torch.tensor([3.0, 2.9, 1.0])
    assert probs_from_logits(logits, SamplingParams(0.0)).tolist() == [1.0, 0.0, 0.0]
    assert probs_from_logits(logits, SamplingParams(0.0, repetition_penalty=2.0), [0]).tolist() == [
        0.0,
        1.0,
        0.0,
    ]
    assert torch.equal(warp_logits(logits, SamplingParams(0.0, top_k=1)), logits)


@pytest.mark.parametrize(
    "bad",
    [
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"min_p": 2.0},
        {"repetition_penalty": 0.0},
        {"repetition_penalty": float("nan")},
    ],
)
def test_values_out_of_range_are_refused_by_name(bad):
    with pytest.raises(InvalidArgument, match=next(iter(bad))):
        SamplingParams(**bad)


def test_a_penalty_without_history_is_refused():
    with pytest.raises(InvalidArgument, match="history_ids"):
        probs_from_logits(torch.zeros(4), SamplingParams(repetition_penalty=1.2))


def test_draws_follow_the_distribution():
    probs = torch.tensor([0.0, 0.5, 0.0, 0.3, 0.2, 0.0])
    generator = torch.Generator().manual_seed(7)
    counts = np.bincount([int(draw(probs, generator)) for _ in range(20_000)], minlength=6)
    assert counts[[0, 2, 5]].sum() == 0
    expected = 20_000 * np.array([0.5, 0.3, 0.2])
    chi_square = ((counts[[1, 3, 4]] - expected) ** 2 / expected).sum()
    assert chi_square < 18.4  # p = 1e-4 with two degrees of freedom


@pytest.mark.parametrize("uniform", [0.0, 1.0 - 2.0**-53])
def test_extreme_uniforms_never_draw_an_impossible_token(uniform, monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda *size, dtype, **_: torch.full(size, uniform, dtype=dtype))
    for scale in (1.0, 0.3, 1e-30, 7.7):
        assert int(draw(torch.tensor([0.0, 0.6, 0.4, 0.0]) * scale)) in (1, 2)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    draw(torch.ones(5) / 5, torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), before)


# -- numbers at the edge ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "temperature",
    [1e-3, 1e-30, 1e-38, 1e-40, 5e-324],
    ids=["small", "tiny", "normal", "subnormal", "smallest"],
)
@pytest.mark.parametrize("scale", [1.0, 1e30, 3e38])
def test_no_temperature_divides_into_what_is_no_number(temperature, scale):
    """A division that overflows would leave inf − inf in the softmax."""
    logits = torch.tensor([[1.0, 0.5, -1.0], [-1.0, -0.5, -0.9]]) * scale
    probs = probs_from_logits(logits, SamplingParams(temperature, top_p=0.9, min_p=0.05))
    assert probs.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    tied = probs_from_logits(torch.tensor([1.0, 1.0, 0.5]) * scale, SamplingParams(temperature))
    assert tied.tolist() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize("penalty", [1e-300, 1e-40, 1e30, 1e300])
def test_no_penalty_makes_a_token_certain_by_overflow_or_all_impossible(penalty):
    logits = torch.tensor([5.0, -5.0, 0.0, -math.inf, 3e38])
    for history in ([0], [1], [2], [0, 1, 2, 3]):
        for temperature in (0.0, 0.5, 1.0):
            probs = probs_from_logits(
                logits, SamplingParams(temperature, repetition_penalty=penalty), history
            )
            assert probs.isfinite().all() and float(probs.sum()) == pytest.approx(1) and probs[3] == 0


@pytest.mark.parametrize("probs", [[0.0, 0.0], [math.nan, 1.0], [1.0, math.inf], [1.0, math.nan, 0.0]])
def test_what_is_no_law_is_not_drawn_from(probs):
    with pytest.raises(InvalidArgument, match=r"draw: the probabilities sum to .*pass those of a law"):
        draw(torch.tensor(probs))


@pytest.mark.parametrize(
    "warper", [{"top_k": 3}, {"top_p": 0.9}, {"min_p": 0.1}, {"top_p": 1e-300}, {"top_k": 10**9}]
)
def test_columns_that_cannot_be_drawn_stay_so_through_every_warper(warper):
    logits = torch.tensor([[1.0, -math.inf, 0.5, -math.inf], [-math.inf, -math.inf, 2.0, -math.inf]])
    probs = probs_from_logits(logits, SamplingParams(0.3, **warper))
    assert probs.isfinite().all() and (probs[logits == -math.inf] == 0).all()
    torch.testing.assert_close(probs.sum(-1), torch.ones(2))


# -- numbers of other libraries --------------------------------------------------------------------


@pytest.mark.unchecked  # the annotations say float, as for any Python user
def test_numbers_of_numpy_and_torch_are_the_same_parameters():
    plain = SamplingParams(0.5, 7, 0.75, 0.25, 1.5)
    theirs = [
        SamplingParams(np.float32(0.5), np.int64(7), np.float64(0.75), np.float32(0.25), np.float32(1.5)),
        SamplingParams(*map(torch.tensor, (0.5, 7, 0.75, 0.25, 1.5))),
    ]
    for params in theirs:
        assert params == plain and hash(params) == hash(plain) and repr(params) == repr(plain)
    assert SamplingParams(np.int64(0)).is_greedy


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "bad",
    [{"temperature": True}, {"temperature": "1"}, {"top_k": 2.0}, {"top_k": np.bool_(True)}, {"top_p": "1"}],
)
def test_what_is_no_number_is_refused_by_name(bad):
    with pytest.raises(InvalidArgument, match=f"sampling: {next(iter(bad))} is .*; pass a"):
        SamplingParams(**bad)
