"""What a prompt may be: whatever holds one sequence of token ids; everything else is named."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from tiny_tokenizers import byte_level
from transformers import BatchEncoding

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.prompt import prompt_ids_of
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.table_model import TableModel

pytestmark = pytest.mark.unchecked
VOCAB = 288
IDS = [5, 6, 7]


def templated(**options):
    tokenizer = byte_level()
    tokenizer.chat_template = "<s>{% for m in messages %}{{ m['content'] }}{% endfor %}"
    return tokenizer.apply_chat_template([{"role": "user", "content": "cat"}], **options)


def nested():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls them a prototype
        return torch.nested.nested_tensor([torch.tensor(IDS)])


def quantised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # and these deprecated
        return torch.quantize_per_tensor(torch.ones(3), 1.0, 0, torch.quint8)


@pytest.mark.parametrize(
    "prompt",
    [
        IDS,
        tuple(IDS),
        [IDS],
        range(5, 8),
        iter(IDS),
        np.array(IDS),
        np.array([IDS], dtype=np.uint8),
        list(np.array(IDS)),
        [np.array(IDS)],
        torch.tensor(IDS),
        torch.tensor([IDS], dtype=torch.int32),
        torch.tensor(IDS, dtype=torch.uint8),
        list(torch.tensor(IDS)),
        [torch.tensor(IDS)],
        {"input_ids": IDS},
        {"input_ids": torch.tensor([IDS]), "attention_mask": torch.ones(1, 3, dtype=torch.bool)},
        BatchEncoding({"input_ids": [IDS], "attention_mask": [[1, 1, 1]]}),
        {"input_ids": [0, 0, *IDS], "attention_mask": [0, 0, 1, 1, 1]},
        {"input_ids": torch.tensor([[*IDS, 0]]), "attention_mask": torch.tensor([[1, 1, 1, 0]])},
    ],
    ids=lambda prompt: type(prompt).__name__,
)
def test_whatever_holds_one_sequence_is_taken(prompt):
    ids = prompt_ids_of(prompt, VOCAB)
    assert ids == IDS and all(type(i) is int for i in ids)


@pytest.mark.parametrize(
    "options", [{}, {"return_tensors": "pt"}, {"return_dict": False}, {"return_tensors": "np"}]
)
def test_the_result_of_a_chat_template_is_taken_as_it_comes(options):
    expected = byte_level()("<s>cat", add_special_tokens=False)["input_ids"]
    assert prompt_ids_of(templated(tokenize=True, **options), VOCAB) == expected


def test_what_the_tokenizers_library_returns_is_taken_with_and_without_padding():
    backend = byte_level().backend_tokenizer
    plain = backend.encode("cat")
    backend.enable_padding(length=8, direction="left")
    assert prompt_ids_of(backend.encode("cat"), VOCAB) == prompt_ids_of(plain, VOCAB) == plain.ids


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("the cat", r"is a text; pass target.encode\(text\), or call generate_text"),
        (["the", "cat"], "'the' of type str at place 0"),
        (b"the", "pass a sequence of token ids"),
        (None, "is None; pass a sequence"),
        (7, "is 7; pass a sequence"),
        (torch.tensor(7), "is 7; pass a sequence"),
        ({5, 6}, "pass a sequence"),
        ([5, True], "True of type bool at place 1"),
        ([np.bool_(True)], "of type bool"),
        ([torch.tensor(True)], "of type bool"),
        (torch.tensor([True, False]), "values of type bool"),
        ([5.0, 6.0], "5.0 of type float at place 0"),
        (np.array([5.0]), "values of type float64"),
        (torch.tensor([[5.0]]), "values of type float32"),
        ([np.float32(5)], "of type float32"),
        ([5, None], "None of type NoneType at place 1"),
        ({"ids": [5]}, r"no input_ids, only \['ids'\]"),
        ({"input_ids": "the"}, "pass a sequence"),
        ({"input_ids": [5, 6, 7], "attention_mask": [1, 0, 1]}, "without holes"),
        ({"input_ids": [5, 6, 7], "attention_mask": [1, 1]}, "has 2 places for 3 ids"),
        ({"input_ids": [5, 6], "attention_mask": [0, 0]}, "prompt is empty"),
        ([], "prompt is empty"),
        ([[]], "prompt is empty"),
        (torch.ones(2, 3, dtype=torch.long), "2 prompts at once"),
        (np.ones((0, 3), dtype=np.int64), "prompt is empty"),
        ([5, VOCAB], r"outside \[0, 288\): 288 at place 1"),
        (np.array([-1]), r"outside \[0, 288\): -1 at place 0"),
        (torch.tensor(IDS, device="meta"), "on the device 'meta', which holds no ids"),
        ({"input_ids": torch.ones(1, 3, dtype=torch.long, device="meta")}, "on the device 'meta'"),
        ([torch.tensor(5, device="meta")], "of type int64 at place 0"),
        ([5, torch.tensor([6, 7])], "of type int64 at place 1"),
        ([5, torch.ones(2, 2, dtype=torch.long)], "of type int64 at place 1"),
        (torch.tensor(IDS).to_sparse(), "is a sparse_coo tensor; pass a dense one"),
        (nested(), "is a nested tensor"),
        (torch.tensor(IDS, dtype=torch.complex64), "values of type complex64"),
        (quantised(), "values of type quint8"),
        (torch.tensor([5.0], requires_grad=True), "values of type float32"),
        ([torch.tensor(5.0, requires_grad=True)], "of type float32 at place 0"),
        (np.array(5), "is 5; pass a sequence"),
        (torch.ones(0, 3, dtype=torch.long), "prompt is empty"),
        (np.array(["5"]), "values of type <U1"),
        (np.array([5, None]), "values of type object"),
        (np.ma.masked_array([5, 6], [False, True]), "None of type NoneType at place 1"),
        (bytearray(b"the"), "pass a sequence"),
        (memoryview(b"the"), "pass a sequence"),
        ({"input_ids": [5, 6], "attention_mask": [0.0, -np.inf]}, "attention_mask of the prompt holds -inf"),
        ({"input_ids": [5, 6], "attention_mask": [np.nan, 1]}, "holds nan; pass 1 for each id"),
        ({"input_ids": [5], "attention_mask": [torch.ones((), device="meta")]}, "mask of the prompt holds"),
        ({"input_ids": [5], "attention_mask": torch.ones(1, device="meta")}, "on the device 'meta'"),
        ({"input_ids": [5, 6], "attention_mask": ["1", "1"]}, "holds '1'"),
        ([5, 2**70], f"{2**70} at place 1"),
        ([5, 1j], r"1j of type complex at place 1"),
        ([{"role": "user", "content": "What is a bee?"}], r"conversation \(1 message\), not token ids; pass"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "apply_chat_template"),
        ({"role": "user", "content": "What is a bee?"}, "apply_chat_template"),
        (["word " * 20, 5], "'word word word word word word word wo…' of type str at place 0"),
        ([5, [6] * 40], r"holds \[6, [6, ]*… of type list at place 1"),
    ],
)
def test_everything_else_is_named(prompt, message):
    with pytest.raises(InvalidArgument, match=message) as caught:
        prompt_ids_of(prompt, VOCAB)
    assert "\n" not in str(caught.value)


def test_both_decoders_take_them_in_every_way_of_asking():
    target = TableModel.random(9, seed=1)
    for decoder in (
        AutoregressiveDecoder(target),
        SpeculativeDecoder(target, TableModel.random(9, seed=2), k=2),
    ):
        expected = decoder.generate(IDS, 6, 0.0).generated_ids
        for prompt in (np.array(IDS), {"input_ids": torch.tensor([IDS])}):
            assert decoder.generate(prompt, 6, 0.0).generated_ids == expected
            assert [i for ids in decoder.stream(prompt, 6, 0.0) for i in ids] == expected
            assert decoder.start(prompt, 6, 0.0).result().generated_ids == expected
