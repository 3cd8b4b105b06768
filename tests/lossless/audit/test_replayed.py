"""Verdicts on laws that were summed: exact, bounded, open, off, broken, and a control that is off."""

from dataclasses import replace

import pytest
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.replay_report import ROUNDING, ReplayCase
from specdec_lib.lossless.audit.replayed import audit_by_replaying

P = torch.tensor([0.1, 0.2, 0.7])
LAW = dict(enumerate(P.double().tolist()))


def _drawn(probs=P) -> int:
    return int(probs.multinomial(1))


def _case(decode=_drawn, plain=_drawn, law=LAW, rest=0.0) -> ReplayCase:
    return ReplayCase("three words", 1, lambda: (law, rest), decode, plain)


def test_exact():
    found = audit_by_replaying("ours", [_case(), _case(plain=None)])
    assert (found.verdict, found.exit_code) == ("exact", 0)
    assert [check.test for check in found.checks] == ["exact law", "exact law, no draft", "exact law"]
    assert found.num_replays == 6 and found.distance < ROUNDING and found.says.startswith("ours is exact")


def test_off_by_little_and_by_much():
    shifted = P + torch.tensor([1e-4, 0, -1e-4])
    found = audit_by_replaying("theirs", [_case(), _case(lambda: _drawn(shifted))])
    assert (found.verdict, found.exit_code) == ("not exact", 1)
    assert found.distance == pytest.approx(1e-4, rel=0.01) and "0.0001" in found.says
    lossy = audit_by_replaying("theirs", [_case(lambda: _drawn(shifted))], is_lossy=True)
    assert lossy.is_lossy and lossy.says.startswith(found.says) and len(lossy.says) > len(found.says)


def test_what_is_not_listed_is_one_outcome():
    law, rest = {2: LAW[2]}, LAW[0] + LAW[1]
    assert audit_by_replaying("ours", [_case(law=law, rest=rest)]).verdict == "exact"
    found = audit_by_replaying("theirs", [_case(lambda: _drawn(P.flip(0)), law=law, rest=rest)])
    assert found.verdict == "not exact" and found.distance == pytest.approx(0.6, abs=1e-5)


def test_the_control_decides_whether_anything_is_said():
    found = audit_by_replaying("theirs", [_case(plain=lambda: _drawn(P.flip(0)))])
    assert (found.verdict, found.exit_code) == ("not askable", 2)
    assert len(found.checks) == 1 and found.checks[0].rejected


def test_what_is_not_visited_is_said():
    def long() -> tuple[int, ...]:
        return tuple(int(torch.rand(1) < 0.5) for _ in range(5))

    law = {tuple(map(int, f"{n:05b}")): 1 / 32 for n in range(32)}
    found = audit_by_replaying("ours", [_case(long, None, law)], most_replays=16)
    assert (found.verdict, found.exit_code) == ("open", 2) and found.open_mass == pytest.approx(0.5)
    found = audit_by_replaying("ours", [_case(long, None, law)], most_replays=31)
    assert (found.verdict, found.exit_code) == ("exact as far as seen", 0)
    assert found.checks[0].passed and found.checks[0].bound == pytest.approx(1 / 32)


def test_what_it_raises_is_a_line():
    def broken() -> int:
        raise RuntimeError("no such\nkernel")

    found = audit_by_replaying("theirs", [_case(broken), _case()])
    assert (found.verdict, found.exit_code) == ("not askable", 2)
    assert "RuntimeError: no such kernel" in found.says and len(found.checks) == 2
    assert audit_by_replaying("theirs", [_case(lambda: _drawn(P.flip(0))), _case(broken)]).exit_code == 1


def test_the_document_and_progress():
    told = []

    def long() -> tuple[int, ...]:
        return tuple(int(torch.rand(1) < 0.5) for _ in range(5))

    law = {tuple(map(int, f"{n:05b}")): 1 / 32 for n in range(32)}
    found = audit_by_replaying("ours", [_case(long, None, law)], report=told.append)
    assert len(told) == 1 and "20 replays" in told[0]
    assert found.to_dict()["checks"][0]["verdict"] == "pass" and found.to_dict()["exit_code"] == 0
    with pytest.raises(InvalidArgument, match="at least one"):
        audit_by_replaying("ours", [])


def test_draws_from_elsewhere_are_no_conviction_and_one_text_for_all_is():
    """That the first replay gives the same twice says little, where a token has most of the mass."""
    texts = iter([(1,)] * 25 + [(0,)] + [(1,)] * 100)
    case = ReplayCase("here", 1, lambda: ({(0,): 0.3, (1,): 0.7}, 0.0), lambda: next(texts))
    report = audit_by_replaying("hidden", [case])
    assert report.verdict == "not askable" and "--count" in report.says
    assert audit_by_replaying("stuck", [replace(case, decode=lambda: (1,))]).verdict == "not exact"


def test_an_interruption_leaves_what_was_summed():
    calls = []

    def interrupted() -> tuple[int, ...]:
        calls.append(0)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return tuple(int(torch.rand(1) < 0.5) for _ in range(5))

    law = {tuple(map(int, f"{n:05b}")): 1 / 32 for n in range(32)}
    found = audit_by_replaying("ours", [_case(interrupted, None, law), _case()])
    assert 0 < found.num_replays < 20 and found.open_mass == pytest.approx(1 - found.num_replays / 32)
    assert found.verdict == "open"
    assert found.says.endswith("It was interrupted, after 1 of 2 cases.")

    def at_once() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit_by_replaying("ours", [_case(at_once)])
    found = audit_by_replaying("ours", [_case(), _case(at_once)])
    assert found.verdict == "exact" and found.says.endswith("after 1 of 2 cases.")


def test_control_and_engine_share_the_time():
    told = []
    audit_by_replaying("ours", [_case()], seconds=0.0, report=told.append)
    found = audit_by_replaying("ours", [_case()], seconds=0.0)
    assert found.num_replays == 1 and found.verdict == "open"
