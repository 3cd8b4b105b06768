"""Conditions as they are written, and what they hold of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from specdec_lib.bench.results.columns import FlatCell, cell_row
from specdec_lib.bench.results.conditions import column_named, read_conditions, value_of
from specdec_lib.errors import InvalidArgument
from tests.made_cells import made_cell

ROW = cell_row(json.loads(json.dumps(dict(made_cell(k=4, domain="code", temperature=0.5)))), "A")


def holds(written: str, **changes: Any) -> bool:
    (condition,) = read_conditions([written])
    return condition.holds(ROW._replace(**changes))


@pytest.mark.parametrize(
    "written, expected",
    [
        ("k=4", True),
        ("k==4.0", True),
        (" K = 4 ", True),
        ("k!=4", False),
        ("k<4", False),
        ("k<=4", True),
        ("k>3.5", True),
        ("k>=5", False),
        ("temperature<=0.5", True),
        ("T<.5", False),
        ("α>0", True),
        ("domain=code", True),
        ("domain=Code", False),
        ("domain~OD", True),
        ("draft~synth", True),
        ("draft~int4", False),
        ("compiled=no", True),
        ("compiled=true", False),
        ("machine=A", True),
        ("verifier=", True),
        ("verifier!=", False),
        ("verifier=token", False),
        ("verifier!=token", True),
        ("verifier>a", False),
        ("time>=2026", True),
        ("tok/s>0", True),
    ],
)
def test_what_holds_of_a_cell(written: str, expected: bool) -> None:
    assert holds(written) is expected


def test_a_value_may_hold_signs_of_its_own() -> None:
    assert holds("draft=lookup > a=b", draft="lookup > a=b")


def test_where_a_policy_decides_it_is_the_draft_length() -> None:
    policy: dict[str, Any] = {"policy": "cost-aware", "k": 8}
    assert value_of(ROW._replace(**policy), "k") == "cost-aware"
    assert holds("k=cost-aware", **policy) and holds("policy~cost", **policy)
    assert not holds("k=8", **policy) and not holds("k<=8", **policy)
    assert not holds("k=cost-aware")


def test_what_has_no_value_is_neither_below_nor_above() -> None:
    assert not holds("speedup<1", speedup=None) and not holds("speedup>=1", speedup=None)
    assert holds("speedup=", speedup=None) and not holds("speedup=")


@pytest.mark.parametrize(
    "written, said",
    [
        ("domains=code", "names 'domains', which is no column; there are .*domain"),
        ("k", "is 'k'; give a column, one of"),
        ("=4", "is '=4'; give a column"),
        ("speedup>fast", "compares speedup with 'fast'; give a number"),
        ("k<few", "compares k with 'few'; give a number"),
        ("compiled=maybe", "asks whether compiled is 'maybe'; give yes or no"),
    ],
)
def test_what_is_none_is_refused(written: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        read_conditions([written])


def test_every_column_is_known_by_its_name_and_by_its_heading() -> None:
    assert [column_named(name, "--sort") for name in FlatCell._fields] == list(FlatCell._fields)
    assert column_named("Max new tokens", "--sort") == "max_new_tokens"
    with pytest.raises(InvalidArgument, match=r"--sort names 'speed'.* speedup"):
        column_named("speed", "--sort")
