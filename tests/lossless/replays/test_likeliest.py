"""The likeliest tokens: sums, order, and each stage the library's own law under the warpers so far."""

from __future__ import annotations

import pytest
from tiny_models import tiny_pair

from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.lossless.replays.likeliest import (
    OTHERS,
    likeliest_by_stage,
    likeliest_by_temperature,
    next_logits,
)
from specdec_lib.viz.chapters import sampling as pictures

IDS = [5, 3, 8, 5, 13]


@pytest.fixture(scope="module")
def model():
    model = tiny_pair("llama")[0]
    model.decode = lambda ids: f"<{ids[0]}>"
    return model


def test_the_same_tokens_at_each_temperature_the_likeliest_first(model):
    rows = likeliest_by_temperature(model, IDS, (0.5, 1.0), num_tokens=4)
    cold, warm = rows[:4], rows[4:]
    assert [row.token for row in cold] == [row.token for row in warm]
    for part in (cold, warm):
        shares = [row.probability for row in part]
        assert shares == sorted(shares, reverse=True)
    assert cold[0].probability > warm[0].probability


def test_each_stage_adds_one_warper_in_the_librarys_order(model):
    params = SamplingParams(0.8, top_k=4, repetition_penalty=1.3)
    rows = likeliest_by_stage(model, IDS, params, num_tokens=5)
    stages = list(dict.fromkeys(row.stage for row in rows))
    assert stages == ["the model", "penalty 1.3", "T = 0.8", "top-k 4"]
    assert pictures.OTHERS == OTHERS
    law = probs_from_logits(next_logits(model, IDS), params, IDS)
    last = {row.token: row.probability for row in rows if row.stage == "top-k 4"}
    assert last.pop(OTHERS) == pytest.approx(1 - sum(last.values()), abs=1e-6)
    for token, share in last.items():
        assert share == pytest.approx(float(law[int(token.strip("<>"))]))
