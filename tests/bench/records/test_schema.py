"""A results file survives full disks, torn lines and foreign content."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from specdec_lib.bench.records.kinds import KINDS, fields_of
from specdec_lib.bench.records.schema import (
    append_record,
    problem_of,
    read_records,
    require_results,
    require_writable,
)
from specdec_lib.errors import RecordError
from specdec_lib.profiling.metrics import BenchmarkConfig

CONFIG = BenchmarkConfig("pocket", 4, 0.0, 3, "code", 42)


PHASES = {"rounds": 3, "tokens": 9, "drafted": 12, "total_ms": 30.0, "draft_ms": 3.0}
COSTS = {"context_length": 5, "forwards": [{"model": "target", "width": 1, "seconds": [0.01]}]}
ARM = {"library": "specdec_lib", "method": "speculative", "k": 4, "compiled": False, "options": {}}


def make_record(repeat: int = 0, kind: str = "run", **fields) -> dict:
    return {
        "schema": 1,
        "kind": kind,
        "session": "s",
        "time": "2026-01-01T00:00:00+00:00",
        "config": CONFIG.to_dict(),
        "config_hash": CONFIG.config_hash(),
        "environment": {},
        "models": {"target": {"name": "tiny", "dtype": "float32", "device": "cpu"}},
        "seed": 1,
        "decoder": "SD-K4",
        "prompt_id": "code_000",
        "prompt_tokens": 7,
        "repeat": repeat,
        "result": {"generated_ids": [1, 2, 3]},
    } | fields


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


@pytest.mark.parametrize("content", ["", "\n", '{"schema":1,"sess', '{"schema":7,"kind":"run"}\n'])
def test_a_file_that_records_went_to_takes_more(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.jsonl"
    require_results(path)  # not there yet
    path.write_text(content)
    require_results(path)


@pytest.mark.parametrize("content", ['{"model_type": "llama"}', "prose\n", '{"prompt": "the cat"}\n', "\0\1"])
def test_a_file_of_something_else_takes_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(content)
    with pytest.raises(RecordError, match="holds no record but something else"):
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


@pytest.mark.parametrize(
    "record, why",
    [
        ({}, "schema None"),
        (make_record(environment={"load": float("nan")}), "not JSON"),
        (make_record(environment={"ids": {1, 2}}), "not JSON"),
        (make_record(decoder=4), "'decoder' is int"),
    ],
)
def test_what_is_no_record_is_refused_before_the_file_is_touched(
    tmp_path: Path, record: dict, why: str
) -> None:
    with pytest.raises(RecordError, match=why):
        append_record(tmp_path / "runs.jsonl", record)
    assert not (tmp_path / "runs.jsonl").exists()


@pytest.mark.parametrize("sequence", [["part", "full"], ["full"]])
def test_a_disk_that_fills_up_in_the_middle_of_a_line(tmp_path, monkeypatch, sequence: list[str]) -> None:
    path = tmp_path / "runs.jsonl"
    append_record(path, make_record(0))
    before = path.read_bytes()
    real_write, steps = os.write, iter(sequence)

    def failing_write(descriptor: int, data) -> int:
        if next(steps) == "part":
            return real_write(descriptor, bytes(data[:25]))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", failing_write)
    with pytest.raises(RecordError, match="No space left on device; the record was not written") as caught:
        append_record(path, make_record(1))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    monkeypatch.undo()
    append_record(path, make_record(2))
    assert [record["repeat"] for record in read_records(path)[0]] == [0, 2]


def test_a_disk_that_reports_the_failure_only_when_synced(tmp_path, monkeypatch) -> None:
    path = tmp_path / "runs.jsonl"
    append_record(path, make_record(0))
    before = path.read_bytes()

    def failing_sync(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", failing_sync)
    with pytest.raises(RecordError, match="Input/output error"):
        append_record(path, make_record(1))
    assert path.read_bytes() == before


def test_an_interrupt_while_writing_leaves_no_half_line(tmp_path, monkeypatch) -> None:
    path = tmp_path / "runs.jsonl"
    append_record(path, make_record(0))
    before, real_write = path.read_bytes(), os.write
    calls = iter(["part", "interrupt"])

    def interrupted_write(descriptor: int, data) -> int:
        if next(calls) == "part":
            return real_write(descriptor, bytes(data[:25]))
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupted_write)
    with pytest.raises(KeyboardInterrupt):
        append_record(path, make_record(1))
    assert path.read_bytes() == before


def test_a_real_limit_on_the_file_size(tmp_path: Path) -> None:
    """The kernel itself cuts the write short: what a full file system does, without filling one."""
    path = tmp_path / "runs.jsonl"
    append_record(path, make_record(0))
    before = path.read_bytes()
    program = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from tests.bench.records.test_schema import make_record
        from specdec_lib.bench.records.schema import append_record
        from specdec_lib.errors import RecordError
        path = Path(sys.argv[1])
        limit = path.stat().st_size + 100
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            append_record(path, make_record(1))
        except RecordError as error:
            print(error)
    """)
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert "File too large; the record was not written" in done.stdout, done.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_that_a_kind_needs_is_missed(kind: str) -> None:
    growth = {"vary": "k", "value": 4, "seconds": {}, "weight_bytes": 1.0, "copy_bytes_per_second": 1.0}
    record = make_record(kind=kind, phases=PHASES, pair="pocket", costs=COSTS, arm=ARM, **growth)
    assert problem_of(record) is None
    for name in (field.name for field in fields_of(kind) if field.is_needed):
        assert name in problem_of({key: value for key, value in record.items() if key != name})


