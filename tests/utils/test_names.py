"""What a message says of a name that does not exist."""

from __future__ import annotations

import doctest

import pytest

from specdec_lib.utils import names


def test_the_examples_hold() -> None:
    found = doctest.testmod(names)
    assert found.attempted == 2 and not found.failed


@pytest.mark.parametrize("count", [1, names.FEW, names.FEW + 1, 500])
def test_a_line_stays_short_and_names_the_nearest(count: int) -> None:
    known = [*(f"name_{number}" for number in range(count - 1)), "pocket"]
    said = names.known_names("pockte", known)
    assert "pocket" in said and len(said) < 100
    assert (said == ", ".join(known)) == (count <= names.FEW)
    assert said.startswith(f"{count}, such as ") == (count > names.FEW)


def test_a_name_like_none_of_them_still_gets_some() -> None:
    assert names.known_names("?", "abcdefghij").count(" and ") == 1
