"""A joint law from laws of one token: whole where everything is told, and of known mass where not."""

from __future__ import annotations

import math

import pytest
from drawn_engines import Rows, letters

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.sampled.prefixes import expand_law

THREE = EngineRequest(3, (1, 2))


class Told:
    """The same table behind every prefix."""

    def __init__(self, table):
        self.table, self.asked = table, []

    def next_law(self, request, continuation):
        self.asked.append(continuation)
        return self.table


@pytest.mark.parametrize("ends", [False, True])
def test_the_whole_law_is_that_of_all_products(ends):
    rows = Rows(1, vocab=3, ends=ends)
    law = expand_law(rows, THREE, mass=1.0)
    exact = rows.joint(THREE)
    assert law.outcomes.keys() == exact.keys() and law.num_requests == 13
    assert all(law.outcomes[one] == pytest.approx(exact[one]) for one in exact)
    assert law.rest < 1e-12 and law.mass == pytest.approx(1)
    assert any(ended for _, ended in law.outcomes) == ends


def test_the_likeliest_prefixes_are_asked_first_and_the_rest_is_known():
    rows = Rows(2, vocab=5, concentration=0.3)
    law = expand_law(rows, THREE, mass=0.6)
    assert law.mass >= 0.6 and law.num_requests < 15
    assert law.mass + law.rest == pytest.approx(1) and law.rest > 0.01
    exact, chances = rows.joint(THREE), []
    for prefix in law.tables:
        chances.append(sum(p for (ids, _), p in exact.items() if ids[: len(prefix)] == prefix))
    assert chances == sorted(chances, reverse=True)
    few = expand_law(rows, THREE, mass=1.0, most_requests=4)
    assert few.num_requests == 4 and few.mass + few.rest == pytest.approx(1)
    assert expand_law(rows, THREE, mass=1.0, enough=lambda: True).num_requests == 1


def test_anything_else_is_known_behind_each_prefix():
    """So that what is rare is still counted where it begins."""
    rows = Rows(2, vocab=5, concentration=0.3)
    law, exact = expand_law(rows, THREE, mass=1.0, most_requests=6), rows.joint(THREE)
    assert law.rests.keys() == law.tables.keys() and len(law.rests) == 6
    for prefix, chance in law.rests.items():
        unlisted = [
            p
            for (ids, ended), p in exact.items()
            if ((ids, ended) not in law.outcomes)
            and max((ids[:n] for n in range(4) if ids[:n] in law.tables), key=len) == prefix
        ]
        assert chance == pytest.approx(sum(unlisted), abs=1e-9)


def test_a_table_of_the_likeliest_tokens_leaves_the_others_to_the_rest():
    law = expand_law(Told({0: 0.5, 1: 0.25, None: 0.125}), EngineRequest(2), mass=1.0)
    assert law.outcomes[(0, 0), False] == 0.25 and law.outcomes[(0,), True] == 0.0625
    assert law.outcomes[(), True] == 0.125 and law.rest == pytest.approx(0.125 + 0.75 * 0.125)


def test_nothing_else_can_come_where_everything_is_told():
    """So a single other outcome refutes it; rounding in a table is no untold mass."""
    assert expand_law(Told({3: 0.7, 4: 0.3 - 1e-12}), EngineRequest(2), mass=1.0).rest == 0.0
    scaled = expand_law(Told({3: 0.7, 4: 0.3005}), EngineRequest(1), mass=1.0)
    assert scaled.mass == pytest.approx(1) and scaled.rest == 0.0


def test_outcomes_that_nobody_will_see_are_left_to_the_rest():
    law = expand_law(Told({3: 1 - 1e-5, 4: 1e-5}), EngineRequest(2), mass=1.0)
    assert ((4, 4), False) not in law.outcomes and law.rest == pytest.approx(1e-10)
    assert ((3, 4), False) in law.outcomes


def test_texts_that_read_alike_are_one():
    law = expand_law(Rows(1, vocab=3), EngineRequest(2, (1,)), mass=1.0)
    read = law.by_text(lambda ids: letters(ids).replace("b", "a"))
    assert set(read.outcomes) == {(text, False) for text in ("aa", "ac", "ca", "cc")} and not read.tables
    alike = [((a, b), False) for a in (0, 1) for b in (0, 1)]
    assert read.outcomes["aa", False] == pytest.approx(sum(law.outcomes[one] for one in alike))
    assert read.mass == pytest.approx(law.mass)


@pytest.mark.parametrize(
    "table",
    [
        {}, {0: 0.0}, {0: 0.8, 1: 0.4}, {0: -0.1, 1: 1.0}, {0: math.nan}, {"a": 1.0}, {-1: 1.0},
        [0.5, 0.5], None, {0: "1"}, {0: math.inf},
    ],
    ids=repr,
)  # fmt: skip
def test_a_table_that_is_none_is_refused(table):
    with pytest.raises(InvalidArgument, match=r"no table of probabilities"):
        expand_law(Told(table), EngineRequest(2))


@pytest.mark.parametrize(
    "request_", [EngineRequest(2, temperature=0.0), EngineRequest(0)], ids=["greedy", "empty"]
)
def test_what_has_no_law_to_count_is_refused(request_):
    with pytest.raises(InvalidArgument, match="needs a temperature above 0 and at least one token"):
        expand_law(Told({0: 1.0}), request_)
