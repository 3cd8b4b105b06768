"""A session explained: which cells, what is said of parts that were not measured, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from specdec_lib.bench.explain import sentences
from specdec_lib.bench.explain.report import explain_session
from specdec_lib.bench.records.kinds import Record
from specdec_lib.errors import InvalidArgument, RecordError
from tests.bench.sessions import costs, generation, profiled, record, timed


def session() -> list[Record]:
    """Two domains, two temperatures, K = 2 and 4, each measured whole."""
    records = [costs((2, 4))]
    for temperature in (0.0, 0.8):
        for k, accepted in ((2, 1), (4, 2)):
            for domain in ("code", "conversation"):
                records += timed(domain, k, accepted, temperature=temperature)
            records.append(profiled(k, accepted, temperature=temperature))
        records.append(profiled(0, 0, temperature=temperature))
    return records


def without(kind: str, **wanted: Any) -> list[Record]:
    """The session without the records of a kind (and of a configuration)."""

    def is_dropped(one: dict[str, Any]) -> bool:
        return one["kind"] == kind and all(one["config"][key] == value for key, value in wanted.items())

    return [one for one in session() if not is_dropped(one)]


def cells(records: list[Record], **filters: Any) -> list[tuple[float, str, int]]:
    groups = explain_session(records, draws=20, **filters).groups
    return [(cell.temperature, cell.domain, cell.k) for group in groups for cell in group.cells]


def test_by_default_every_temperature_and_k_over_all_domains() -> None:
    assert cells(session()) == [(0.0, "all", 2), (0.0, "all", 4), (0.8, "all", 2), (0.8, "all", 4)]


@pytest.mark.parametrize(
    "filters, expected",
    [
        ({"temperature": 0.8}, [(0.8, "all", 2), (0.8, "all", 4)]),
        ({"domain": "code", "k": 4}, [(0.0, "code", 4), (0.8, "code", 4)]),
        ({"domain": "all", "temperature": 0.0, "k": 2}, [(0.0, "all", 2)]),
    ],
)
def test_filters(filters: dict[str, Any], expected: list) -> None:
    assert cells(session(), **filters) == expected


def test_the_outlook_sees_every_k_whatever_is_shown() -> None:
    [group] = explain_session(session(), temperature=0.0, k=2, draws=20).groups
    assert group.best.k == 2 and [row["k"] for row in group.outlook.curve] == [1, 2, 3, 4]
    assert group.outlook.measured_best_k == 4


def test_one_domain_alone_stands_for_all() -> None:
    alone = [*timed(), profiled(0, 0), profiled(4, 2), costs()]
    assert cells(alone) == cells(alone, domain="all") == [(0.0, "code", 4)]


def test_a_session_that_is_all_arithmetic_leaves_nothing_unexplained() -> None:
    report = explain_session(session(), reach=2.0, draws=20)
    assert report.pair == "pocket" and report.session == "one"
    for group in report.groups:
        for cell in group.cells:
            assert cell.unexplained == pytest.approx(0.0, abs=1e-9)
            assert cell.advice[0].key == "explained" and cell.said("reach") is not None
    assert report.notes == [sentences.interpolated([2, 4])]
    json.dumps(asdict(report), allow_nan=False)


def test_every_k_from_one_on_needs_no_interpolation() -> None:
    records = [*timed(k=1, accepted=1), profiled(0, 0), profiled(1, 1), costs((1,))]
    assert explain_session(records, draws=20).notes == []


def test_a_baseline_that_slows_down_is_noticed() -> None:
    """It takes 1.5 and then 1.8 times what its parts take, the rounds what they should."""
    records = [*timed(prompts=1), profiled(0, 0), profiled(4, 2), costs()]
    for i, one in enumerate(records):
        if one["kind"] == "run" and one["config"]["K"] == 0:
            slow = generation(0, 12, 0, 1.8 if one["repeat"] else 1.5)
            records[i] = one | {"result": slow.to_dict()}
    [group] = explain_session(records, draws=20).groups
    said = group.cells[0].said("check_machine")
    assert said.numbers == pytest.approx({"fastest_ms": 16.5, "slowest_ms": 19.8})
    assert group.cells[0].said("check_baseline") is not None and group.cells[0].said("check_rounds") is None


# -- parts that are missing ------------------------------------------------------------------------


def test_without_any_profile_the_rest_is_said() -> None:
    report = explain_session(without("profile"), draws=20)
    assert report.notes[0] == sentences.NO_PROFILE.format(ks="2, 4")
    for group in report.groups:
        assert {cell.advice[0].key for cell in group.cells} == {"inseparable"}
        assert group.outlook.best_k > 0
        assert all(cell.said("draft") and cell.said("width") for cell in group.cells)


def test_without_the_profile_of_one_k_only_that_is_left_open() -> None:
    report = explain_session(without("profile", K=2), draws=20)
    assert report.notes[0] == sentences.NO_PROFILE.format(ks="2")
    assert [cell.advice[0].key for cell in report.groups[0].cells] == ["inseparable", "explained"]


def test_without_the_baselines_profile_it_is_said() -> None:
    report = explain_session([*timed(prompts=1), profiled(4, 2), costs()], draws=20)
    [cell] = report.groups[0].cells
    assert report.notes[0] == sentences.NO_BASELINE
    assert cell.advice[0].key == "explained"  # its timed step was as long as it should be


def test_without_single_forwards_c_and_v_come_from_the_rounds() -> None:
    report = explain_session(without("costs"), draws=20)
    assert report.notes[0] == sentences.NO_FORWARDS
    for group in report.groups:
        for cell in group.cells:  # the profile was made of the same forwards
            assert (cell.c, cell.v) == pytest.approx((0.1, 1.2))
            assert cell.overhead == pytest.approx(0.2) and cell.unexplained == pytest.approx(0.0, abs=1e-9)


def test_a_drafter_that_proposed_little_is_said_to_have() -> None:
    """Two rounds of K = 4 and six without a draft: a token a round is not what the account charges."""
    said = sentences.DRAFTED_LESS.format(k=4, temperature=0.0, drafted=1.0)
    assert said not in explain_session(session(), draws=20).notes
    records = session()
    for i, one in enumerate(records):
        if one["kind"] == "run" and one["config"]["K"] == 4 and one["config"]["temperature"] == 0.0:
            result = generation(4, 2, 2).to_dict() | {"num_plain_rounds": 6}
            counts = {
                name: result[name]
                for name in result
                if name.startswith("num_") or name.endswith("_per_round")
            }
            records[i] = one | {"result": one["result"] | counts}
    assert said in explain_session(records, draws=20).notes


def test_with_neither_it_is_refused() -> None:
    records = [one for one in session() if one["kind"] == "run"]
    with pytest.raises(RecordError, match="neither single forwards nor profiled rounds"):
        explain_session(records)
    records += [profiled(4, 2)]  # without the baseline's there is no unit
    with pytest.raises(RecordError, match="neither single forwards nor profiled rounds"):
        explain_session(records)


def test_a_k_whose_forward_was_not_timed_is_left_out_by_name() -> None:
    records = [costs((4,)), *(one for one in session() if one["kind"] != "costs")]
    report = explain_session(records, draws=20)
    assert [cell.k for cell in report.groups[0].cells] == [4]
    reason = sentences.WHY_LEFT_OUT["forward"].format(width=3)
    assert sentences.LEFT_OUT.format(k=2, temperature=0.0, reason=reason) in report.notes


# -- sessions in which there is nothing to explain -------------------------------------------------


def _alone(records: list[Record]) -> None:
    records[:] = [one for one in records if one["kind"] != "run" or one["config"]["K"]]


def _one_round(records: list[Record]) -> None:
    for i, one in enumerate(records):
        if one["kind"] == "run" and one["config"]["K"]:
            records[i] = one | {"result": generation(4, 1, 2).to_dict()}


def _no_time(records: list[Record]) -> None:
    for i, one in enumerate(records):
        if one["kind"] == "run":
            records[i] = one | {"result": one["result"] | {"total_time": 0.0, "time_to_first_token": 0.0}}


def _no_verdict(records: list[Record]) -> None:
    for i, one in enumerate(records):
        if one["kind"] == "run" and one["config"]["K"]:
            records[i] = one | {"result": generation(0, 12, 0).to_dict()}


@pytest.mark.parametrize(
    "damage, why",
    [(_alone, "pairs"), (_one_round, "rounds"), (_no_time, "rounds"), (_no_verdict, "verdicts")],
)
def test_a_session_with_nothing_to_explain_says_why(damage: Callable[[list], None], why: str) -> None:
    records = [*timed(), profiled(0, 0), profiled(4, 2), costs()]
    damage(records)
    said = sentences.LEFT_OUT.format(k=4, temperature=0.0, reason=sentences.WHY_LEFT_OUT[why])
    with pytest.raises(RecordError, match=re.escape(said)):
        explain_session(records, draws=20)


def test_a_baseline_alone_is_no_comparison() -> None:
    records = [record("run", "code", 0, 0, 0, generation(0, 4, 0)), costs()]
    with pytest.raises(RecordError, match="no speculative run"):
        explain_session(records)


@pytest.mark.parametrize(
    "filters, why",
    [
        ({"temperature": 0.5}, "no temperature 0.5; choose from 0, 0.8"),
        ({"domain": "poetry"}, "no domain poetry; choose from code, conversation, all"),
        ({"k": 3}, "no K 3; choose from 2, 4"),
        ({"reach": 0.0}, "reach"),
        ({"reach": float("nan")}, "reach"),
    ],
)
def test_a_filter_that_nothing_passes_names_what_there_is(filters: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        explain_session(session(), **filters)


def test_a_cell_that_is_missing_between_others() -> None:
    records = [one for one in session() if one["kind"] != "run" or one["config"]["temperature"] == 0.0]
    records += timed("code", 8, 2, temperature=0.8)
    with pytest.raises(InvalidArgument, match=r"temperature 0\.8, domain all and K 2 at once"):
        explain_session(records, temperature=0.8, k=2)
