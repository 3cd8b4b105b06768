"""A results file is read whatever is in it: torn lines, foreign content, records of other hands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from specdec_lib.bench.records.appending import append_record, require_results
from specdec_lib.bench.records.reading import read_records
from specdec_lib.errors import RecordError
from tests.bench.records.test_schema import make_record


def test_records_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "runs.jsonl"
    written = [make_record(i, text="naïve \u2028 ✓ \n end") for i in range(3)]
    for record in written:
        append_record(path, record)
    assert read_records(path) == (written, [])
    assert path.read_bytes().count(b"\n") == 3


def test_corrupt_lines_are_named_and_the_good_ones_kept(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    good = json.dumps(make_record()).encode()
    missing = make_record()
    del missing["result"]
    bad = [
        good[:40],
        b"\xff\xfe",
        b"[1, 2]",
        b"null",
        json.dumps(make_record(schema=2)).encode(),
        json.dumps(make_record(kind="dream")).encode(),
        json.dumps(missing).encode(),
        json.dumps(make_record(repeat=True)).encode(),
        json.dumps(make_record(config_hash="0" * 12)).encode(),
        json.dumps(make_record(result={"total_time": 1.0})).encode(),
        json.dumps(make_record(result={"generated_ids": [1], "total_time": -1.0})).encode(),
        json.dumps(make_record(config={"K": 4})).encode(),
        b"[" * 100_000,
    ]
    path.write_bytes(b"\n".join([good, *bad, b"", b"  ", json.dumps(make_record(1)).encode()]) + b"\n")
    kept, problems = read_records(path)
    assert len(kept) == 2
    assert [problem.split(": ")[0] for problem in problems] == [f"{path}:{n}" for n in range(2, 2 + len(bad))]
    for problem, word in zip(
        problems,
        [
            "not JSON",
            "UTF-8",
            "list",
            "NoneType",
            "schema 2",
            "'dream'",
            "'result'",
            "bool",
            "config_hash",
            "generated_ids",
            "total_time",
            "missing",
            "deeply",
        ],
        strict=True,
    ):
        assert word in problem
        assert "\n" not in problem


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"nothing\.jsonl: No such file") as caught:
        read_records(tmp_path / "nothing.jsonl")
    assert "\n" not in str(caught.value)


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_record(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    append_record(path, make_record())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_records(path) == ([make_record()], [])
    require_results(path)


def test_a_torn_last_line_spoils_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    append_record(path, make_record(0))
    with path.open("ab") as stream:
        stream.write(b'{"schema": 1, "kind"')
    append_record(path, make_record(1))
    kept, problems = read_records(path)
    assert [record["repeat"] for record in kept] == [0, 1]
    assert len(problems) == 1 and problems[0].startswith(f"{path}:2: not JSON")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none_are_a_problem_line(tmp_path: Path, number: str) -> None:
    path = tmp_path / "runs.jsonl"
    line = json.dumps(make_record(environment={"load": 12345})).replace("12345", number)
    path.write_text(line + "\n" + json.dumps(make_record()) + "\n")
    kept, problems = read_records(path)
    assert len(kept) == 1 and len(problems) == 1 and ":1: not a record (" in problems[0]


def test_a_file_put_together_twice_counts_each_record_once_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    lines = [json.dumps(make_record(i)) + "\n" for i in range(3)]
    reordered = json.dumps(dict(reversed(make_record(0).items()))) + "\n"  # written again by another program
    path.write_text("".join([*lines, *lines, reordered]))
    kept, problems = read_records(path)
    assert [record["repeat"] for record in kept] == [0, 1, 2]
    assert problems == [f"{path}:4: 4 lines repeat earlier ones; each record counts once"]


def test_what_many_records_say_alike_is_held_once_and_what_differs_is_not(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    machines = [{"cores": 2}, {"cores": 4}]
    for repeat in range(6):
        append_record(path, make_record(repeat, environment=machines[repeat % 2]))
    kept, problems = read_records(path)
    assert problems == [] and [record.environment for record in kept] == machines * 3
    assert len({id(record.environment) for record in kept}) == 2


def test_records_that_differ_only_deep_inside_are_two(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    results = [{"generated_ids": [1, 2, n]} for n in (3, 4, 5, 4, 3)]
    path.write_text("".join(json.dumps(make_record(result=result)) + "\n" for result in results))
    kept, problems = read_records(path)
    assert [record["result"]["generated_ids"][-1] for record in kept] == [3, 4, 5]
    assert problems == [f"{path}:4: 2 lines repeat earlier ones; each record counts once"]


def test_a_line_of_the_name_of_what_a_kind_knows_of_itself_is_a_record_as_before(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    append_record(path, make_record(NAMES_TARGET=3, line={}))
    (kept,), problems = read_records(path)
    assert problems == [] and kept["NAMES_TARGET"] == 3
