"""Laws from log-probabilities: what is told, what is missing, and what a request makes of it."""

from __future__ import annotations

import math

import pytest

from specdec_lib.errors import ServerFailed
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.servers.told import is_told_whole, read_law, warped_law, with_one_end

LAW = {7: 0.5, 2: 0.3, 4: 0.2}


def request(**given) -> EngineRequest:
    return EngineRequest(1, (1,), **given)


def test_a_law_is_read_from_log_probabilities_and_zeros_are_left_out():
    law = read_law([(7, math.log(0.5)), (2, math.log(0.3)), (9, -3.4e38)], "s")
    assert law == pytest.approx({7: 0.5, 2: 0.3}) and not is_told_whole(law) and is_told_whole(LAW)
    assert read_law([(1, 5e-4)], "s") == {1: 1.0}  # rounding in float32


@pytest.mark.parametrize("pairs", [[(1, -1.0), (1, -2.0)], [(1, 0.01)], [(1, -0.1), (2, -0.1)]])
def test_what_is_no_law_is_refused(pairs):
    with pytest.raises(ServerFailed, match=r"^s: the log-probabilities are no law"):
        read_law(pairs, "s")


def test_temperature_and_cut_are_those_of_the_request():
    assert warped_law(LAW, request(), "s") == LAW
    assert warped_law(LAW, request(temperature=0.0), "s") == {7: 1.0}
    squares = {7: 0.25, 2: 0.09, 4: 0.04}
    assert warped_law(LAW, request(temperature=0.5), "s") == pytest.approx(
        {token: square / 0.38 for token, square in squares.items()}
    )
    assert warped_law(LAW, request(top_k=2), "s") == pytest.approx({7: 0.625, 2: 0.375})
    assert warped_law({7: 0.5, 2: 0.1}, request(top_k=1, temperature=3.0), "s") == {7: 1.0}
    assert warped_law({7: 0.5}, request(), "s") == {7: 0.5}
    assert warped_law({7: 1e-300, 2: 1.0}, request(temperature=1e-3), "s") == {7: 0.0, 2: 1.0}


@pytest.mark.parametrize("given", [{"temperature": 0.5}, {"top_k": 3}])
def test_what_is_untold_cannot_be_warped(given):
    with pytest.raises(ServerFailed, match=r"2 tokens with 0.8000 of the law"):
        warped_law({7: 0.5, 2: 0.3}, request(**given), "s")


def test_all_ends_of_a_text_are_one():
    assert with_one_end(LAW, {7, 4}) == pytest.approx({2: 0.3, None: 0.7})
    assert with_one_end(LAW, {1}) == LAW
