"""A model is what has nine members: one written by hand decodes, drafts and is proved."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tiny_models import bare, tiny_pair
from typing_extensions import get_protocol_members

from specdec_lib.bench.measure.costs import measure_costs
from specdec_lib.bench.measure.subjects import describe
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.draft_model import DraftModel, as_drafter
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.proof import PairProof, ProofPlan
from specdec_lib.models.base import (
    CausalModel,
    check_length,
    expect_widths,
    is_causal_model,
    logits_dtype,
    sound_check,
)
from specdec_lib.models.wrapper import ModelWrapper

WORDS = 6


@dataclass(frozen=True)
class Seen:
    """A cache of another type than any in the library: the sum of the ids so far, at every position."""

    sums: tuple[int, ...] = ()


class Sums:
    """The next token depends on the sum of all ids before it, modulo the vocabulary; no base class."""

    name, vocab_size, context_length, eos_token_ids = "sums", WORDS, 200, (5,)
    device = torch.device("cpu")

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = torch.tensor(rows, dtype=torch.float64)

    @classmethod
    def random(cls, seed: int) -> Sums:
        return cls(np.random.default_rng(seed).dirichlet(np.ones(WORDS), size=WORDS))

    def near(self, share: float) -> Sums:
        """A draft: the same rows, mixed with uniform ones."""
        return Sums(((1 - share) * self.rows + share / WORDS).numpy())

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        sums = list((past_key_values or Seen()).sums)
        start = len(sums)
        for token in input_ids[0].tolist():
            sums.append((sums[-1] if sums else 0) + token)
        rows = [self.rows[total % WORDS].log().float() for total in sums[start:]]
        return torch.stack(rows[-logits_to_keep:])[None], Seen(tuple(sums)) if use_cache else None

    def new_cache(self, max_length=0):
        return Seen()

    def truncate_cache(self, cache, keep_length):
        return Seen(cache.sums[:keep_length])

    def get_cache_length(self, cache):
        return 0 if cache is None else len(cache.sums)

    def law(self, ids: tuple[int, ...], following: tuple[int, ...]) -> float:
        """The probability of ``following`` behind ``ids``."""
        text, chance = list(ids), 1.0
        for token in following:
            chance *= float(self.rows[sum(text) % WORDS, token])
            text.append(token)
        return chance


@pytest.fixture(scope="module")
def pair() -> tuple[Sums, Sums]:
    target = Sums.random(0)
    return target, target.near(0.4)


def test_who_is_a_model_and_who_drafts_otherwise(pair):
    wrapped, _ = tiny_pair("gpt2")
    for model in (*pair, wrapped):
        assert isinstance(model, CausalModel) and is_causal_model(model)
        assert isinstance(as_drafter(model), DraftModel)
    drafter = DraftModel(pair[1])
    assert as_drafter(drafter) is drafter and not is_causal_model(drafter)
    assert not is_causal_model(ModelWrapper) and not is_causal_model(wrapped.model)
    with pytest.raises(InvalidArgument, match="is no drafter"):
        as_drafter(wrapped.model)


def test_the_members_are_nine():
    assert get_protocol_members(CausalModel) == {
        "forward", "new_cache", "truncate_cache", "get_cache_length", "vocab_size", "context_length",
        "eos_token_ids", "device", "name",
    }  # fmt: skip


USES = {
    "decoder": AutoregressiveDecoder,
    "draft model": DraftModel,
    "verify": lambda model: PairProof(model, Sums.random(0), [[1]]),
    "measure_costs": lambda model: measure_costs(model, Sums.random(0), [1], [2], 1),
}


@pytest.mark.unchecked
@pytest.mark.parametrize("operation", USES)
def test_one_that_lacks_members_is_told_which(pair, operation):
    for lacking in (["truncate_cache"], ["device", "new_cache"], ["eos_token_ids"]):
        part = bare(pair[0])
        for name in lacking:
            delattr(part, name)
        said = f"{operation}: SimpleNamespace is no CausalModel: it lacks {', '.join(lacking)};"
        with pytest.raises(InvalidArgument, match=said):
            USES[operation](part)
        assert is_causal_model(part)
        with pytest.raises(InvalidArgument, match=f"draft model: .* lacks {', '.join(lacking)};"):
            SpeculativeDecoder(pair[0], part)
    with pytest.raises(InvalidArgument, match=f"{operation}: Sums is a class; pass an object of it"):
        USES[operation](Sums)


def test_what_a_model_may_lack_has_one_default(pair):
    model = bare(pair[0])
    assert logits_dtype(model) == torch.float32
    model.forward = lambda *_, **__: (torch.zeros(1, 1, WORDS, dtype=torch.bfloat16), None)
    assert logits_dtype(model) == torch.bfloat16
    check_length(model, 3, 1_000)
    expect_widths(model, 1, 5)
    sound_check(model)()
    told = []
    model.dtype, model.check_length = torch.float16, lambda *given: told.append(given)
    model.expect_widths, model.require_sound = model.check_length, lambda: told.append("sound")
    assert logits_dtype(model) == torch.float16
    check_length(model, 3, 7)
    expect_widths(model, 1, 5)
    sound_check(model)()
    assert told == [(3, 7), (1, 5), "sound"]


@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("ignore_eos", [False, True])
def test_both_decoders_emit_the_same_greedy_text(pair, k, ignore_eos):
    target, draft = pair
    expected, text = [], [1, 2]
    while len(expected) < 40 and (ignore_eos or 5 not in expected):
        expected.append(int(target.rows[sum(text) % WORDS].argmax()))
        text.append(expected[-1])
    for decoder in (AutoregressiveDecoder(target), SpeculativeDecoder(target, draft, k)):
        assert decoder.generate([1, 2], 40, 0.0, ignore_eos=ignore_eos).generated_ids == expected


@pytest.mark.parametrize("verifier", ["token", "block"])
@pytest.mark.unchecked
def test_a_sampled_text_has_the_tables_law(pair, verifier):
    target, draft = pair
    decoder = SpeculativeDecoder(target, draft, 2, verifier)
    drawn = [
        tuple(decoder.generate([1, 2], 2, 1.0, seed=i, ignore_eos=True).generated_ids) for i in range(500)
    ]
    for pair_of_ids in {(0, 0), (1, 4), *drawn[:6]}:
        chance = target.law((1, 2), pair_of_ids)
        off = drawn.count(pair_of_ids) / len(drawn) - chance
        assert abs(off) < 5 * math.sqrt(chance * (1 - chance) / len(drawn)) + 1e-9


@pytest.mark.unchecked
def test_the_proof_of_such_a_pair_passes(pair):
    plan = ProofPlan(k=3, num_samples=200, num_tokens=24)
    found = list(PairProof(*pair, [[1, 2], [3], [0, 4, 1], [2, 2]], plan).run())
    assert not any(check.rejected for check in found)
    asked = {check.test for check in found if check.passed is not None}
    assert {"exact, tables", "exact, pair", "one position", "caches", "greedy identity", "endings"} <= asked
    assert {"joint law", "distance", "uniformity", "efficiency"} <= asked


@pytest.mark.unchecked
def test_a_broken_cache_of_its_own_type_is_rejected(pair):
    class Forgets(Sums):
        def truncate_cache(self, cache, keep_length):
            return Seen(tuple(total + 1 for total in cache.sums[:keep_length]))

    plan = ProofPlan(k=3, num_samples=50, num_tokens=24)
    found = PairProof(Forgets(pair[0].rows.numpy()), pair[1], [[1, 2], [3], [0, 4, 1], [2, 2]], plan).run()
    assert next(check for check in found if check.test == "caches").rejected


def test_a_model_without_text_says_so(pair):
    decoder = SpeculativeDecoder(*pair)
    with pytest.raises(InvalidArgument, match="sums knows token ids and no text"):
        decoder.generate_text("a", 3)
    with pytest.raises(InvalidArgument, match="no stop strings"):
        decoder.generate([1], 3, stop_strings=["a"])


def test_a_record_tells_of_it_what_there_is(pair):
    told = describe(pair[0])
    assert (told["name"], told["dtype"], told["parameters"]) == ("sums", "float32", None)
