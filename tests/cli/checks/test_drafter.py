"""A drafter of one's own is asked, and what it does wrong is said."""

from __future__ import annotations

from pathlib import Path

import pytest

MINE = """
import torch
from specdec_lib.decoding.drafters.base import Proposal

class Repeat:
    context_length, name = None, "repeat"

    def __init__(self, target):
        self.vocab_size = target.vocab_size

    def start(self, prompt_ids, end=0):
        return self

    def roll_back(self, keep_length):
        pass

    def propose(self, context_ids, k, params, generator):
        return self.proposal([context_ids[-1]] * k)

    def proposal(self, ids):
        ids = torch.tensor(ids, dtype=torch.long)
        return Proposal(ids, torch.nn.functional.one_hot(ids, self.vocab_size).float())

class Silent(Repeat):
    def propose(self, context_ids, k, params, generator):
        return self.proposal([])

class Broken(Repeat):
    def propose(self, context_ids, k, params, generator):
        return 1 / 0

class Raising(Repeat):
    def propose(self, context_ids, k, params, generator):
        raise RuntimeError("one\\ntwo\\nthree")

class Wordless(Repeat):
    def propose(self, context_ids, k, params, generator):
        raise BrokenPipeError

class Leaving(Repeat):
    def propose(self, context_ids, k, params, generator):
        raise SystemExit("enough")

class Negative(Repeat):
    def proposal(self, ids):
        made = super().proposal(ids)
        made.probs[:, 0] += 1
        made.probs[:, 1] -= 1
        return made

class Zeros(Repeat):
    def proposal(self, ids):
        return Proposal(super().proposal(ids).ids, torch.zeros(len(ids), self.vocab_size))

class Lawless(Repeat):
    def proposal(self, ids):
        return Proposal(super().proposal(ids).ids, None)

class Narrow(Repeat):
    def __init__(self, target):
        self.vocab_size = target.vocab_size - 1
"""


@pytest.mark.parametrize(
    ("name", "code", "status", "said"),
    [
        ("Repeat", 0, "ok", "'repeat' proposes: "),
        ("Silent", 0, "note", "proposed nothing for 'the cat sat"),
        ("Broken", 1, "bad", "the drafter raised ZeroDivisionError: division by zero ("),
        ("Broken", 1, "bad", "mine_to_look_at.py, line 30)"),
        ("Raising", 1, "bad", "the drafter raised RuntimeError: one two three ("),
        ("Wordless", 1, "bad", "the drafter raised BrokenPipeError ("),
        ("Leaving", 1, "bad", "the drafter raised SystemExit: enough ("),
        ("Negative", 1, "bad", "row 0 of its probs sums to 1, from -1 on"),
        ("Zeros", 1, "bad", "row 0 of its probs sums to 0, from 0 on"),
        ("Lawless", 1, "bad", "propose gave no probs at temperature 0.7"),
        ("Narrow", 1, "bad", "256"),
        ("Nobody", 1, "bad", "no attribute 'Nobody'"),
    ],
)
def test_a_drafter_of_ones_own_is_asked(
    specdec, own, tmp_path: Path, monkeypatch, name: str, code: int, status: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_to_look_at.py").write_text(MINE)
    shown = specdec("doctor", *own[:2], "--drafter", f"mine_to_look_at:{name}", "--json")
    checks = {check["name"]: check for check in shown.document["checks"]}
    assert shown.code == code and list(checks) == ["target", "memory", "drafter"]
    assert checks["drafter"]["status"] == status and said in checks["drafter"]["detail"]
    assert "\n" not in checks["drafter"]["detail"]


def test_a_drafter_is_not_tried_on_a_target_that_does_not_run(specdec, monkeypatch) -> None:
    def unreachable(*arguments, **options) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)
    shown = specdec("doctor", "--target", "nobody/never-made", "--drafter", "json:JSONDecoder", "--json")
    checks = {check["name"]: check["status"] for check in shown.document["checks"]}
    assert shown.code == 1 and checks == {"target": "bad", "memory": "note", "drafter": "note"}
