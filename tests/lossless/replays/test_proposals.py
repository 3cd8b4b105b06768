"""Any drafter on trial: what is right passes, whatever it proposes; what lies about its law does not."""

from __future__ import annotations

import pytest
import torch
from tiny_models import VOCAB, prompts, tiny_pair

from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.drafters.draft_model import DraftModel
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.proof import PairProof, ProofPlan, verdict_on
from specdec_lib.lossless.replays.proposals import FixedDrafts, recorded

pytestmark = pytest.mark.unchecked

PLAN = ProofPlan(("token",), k=3, num_samples=60, num_tokens=8, joint_top_k=3)
COUNTED = {"independence", "efficiency"}
"""Rows that five texts of eight tokens have too few rounds for."""


class Copies:
    """Proposes the last tokens of the text once more, one-hot."""

    vocab_size, context_length, name = VOCAB, None, "copies"
    share = 1.0
    """Of q that the proposed token gets; the rest is uniform, which is a lie below 1."""

    def start(self, prompt_ids, end=0):
        return self

    def propose(self, context_ids, k, params, generator):
        return self.said(context_ids[-self.count(context_ids, k) :] if self.count(context_ids, k) else [])

    def said(self, ids):
        ids = torch.tensor(ids, dtype=torch.long)
        rows = torch.nn.functional.one_hot(ids, VOCAB).float().reshape(len(ids), VOCAB)
        return Proposal(ids, self.share * rows + (1 - self.share) / VOCAB)

    def count(self, context_ids, k):
        return min(k, len(context_ids))

    def roll_back(self, keep_length):
        pass


class Shy(Copies):
    """Never proposes anything."""

    def count(self, context_ids, k):
        return 0


class Moody(Copies):
    """Proposes one token, and only behind texts of even length."""

    def count(self, context_ids, k):
        return int(len(context_ids) % 2 == 0)


class Liar(Copies):
    """Proposes always the same, and says it was drawn from something broader."""

    share = 0.6


class Random(Copies):
    """Draws uniformly, and says so."""

    share = 0.0

    def propose(self, context_ids, k, params, generator):
        return self.said(torch.randint(VOCAB, (k,), generator=generator).tolist())


@pytest.fixture(scope="module")
def target():
    return tiny_pair("llama")[0]


def verdicts(target, drafter) -> dict[str, str]:
    return {
        check.test: check.verdict for check in PairProof(target, drafter, prompts(5, longest=12), PLAN).run()
    }


@pytest.mark.parametrize(
    ("drafter", "not_asked"),
    [
        (Copies(), set()),
        (Moody(), set()),
        (Shy(), {"one position"}),
        (Random(), {"exact, pair"}),
    ],
    ids=lambda value: getattr(value, "__class__", type(value)).__name__,
)
def test_a_drafter_that_is_right_is_rejected_nowhere(target, drafter, not_asked):
    found = verdicts(target, drafter)
    assert "rejected" not in found.values(), found
    assert {test for test, verdict in found.items() if verdict == "not applicable"} == not_asked | COUNTED


def test_a_drafter_that_lies_about_its_law_is_rejected(target):
    found = list(PairProof(target, Liar(), prompts(5, longest=12), PLAN)._exact())
    assert "exact, pair" in {check.test for check in found if check.rejected}
    assert "is not exact" in verdict_on("it", found)


def test_a_draft_model_as_a_drafter_is_recorded_and_cannot_be_listed(target):
    """It draws: no prefix has one answer, and what it says of its law is what it drew from."""
    draft = DraftModel(tiny_pair("llama")[1])
    fixed = FixedDrafts(draft, prompts(1)[0], SamplingParams(2.0))
    fixed.at((), 2)
    assert not fixed.is_fixed
    decoder = SpeculativeDecoder(target, draft, 3)
    recorder = recorded(decoder)
    result = decoder.generate(prompts(1)[0], 12, 0.8, seed=0, trace=True)
    length = len(prompts(1)[0])
    for round_ in result.trace.rounds:
        if round_.draft_ids:
            made = recorder.made[length]
            assert made.ids.tolist() == round_.draft_ids
            said = made.probs.gather(1, made.ids[:, None])[:, 0].tolist()
            assert said == pytest.approx(round_.draft_picked)
        length += len(round_.token_ids)


def test_a_peaked_law_that_never_varied_is_not_taken_for_fixed():
    """What repeats itself by its own q's leave has not lied: it is sampled, not listed."""

    class Peaked(Copies):
        share = 0.9999

    fixed = FixedDrafts(Peaked(), [1, 2, 3], SamplingParams(1.0))
    fixed.at((), 2)
    assert not fixed.is_fixed


class Reusing(Copies):
    """Copies, out of buffers that it fills anew at each call."""

    def __init__(self):
        self.ids, self.probs = torch.zeros(8, dtype=torch.long), torch.zeros(8, VOCAB)

    def said(self, ids):
        made = super().said(ids)
        self.ids[: len(ids)], self.probs[: len(ids)] = made.ids, made.probs
        return Proposal(self.ids[: len(ids)], self.probs[: len(ids)])


class Drawing(Reusing, Random):
    """Draws, out of the same buffers."""


def test_an_answer_out_of_a_buffer_that_is_used_again_stays_what_it_was():
    params = SamplingParams(1.0)
    fixed, plain = FixedDrafts(Reusing(), [1, 2, 3], params), FixedDrafts(Copies(), [1, 2, 3], params)
    for emitted in ((), (4,), (5, 6)):
        fixed.at(emitted, 2), plain.at(emitted, 2)
    assert fixed.is_fixed
    for emitted in ((), (4,), (5, 6)):
        ours, theirs = fixed.at(emitted, 2), plain.at(emitted, 2)
        assert ours.ids.tolist() == theirs.ids.tolist() and torch.equal(ours.probs, theirs.probs)
    drawing = FixedDrafts(Drawing(), [1, 2, 3], params)
    drawing.at((), 2)
    assert not drawing.is_fixed, "what draws is seen to draw, out of a buffer too"
