"""Numbers of every library are taken; what is no number is refused in one line."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.numbers import (
    apart,
    counted,
    plain_numbers,
    real_number,
    short_count,
    whole_number,
    written_real,
    written_whole,
)

COUNTS = [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3), torch.tensor(3, dtype=torch.int32)]
REALS = [
    0.5,
    np.float32(0.5),
    np.float64(0.5),
    np.array(0.5),
    torch.tensor(0.5),
    torch.tensor(0.5).bfloat16(),
]
NEVER = [True, np.bool_(True), torch.tensor(True), "3", None, [3], np.array([3]), torch.tensor([3]), 3j]


@pytest.mark.parametrize("value", COUNTS, ids=repr)
def test_a_count_of_any_library_becomes_a_plain_int(value):
    found = whole_number(value, "k", least=1)
    assert found == 3 and type(found) is int


@pytest.mark.parametrize("value", [*REALS, *COUNTS], ids=repr)
def test_a_number_of_any_library_becomes_a_plain_float(value):
    found = real_number(value, "temperature")
    assert found in (0.5, 3.0) and type(found) is float


@pytest.mark.parametrize("value", NEVER, ids=repr)
def test_what_is_no_number_is_refused(value):
    for check in (whole_number, real_number):
        with pytest.raises(InvalidArgument, match=r"^k is .*; pass a (whole|finite) number"):
            check(value, "k")


@pytest.mark.parametrize("value", [1.5, 3.0, np.float32(3), torch.tensor(3.0), math.nan, math.inf], ids=repr)
def test_a_float_is_no_count(value):
    with pytest.raises(InvalidArgument, match="pass a whole number"):
        whole_number(value, "seed")


@pytest.mark.parametrize("value", [math.nan, -math.inf, np.float32("nan"), torch.tensor(math.inf), 10**400])
def test_a_number_that_is_none_is_refused(value):
    with pytest.raises(InvalidArgument, match="pass a finite number"):
        real_number(value, "temperature")


@pytest.mark.parametrize(
    ("value", "least", "most", "told"),
    [
        (0, 1, None, "k is 0; pass a whole number >= 1"),
        (np.int64(9), None, 8, r"k is np.int64\(9\); pass a whole number <= 8"),
        (
            2**64,
            0,
            2**64 - 1,
            "k is 18446744073709551616; pass a whole number from 0 to 18446744073709551615",
        ),
    ],
)
def test_the_range_is_named(value, least, most, told):
    with pytest.raises(InvalidArgument, match=f"^{told}$"):
        whole_number(value, "k", least, most)


def test_the_line_stays_a_line():
    with pytest.raises(InvalidArgument) as caught:
        whole_number("\n".join("abc" * 40), "k")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0 k"),
        (37216, "37.2 k"),
        (999949, "999.9 k"),
        (999950, "1.0 M"),
        (124439808, "124.4 M"),
        (8030261248, "8,030.3 M"),
    ],
)
def test_a_number_of_weights_is_never_shown_as_none(count, told):
    assert short_count(count) == told


def test_numbers_that_differ_do_not_look_alike():
    assert apart(2.5, 2.77) == ["2.50", "2.77"] and apart(0.45, 0.45) == ["0.45", "0.45"]
    assert apart(1.004, 1.0) == ["1.004", "1.000"] and apart(0.0024, 0.0022, decimals=3) == [
        "0.0024",
        "0.0022",
    ]
    assert apart(1.2, 1.2004, 1.2) == ["1.2000", "1.2004", "1.2000"]
    assert apart(1.0, 1.0 + 1e-9) == ["1.000000", "1.000000"]  # no more than six


def test_one_is_not_many():
    assert [counted(number, "run") for number in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert counted(2, "pass", "passes") == "2 passes"


@pytest.mark.parametrize("values", [np.array([[1, 2]]), torch.tensor([[1, 2]])])
def test_numbers_of_an_array_are_plain(values):
    assert plain_numbers(values) == [[1, 2]] and type(plain_numbers(values)[0][0]) is int
    assert plain_numbers(values[0, 0]) == 1


@pytest.mark.parametrize(
    "text", ["1_0", "0_1", "４", "٤", "０.５", "+4", "", " ", "x", "0x10", "1 0", "1e", "--1", "²"]
)
def test_a_number_is_written_in_the_digits_0_to_9(text):
    assert written_whole(text) is None and written_real(text) is None


def test_written_numbers_are_those_of_their_digits():
    assert [written_whole(text) for text in ("0", "-7", " 42 ", "007")] == [0, -7, 42, 7]
    assert [written_whole(text) for text in ("4.0", "1e3", "inf", "9" * 5000)] == [None] * 4
    assert [written_real(text) for text in ("4", "-.5", "4.", "1e-3", "1E+3")] == [
        4.0,
        -0.5,
        4.0,
        0.001,
        1000.0,
    ]
    assert written_real("-inf") == -math.inf and math.isnan(written_real("nan") or 0.0)
