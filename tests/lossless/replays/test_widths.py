"""A text read in two widths: logits equal up to rounding, gaps and noise as their definitions say."""

from __future__ import annotations

import pytest
import torch
from tiny_models import tiny_pair

from specdec_lib.lossless.evidence.rounding import logit_range
from specdec_lib.lossless.replays.widths import read_twice
from specdec_lib.models.precision import in_dtype


@pytest.fixture(scope="module")
def read():
    model = tiny_pair("llama")[0]
    models = {"float32": model, "bfloat16": in_dtype(model, "bfloat16")}
    return model, read_twice(models, [3, 5, 8, 13], 10)


def test_the_first_models_greedy_text_is_read(read):
    model, both = read
    assert both.text[:4] == [3, 5, 8, 13] and len(both.text) == 14
    logits = model.forward(torch.tensor([both.text]), use_cache=False)[0][0, 4:]
    for rows in both.by_width["float32"]:
        assert torch.allclose(rows, logits.double(), atol=1e-4)


def test_gaps_and_noise_are_those_of_the_rows(read):
    model, both = read
    model.decode = lambda ids: f"<{ids[0]}>"
    narrow, wide = both.by_width["bfloat16"]
    first, second = narrow[2].topk(2).values.tolist()
    gap = both.gap_rows("bfloat16", model)[2]
    assert gap == {"place": 3, "token": f"<{int(narrow[2].argmax())}>", "gap": first - second}
    noise = [row for row in both.noise_rows() if row.series == "rounding, bfloat16"]
    assert [row.noise for row in noise] == logit_range(narrow, wide).tolist()