def test_appending_to_a_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="directory"):
        append_record(tmp_path, make_record())


# -- records of other hands ------------------------------------------------------------------------

TARGET = {"name": "tiny", "dtype": "float32", "device": "cpu"}


@pytest.mark.parametrize(
    "kind, change, said",
    [
        ("run", {"models": {}}, "'models' names no target"),
        ("run", {"models": {"target": None}}, "'models' names no target"),
        ("run", {"models": {"target": "gpt2"}}, "'models' holds target 'gpt2'"),
        ("peer", {"models": {"target": {"name": "x"}}}, "'models' says no dtype, device of the target"),
        (
            "run",
            {"models": {"target": TARGET, "draft": {"name": 3}}},
            "says no name of the draft",
        ),
        ("run", {"first_difference": "x"}, "'first_difference' is 'x'"),
        ("run", {"first_difference": 1.5}, "'first_difference' is 1.5"),
        ("run", {"first_difference": True}, "'first_difference' is True"),
        ("peer", {"first_difference": -2}, "'first_difference' is -2"),
        ("peer", {"logit_gap": "wide"}, "'logit_gap' is 'wide'"),
        ("peer", {"new_graphs": None, "reference": 5}, "'reference' is 5"),
        ("run", {"repeat": -1}, "'repeat' is -1, not a count"),
        ("run", {"prompt_tokens": -1}, "'prompt_tokens' is -1"),
        ("run", {"prompts": "mine.jsonl"}, "'prompts' is 'mine.jsonl'"),
        ("profile", {"phases": {}}, "'phases' holds no number for rounds, tokens, drafted, total_ms"),
        ("profile", {"phases": PHASES | {"draft_ms": None}}, "no number for draft_ms"),
        ("profile", {"phases": PHASES | {"tokens": -1}}, "no number for tokens"),
        ("costs", {"costs": {}}, "'costs' holds no list of forwards"),
        ("costs", {"costs": {"forwards": [1]}}, "'costs' holds a forward (0) without"),
        ("costs", {"costs": {"forwards": [{"model": "target", "width": 1, "seconds": []}]}}, "a forward (0)"),
        (
            "costs",
            {"costs": {"forwards": [{"model": "target", "width": 1, "seconds": "x"}]}},
            "a forward (0)",
        ),
        ("arm", {"arm": {}}, "nothing sound about library, method, compiled"),
        ("arm", {"arm": ARM | {"compile_seconds": "long"}}, "nothing sound about compile_seconds"),
        ("arm", {"arm": ARM | {"refused": ["no"]}}, "nothing sound about refused"),
        ("scaling", {"seconds": {"ours": [1, "two"]}}, "'seconds' holds no list of seconds for ours"),
    ],
)
def test_what_a_field_holds_is_looked_at(kind: str, change: dict, said: str) -> None:
    growth = {"vary": "k", "value": 4, "seconds": {"ours": [0.1]}}
    record = make_record(kind=kind, phases=PHASES, pair="pocket", costs=COSTS, arm=ARM, **growth)
    assert problem_of(record) is None
    problem = problem_of(record | change)
    assert problem is not None and said in problem and "\n" not in problem


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


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "r.jsonl", tmp_path / "file" / "deeper" / "r.jsonl"):
        with pytest.raises(RecordError, match=r"r\.jsonl: its folder is a file; choose another --output"):
            require_writable(path)
