"""Answers as numbers: listed outcomes, anything else where it begins, tokens one by one."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_engines import DrawnEngine, Rows, letters, other_stream

from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.sampled.cells import CellTable, answer_cells, wrong_lengths
from specdec_lib.lossless.audit.sampled.prefixes import expand_law

TWO = EngineRequest(2, (1, 2))


def test_what_is_not_listed_is_counted_where_it_begins():
    rows = Rows(2, vocab=5, concentration=0.3)
    law = expand_law(rows, TWO, mass=1.0, most_requests=3)
    table = CellTable.of_laws([law])
    assert table.law.sum() == pytest.approx(1) and len(table.cells) == 10 + 3
    asked = [prefix for prefix in law.tables if prefix]
    other = next(token for token in range(5) if (token,) not in asked)
    cells = answer_cells(
        [Answer((*asked[0], 3)), Answer((other, 3)), Answer((*asked[0], 3), ended=True)], 1, False
    )
    places = [table.cells[place] for place in table.places(cells)]
    assert places == [(0, ((*asked[0], 3), False)), (0, ((), None)), (0, (asked[0], None))]


def test_the_counts_of_a_right_engine_follow_the_law_of_a_part():
    rows = Rows(2, vocab=5, concentration=0.3)
    law, engine = expand_law(rows, TWO, most_requests=3), DrawnEngine(rows.joint(TWO), uniform=other_stream)
    table = CellTable.of_laws([law])
    answers = [engine.answer(EngineRequest(2, (1, 2), seed=seed)) for seed in range(4_000)]
    places = table.places(answer_cells(answers, 1, False))
    counts = table.counts(places)
    assert np.abs(counts / 4_000 - table.law).max() < 0.03
    assert (table.halves(places).sum(0) == counts).all()
    for position in (0, 1):
        groups = table.at_token(position)
        assert np.bincount(groups, weights=table.law).sum() == pytest.approx(1)


def test_cells_of_one_token_are_one_group_and_an_end_is_its_own():
    cells = [
        (0, ((1, 2), False)),
        (0, ((1, 3), False)),
        (0, ((1,), True)),
        (0, ((), None)),
        (1, ((1, 2), False)),
    ]
    table = CellTable.of_samples(cells)
    first, second = (
        {cell: group for cell, group in zip(table.cells, table.at_token(n), strict=True)} for n in (0, 1)
    )
    assert first[cells[0]] == first[cells[1]] == first[cells[2]] != first[cells[3]]
    assert first[cells[4]] not in {first[cells[0]], first[cells[3]]}
    assert len({second[cell] for cell in cells}) == 5


def test_the_order_of_cells_does_not_tell_whose_they_are():
    ours, theirs = [(0, ((3,), False)), (0, ((1,), False))], [(0, ((2,), False))]
    assert CellTable.of_samples(ours, theirs).cells == CellTable.of_samples(theirs, ours).cells


def test_texts_are_those_told_or_read():
    answers = [Answer((0, 1), "told"), Answer((0, 1)), Answer(None, "text", ended=True)]
    told = [cell[1] for cell in answer_cells(answers, 1, True, letters)]
    assert told == [("told", False), ("ab", False), ("text", True)]


def test_lengths_are_wrong_without_an_end_or_beyond_what_was_asked():
    answers = [Answer((1, 2)), Answer((1,), ended=True), Answer((1,)), Answer((1, 2, 3)), Answer(None, "a")]
    assert wrong_lengths(answers, [TWO]) == 2
