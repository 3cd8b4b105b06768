"""The suite's own checks: of types, of shapes within a call, and of nothing that is not asked for."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError, config
from typecheck import check, checked

from specdec_lib.decoding.rejection import residual
from specdec_lib.theory.speedup import expected_tokens


def test_a_wrong_type_and_a_wrong_number_of_axes_are_refused():
    row = torch.full((4,), 0.25)
    assert residual(row, row).shape == (4,)
    for target_probs in ("words", row[None, None], row > 0):
        with pytest.raises(TypeCheckError):
            residual(target_probs, row)
    with pytest.raises(TypeCheckError):
        expected_tokens(0.5, "four")


def test_an_axis_has_one_length_within_a_call_and_any_in_the_next():
    row = torch.full((4,), 0.25)
    residual(row[:2], row[:2])
    with pytest.raises(TypeCheckError):
        residual(row, row[:3])


@pytest.mark.unchecked
def test_where_a_test_asks_for_no_checks_there_are_none():
    assert config.jaxtyping_disable
    assert residual(torch.ones(1, 1, 1, 4), torch.zeros(4)).shape == (1, 1, 1, 4)


def test_what_a_function_returns_is_checked_and_what_it_does_not_say_is_not():
    def half(number: int, other=None, *rest: int) -> int:
        return number / 2  # type: ignore[return-value]

    with pytest.raises(TypeCheckError):
        checked(half, check)(2)

    def known_to_type_checkers_alone(number: int, other: NoSuchName) -> float:  # type: ignore  # noqa: F821
        return number / 2

    assert checked(known_to_type_checkers_alone, check)(2, object()) == 1.0
    with pytest.raises(TypeCheckError):
        checked(known_to_type_checkers_alone, check)("2", object())
