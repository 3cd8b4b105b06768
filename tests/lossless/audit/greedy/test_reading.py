"""A text read in two widths: gaps, what the text's own tokens lack, noise, and the margins of a parting."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_models import prompts, tiny_pair

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.greedy.reading import read_text
from specdec_lib.lossless.audit.greedy.texts import FirstDifference, WrittenText
from specdec_lib.lossless.laws.table_model import TableModel


@pytest.fixture(scope="module")
def target():
    return tiny_pair("llama")[0]


@pytest.fixture
def table():
    return TableModel.random(5, seed=1, eos_token_ids=(4,))


def rows_of(model, prompt, ids):
    logits = model.forward(torch.tensor([[*prompt, *ids]]), use_cache=False)[0][0].double()
    return logits[len(prompt) - 1 :]


@pytest.mark.parametrize("length", [1, 2, 7])
def test_each_place_is_that_of_a_token(target, length):
    prompt, ids = prompts(3)[2][:length], (3, 1, 4, 1, 5)
    rows = rows_of(target, prompt, ids)
    read = read_text(target, prompt, WrittenText(ids, False), width=3)
    best = rows[:-1].topk(2).values
    assert read.gaps == pytest.approx((best[:, 0] - best[:, 1]).numpy(), abs=1e-4)
    own = rows[range(5), ids]
    assert read.lacks == pytest.approx((best[:, 0] - own).numpy(), abs=1e-4)
    assert read.noise.shape == (5, 7) and np.abs(read.noise).max() < 1e-3
    assert read.largest == pytest.approx(float(rows[:-1].abs().max()), abs=1e-4) and read.margins is None


def test_the_end_is_a_place_of_its_own(table):
    read = read_text(table, [1, 2], WrittenText((3, 0), True), width=3)
    last = np.log(table.rows[3, 0])
    assert len(read.gaps) == 3 and read.lacks[2] == pytest.approx(last.max() - last[4], abs=1e-6)


def test_margins_are_those_of_the_two_tokens_behind_what_is_shared(table):
    read = read_text(table, [1, 2], WrittenText((3, 0, 1), False), 3, FirstDifference(2, 1, 2))
    row = np.log(table.rows[3, 0])
    best = np.sort(row)[::-1]
    assert read.margins.parting.gap == pytest.approx(abs(row[1] - row[2]), abs=1e-6)
    assert read.margins.wide_gap == pytest.approx(read.margins.parting.gap, abs=1e-6)
    assert read.margins.behind == pytest.approx(best[0] - min(row[1], row[2]), abs=1e-6)
    assert read.margins.top == pytest.approx((best[0] - best[1],) * 2, abs=1e-6)
    assert read.margins.parting.rounding == 0.0


def test_an_end_that_no_id_has_is_infinitely_far_behind(table):
    endless = TableModel(table.rows)
    parts = FirstDifference(1, None, 2)
    assert read_text(endless, [1, 2], WrittenText((3,), True), 3, parts).margins.behind == np.inf
    assert read_text(table, [1, 2], WrittenText((3,), True), 3, parts).margins.behind < 9


def test_equal_logits_have_no_gap():
    rows = np.full((3, 3, 3), 1 / 3)
    read = read_text(TableModel(rows), [1], WrittenText((0, 2), False), 2, FirstDifference(1, 2, 1))
    assert read.gaps.tolist() == [0.0, 0.0] and read.margins.behind == 0.0 and read.margins.parting.is_tie


def test_an_empty_text_has_no_place(table):
    read = read_text(table, [1, 2], WrittenText((), False), 3)
    assert len(read.gaps) == 0 and read.largest == 0.0


def test_ids_and_lengths_that_the_weights_cannot_read_are_refused(table):
    with pytest.raises(InvalidArgument, match=r"id 7 in a text, and table has ids up to 4"):
        read_text(table, [1, 2], WrittenText((7,), False), 3)
    with pytest.raises(InvalidArgument, match="id -1"):
        read_text(table, [1, -1], WrittenText((3,), False), 3)
    short = TableModel(table.rows, context_length=3)
    with pytest.raises(InvalidArgument, match="a text of 4 tokens with its prompt, and table sees 3"):
        read_text(short, [1, 2], WrittenText((3, 3), False), 3)


def test_a_text_is_read_one_token_at_a_time_and_several_at_a_time(target, monkeypatch):
    fed = []
    forward = target.forward
    monkeypatch.setattr(
        target, "forward", lambda ids, *rest, **more: fed.append(ids.shape[1]) or forward(ids, *rest, **more)
    )
    read_text(target, [5, 6, 7], WrittenText((1, 2, 3, 4), False), width=3)
    assert fed == [2, 1, 1, 1, 1, 1, 2, 3, 2]
