"""The law of a batch, summed over every branch of chance: each row its own, and no row knows of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import pytest
import torch

from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.rejection import PLANS, Verdict, next_law
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.evidence.chi_square import chi_square_test
from specdec_lib.lossless.laws.enumeration import verdict_probabilities
from specdec_lib.lossless.laws.table_model import TableModel

VOCAB, LENGTH, PROMPTS = 2, 3, ([1, 0], [1])
TARGET = TableModel.random(VOCAB, seed=5)
DRAFT = TARGET.near(seed=6, weight=0.7)


class Branches:
    """Chance as a script: each choice is taken in every way, one run of the decoder a branch."""

    def __init__(self) -> None:
        self.script: list[int] = []
        self.probability, self._asked = 1.0, 0
        self._open: list[int] = []

    def choose(self, law: list[float]) -> int:
        """An outcome of that law: the scripted one, or the first that can happen."""
        possible = [outcome for outcome, chance in enumerate(law) if chance > 0]
        if self._asked == len(self.script):
            self.script.append(0)
            self._open.append(len(possible))
        outcome = possible[self.script[self._asked]]
        self._asked += 1
        self.probability *= law[outcome]
        return outcome

    def runs(self, run: Callable[[], tuple[int, ...]]) -> Iterator[tuple[tuple[int, ...], float]]:
        """What every branch gives, and its probability."""
        while True:
            self.probability, self._asked = 1.0, 0
            yield run(), self.probability
            while self.script and self.script[-1] + 1 == self._open[-1]:
                self.script.pop(), self._open.pop()
            if not self.script:
                return
            self.script[-1] += 1


class ScriptedDraft:
    """A drafter that draws from the draft table as the branches say; it keeps nothing."""

    vocab_size, context_length, name = VOCAB, None, "scripted"

    def __init__(self, branches: Branches) -> None:
        self.branches = branches

    def start(self, prompt_ids, end=0):
        return self

    def roll_back(self, keep_length):
        pass

    def propose(self, context_ids, k, params, generator):
        ids, rows = list(context_ids), []
        for _ in range(k):
            logits = DRAFT.forward(torch.tensor([ids]), use_cache=False, logits_to_keep=1)[0][0, -1]
            rows.append(probs_from_logits(logits.double(), params))
            ids.append(self.branches.choose(rows[-1].tolist()))
        return Proposal(torch.tensor(ids[len(context_ids) :]), torch.stack(rows))


def scripted_verifier(branches: Branches, verifier: str):
    def verify(target_probs, draft_probs, draft_ids, *, generator):
        plan = PLANS[verifier](target_probs.double(), draft_probs.double(), draft_ids)
        num = branches.choose(verdict_probabilities(plan))
        law = next_law(plan, target_probs.double(), draft_probs.double(), torch.tensor(num))
        kind = "bonus" if num == len(draft_ids) else "corrected"
        return Verdict(num, branches.choose(law.tolist()), kind, draft_ids.tolist())

    return verify


@pytest.mark.unchecked
@pytest.mark.parametrize(("k", "verifier"), [(1, "token"), (2, "token"), (2, "block")])
def test_two_rows_are_independent_and_each_has_the_targets_law(k, verifier):
    branches = Branches()
    decoder = SpeculativeDecoder(TARGET, ScriptedDraft(branches), k)
    decoder.verify = scripted_verifier(branches, verifier)
    lengths = (LENGTH, 2)
    law = dict.fromkeys(product(range(VOCAB), repeat=sum(lengths)), 0.0)
    count = 0

    def run():
        first, second = decoder.generate_batch(PROMPTS, list(lengths), 1.0, seed=0)
        return (*first.generated_ids, *second.generated_ids)

    for ids, probability in branches.runs(run):
        law[ids] += probability
        count += 1
    assert count > 2 * len(law) and sum(law.values()) == pytest.approx(1, abs=1e-6)
    rows = [TARGET.law(list(prompt), n) for prompt, n in zip(PROMPTS, lengths, strict=True)]
    expected = torch.outer(*map(torch.tensor, rows)).flatten().tolist()
    for outcome, chance in zip(law.values(), expected, strict=True):
        assert outcome == pytest.approx(chance, abs=1e-6)  # logits are float32


@pytest.mark.unchecked
@pytest.mark.parametrize("verifier", ["token", "block"])
def test_the_joint_law_of_two_rows_is_counted(verifier):
    """Draws as they are drawn: a chance that two rows share would show in the joint law alone."""
    decoder = SpeculativeDecoder(TARGET, DRAFT, 2, verifier)
    counts = torch.zeros(16)
    for run in range(2_000):
        first, second = decoder.generate_batch([[1, 0], [1, 0]], 2, 1.0, seed=[2 * run, 2 * run + 1])
        counts[int("".join(map(str, first.generated_ids + second.generated_ids)), 2)] += 1
    law = torch.tensor(TARGET.law([1, 0], 2))
    test = chi_square_test(counts.numpy(), torch.outer(law, law).flatten().numpy())
    assert test.p_value > 1e-4


def test_a_row_is_the_text_of_its_seed_whatever_its_neighbours():
    target = TableModel.random(9, seed=1)
    decoder = SpeculativeDecoder(target, target.near(seed=2, weight=0.4), k=3)
    params = replace(SamplingParams(0.8), top_k=5, repetition_penalty=1.2)
    prompts = [[1], [2, 3, 4], [5, 6], [1]]
    rows = decoder.generate_batch(prompts, [20, 9, 31, 20], params, seed=4)
    for place, (prompt, budget, row) in enumerate(zip(prompts, [20, 9, 31, 20], rows, strict=True)):
        alone = decoder.generate(prompt, budget, params, seed=4 + place)
        assert row.generated_ids == alone.generated_ids
        assert row.accepted_per_round == alone.accepted_per_round
    assert rows[0].generated_ids != rows[3].generated_ids  # another seed, so another text
