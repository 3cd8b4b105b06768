"""What may be asked for a batch, and in how many ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.batches.asking import rows_asked
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.table_model import TableModel

DECODER = AutoregressiveDecoder(TableModel.random(9, seed=1))
PADDED = {"input_ids": [[0, 0, 1], [2, 3, 4]], "attention_mask": [[0, 0, 1], [1, 1, 1]]}


def ids(prompts, *asked, **options):
    return [row.generated_ids for row in DECODER.generate_batch(prompts, *asked, **options)]


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "prompts",
    [
        [[1], [2, 3, 4]],
        ([1], torch.tensor([[2, 3, 4]])),
        [np.array([1]), {"input_ids": [2, 3, 4]}],
        PADDED,
        {name: torch.tensor(rows) for name, rows in PADDED.items()},
    ],
)
def test_prompts_may_be_wrapped_as_tokenizers_wrap_them(prompts):
    assert ids(prompts, 8, 0.7, seed=5) == ids([[1], [2, 3, 4]], 8, 0.7, seed=5)


@pytest.mark.unchecked
def test_rows_of_one_length_may_come_in_one_tensor():
    expected = ids([[1, 2], [3, 4]], 6, 0.7, seed=5)
    for rows in (torch.tensor([[1, 2], [3, 4]]), {"input_ids": torch.tensor([[1, 2], [3, 4]])}):
        assert ids(rows, 6, 0.7, seed=5) == expected


def test_seeds_are_counted_on_or_said():
    assert ids([[1], [1]], 8, 1.0, seed=5) == ids([[1], [1]], 8, 1.0, seed=[5, 6])
    assert ids([[1], [1]], 8, 1.0, seed=(5, 5))[0] == ids([[1], [1]], 8, 1.0, seed=(5, 5))[1]
    first, second = ids([[1], [1]], 40, 1.0)
    assert first != second  # drawn, each row's own


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("prompts", "options", "message"),
    [
        ([1, 2], {}, "1 at place 0, which is no prompt"),
        (torch.tensor([1, 2]), {}, "at place 0, which is no prompt"),
        ("a text", {}, "'a text' at place 0, which is no prompt"),
        (["a text"], {}, "row 0 of the batch: .*the prompt is a text"),
        (7, {}, "7 at place 0, which is no prompt"),
        ({"ids": [[1]]}, {}, "no input_ids, only"),
        ([[1], []], {}, "row 1 of the batch: .*empty"),
        ([[1], [2]], {"max_new_tokens": [1]}, "1 values of max_new_tokens for 2 prompts"),
        ([[1], [2]], {"seed": [1, 2, 3]}, "3 values of seed for 2 prompts"),
        ([[1]], {"seed": 1.5}, "seed"),
        ([[1]], {"max_new_tokens": [-1]}, "row 0 of the batch: .*max_new_tokens"),
        ([[1]], {"temperature": -1}, "row 0 of the batch: .*temperature"),
    ],
)
def test_what_is_no_batch_is_refused(prompts, options, message):
    with pytest.raises(InvalidArgument, match=message):
        DECODER.generate_batch(prompts, **{"max_new_tokens": 2, **options})


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        (torch.tensor(3), "no prompt"),
        ({"input_ids": [[1], [2]], "attention_mask": [[1]]}, "1 attention masks for 2 prompts"),
    ],
)
def test_what_is_no_list_of_prompts_is_said_in_one_line(prompts, said):
    with pytest.raises(InvalidArgument, match=said):
        rows_asked(prompts, 2, None)
