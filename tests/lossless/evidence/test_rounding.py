"""Rounding: measured between widths, bounded between laws, and told from a mistake where texts part."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from tiny_models import prompts, tiny_pair

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.evidence.rounding import (
    Parting,
    distance_bound,
    judge_parting,
    logit_range,
    logits_by_width,
    rounding_of,
)
from specdec_lib.models.wrapper import ModelWrapper


@pytest.fixture(scope="module")
def target():
    return tiny_pair("llama", num_layers=2)[0]


def distance(logits, others, temperature=1.0):
    laws = [(rows.double() / temperature).softmax(-1) for rows in (logits, others)]
    return (laws[0] - laws[1]).abs().sum(-1) / 2


@pytest.mark.parametrize("width", [1, 2, 5, 100])
def test_logits_are_those_behind_each_id_whatever_the_width(target, width):
    ids = prompts(1)[0]
    start = len(ids) // 2
    whole, _ = target.forward(torch.tensor([ids]), use_cache=False)
    rows = logits_by_width(target, ids, start, width)
    assert rows.shape == (len(ids) - start, target.vocab_size)
    torch.testing.assert_close(rows, whole[0, start:], atol=1e-4, rtol=0)


def test_each_forward_has_the_width_that_was_asked_for(target, monkeypatch):
    fed = []
    forward = target.forward
    monkeypatch.setattr(
        target, "forward", lambda ids, *rest, **more: fed.append(ids) or forward(ids, *rest, **more)
    )
    logits_by_width(target, [1, 2, 3, 4, 5, 6, 7, 8], 3, 2)
    assert [ids.shape[1] for ids in fed] == [3, 2, 2, 1]


@pytest.mark.parametrize(("start", "width"), [(0, 1), (4, 1), (1, 0)])
def test_a_start_or_a_width_that_leaves_nothing_is_refused(target, start, width):
    with pytest.raises(InvalidArgument, match="logits by width"):
        logits_by_width(target, [1, 2, 3, 4], start, width)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("noise", [1e-3, 0.3, 5.0])
def test_no_two_laws_are_further_apart_than_their_logits_allow(noise, temperature):
    generator = torch.Generator().manual_seed(4)
    logits = 3 * torch.randn(200, 50, generator=generator)
    others = logits + noise * torch.randn(200, 50, generator=generator)
    seen = distance(logits, others, temperature)
    assert bool((seen <= distance_bound(logits, others, temperature) + 1e-12).all())


@pytest.mark.parametrize("spread", [1e-3, 0.5, 4.0])
def test_two_tokens_attain_the_bound(spread):
    logits = torch.tensor([-spread / 4, spread / 4], dtype=torch.float64)
    assert float(logit_range(logits, -logits)) == pytest.approx(spread)
    assert float(distance(logits, -logits)) == pytest.approx(float(distance_bound(logits, -logits)))


def test_a_common_shift_is_no_difference():
    logits = torch.tensor([1.0, 2.0, 3.0])
    assert float(distance_bound(logits, logits + 7)) == 0.0


def test_tokens_that_both_cut_are_left_out_and_one_that_only_one_cuts_spoils_the_bound():
    cut = -math.inf
    both = torch.tensor([1.0, cut, 2.0])
    assert float(logit_range(both, torch.tensor([1.5, cut, 2.0]))) == pytest.approx(0.5)
    assert float(distance_bound(both, torch.tensor([1.0, 0.0, 2.0]))) == 1.0


def test_temperature_zero_has_no_bound():
    with pytest.raises(InvalidArgument, match="temperature is 0"):
        distance_bound(torch.zeros(2), torch.zeros(2), 0.0)


def test_a_parting_knows_the_gap_and_what_rounding_explains(target):
    text = prompts(1)[0]
    logits = target.forward(torch.tensor([text]), use_cache=False)[0][0, -1]
    first, second = logits.topk(2).indices.tolist()
    found = judge_parting(target, text, second, first)
    assert found.gap == pytest.approx(float(logits[first] - logits[second]), abs=1e-4)
    narrow, wide = (logits_by_width(target, text, max(1, len(text) - 16), width) for width in (1, 5))
    assert found.rounding == 2 * float(logit_range(narrow, wide).max()) < 1e-4
    assert not found.is_tie and judge_parting(target, text, first, first).is_tie


def test_what_is_measured_convicts_where_the_convention_would_excuse(target):
    half = ModelWrapper(copy.deepcopy(target.model).bfloat16())
    text = prompts(1)[0]
    logits = half.forward(torch.tensor([text]), use_cache=False)[0][0, -1].float()
    best = int(logits.argmax())
    excused = rounding_of(torch.bfloat16, float(logits.abs().max()))
    partings = [judge_parting(half, text, token, best) for token in logits.topk(12).indices.tolist()[1:]]
    assert any(found.rounding < found.gap < excused for found in partings)


def test_a_text_of_one_token_is_judged_by_the_convention(target):
    found = judge_parting(target, [3], 1, 2)
    largest = float(target.forward(torch.tensor([[3]]), use_cache=False)[0].abs().max())
    assert found.rounding == pytest.approx(rounding_of(torch.float32, largest))


def test_rounding_is_that_of_the_type_and_of_the_largest_logit():
    assert rounding_of(torch.float32, 20.0) == 16 * 20 * 2.0**-23
    assert rounding_of(torch.bfloat16, 0.1) == 16 * 2.0**-7
    assert Parting(0.25, 0.25).is_tie and not Parting(0.26, 0.25).is_tie
