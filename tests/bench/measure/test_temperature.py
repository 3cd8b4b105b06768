"""Acceptance over temperature: exact at one place, the argmaxes' agreement at 0, and 1 for one model."""

from __future__ import annotations

import copy

import pytest
import torch
from models.architectures import (
    SHARED_KV,
    TakesCache,
    TakesPastKeyValues,
    llama_config,
    random_ids,
    tiny_model,
)
from tiny_models import VOCAB, tiny_pair

from specdec_lib.bench.measure.temperature import overlap_by_temperature
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper

PROMPTS = torch.randint(VOCAB, (6, 8), generator=torch.Generator().manual_seed(5)).tolist()


@pytest.fixture(scope="module")
def pair():
    return tiny_pair("llama", noise=0.1)


def last_logits(model, text):
    return model.forward(torch.tensor([text]), use_cache=False)[0][0, -1]


def test_a_single_place_is_computed_exactly(pair):
    for row in overlap_by_temperature(*pair, PROMPTS, (0.5, 1.0, 3.0), 1):
        laws = [
            torch.stack([(last_logits(model, text) / row["temperature"]).softmax(-1) for text in PROMPTS])
            for model in pair
        ]
        each = torch.minimum(*laws).sum(-1)
        assert row["alpha"] == pytest.approx(float(each.mean()), abs=1e-5)
        error = 2 * float(each.std()) / len(PROMPTS) ** 0.5
        assert row["high"] - row["alpha"] <= error + 1e-5 and row["low"] < row["alpha"]


def test_at_temperature_zero_it_is_how_often_the_argmaxes_agree_along_greedy_texts(pair):
    (row,) = overlap_by_temperature(*pair, PROMPTS, (0.0,), 5)
    target, draft = pair
    agree = []
    for prompt in PROMPTS:
        written = AutoregressiveDecoder(target).generate(prompt, 5, 0.0).generated_ids
        guesses = [int(last_logits(draft, prompt + written[:n]).argmax()) for n in range(5)]
        agree += [guess == token for guess, token in zip(guesses, written, strict=True)]
    assert 0 < sum(agree) < len(agree)
    assert row["alpha"] == pytest.approx(sum(agree) / len(agree))


def test_a_draft_that_is_the_target_is_always_accepted_and_a_seed_decides_the_texts(pair):
    target, draft = pair
    for row in overlap_by_temperature(target, target, PROMPTS, (0.0, 1.0), 4):
        assert row["alpha"] == pytest.approx(1.0, abs=1e-5)
    runs = [overlap_by_temperature(target, draft, PROMPTS, (1.0,), 4, seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_a_draft_takes_the_width_of_its_target_and_draws_no_masked_id(pair):
    target, _ = pair
    narrow = ModelWrapper(tiny_model(llama_config(vocab_size=VOCAB - 9)), vocab_size=VOCAB)
    (row,) = overlap_by_temperature(target, narrow, PROMPTS, (1.0,), 3)
    assert 0 < row.alpha < 1
    masked = ModelWrapper(target.model, masked_ids=range(0, VOCAB, 2))
    (row,) = overlap_by_temperature(target, masked, PROMPTS, (1.0,), 1)
    kept = [float(last_logits(target, text).softmax(-1)[1::2].sum()) for text in PROMPTS]
    assert row.alpha == pytest.approx(sum(kept) / len(kept), abs=1e-5)


class Asked:
    """A draft of which nothing is known but what decoding asks of one."""

    def __init__(self, model: ModelWrapper) -> None:
        self.vocab_size, self.device, self._model = model.vocab_size, model.device, model

    def forward(self, *args, **options):
        return self._model.forward(*args, **options)


@pytest.mark.unchecked
@pytest.mark.parametrize("name", SHARED_KV)
def test_a_draft_whose_layers_share_keys_is_asked_as_decoding_asks_it(name):
    model = ModelWrapper(tiny_model(name))
    texts = [random_ids(7, seed).tolist()[0] for seed in range(3)]
    for row in overlap_by_temperature(model, Asked(model), texts, (0.0, 1.0), 3):
        assert row.alpha == pytest.approx(1.0, abs=1e-4)


def test_the_name_of_the_cache_does_not_matter(pair):
    rows = []
    for kind in (TakesPastKeyValues, TakesCache):
        target = ModelWrapper(copy.copy(pair[0].model))
        target.model.__class__ = kind
        rows.append(overlap_by_temperature(target, pair[1], PROMPTS, (0.5, 1.0), 3))
    assert rows[0] == rows[1]


@pytest.mark.parametrize(("texts", "num_tokens"), [([[1, 2], [1]], 3), ([[1, 2]], 3), ([[1, 2], [3, 4]], 0)])
def test_what_would_need_padding_or_says_nothing_is_refused(pair, texts, num_tokens):
    with pytest.raises(InvalidArgument, match="overlap by temperature"):
        overlap_by_temperature(*pair, texts, (1.0,), num_tokens)
