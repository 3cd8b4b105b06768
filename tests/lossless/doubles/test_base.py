"""Drafts of no use, and pairs of two vocabularies, in a proof: they cost speed, and the verdict stands."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from tiny_models import VOCAB, prompts, tiny_pair

from specdec_lib.lossless import sentences
from specdec_lib.lossless.doubles.base import DraftReader, in_eager_mode
from specdec_lib.lossless.mutants.gallery import find_mutant
from specdec_lib.lossless.mutants.judges import judge_of
from specdec_lib.lossless.proof import PairProof, ProofPlan
from specdec_lib.models.architecture.soundness import drafting, sound_draft
from specdec_lib.models.caches.fixed import FixedCache
from specdec_lib.models.wrapper import ModelWrapper

pytestmark = pytest.mark.unchecked

PLAN = ProofPlan(("token",), k=3, num_samples=200, num_tokens=16)
OVERFLOWS = range(0, VOCAB, 3)


def damaged(model: ModelWrapper, kind: str) -> ModelWrapper:
    """A copy whose logits are no numbers: always, in one column, or once a token of three was read."""
    broken = copy.deepcopy(model.model)
    with torch.no_grad():
        if kind == "behind some tokens":
            broken.get_input_embeddings().weight[OVERFLOWS] = math.nan
        elif kind == "+inf":
            broken.lm_head.weight.fill_(math.inf)
        else:
            broken.lm_head.weight[slice(None) if kind == "NaN" else 5] = math.nan
    return ModelWrapper(broken)


def masked(model: ModelWrapper) -> ModelWrapper:
    """A copy that must not propose some ids, as where two vocabularies differ."""
    return ModelWrapper(copy.deepcopy(model.model), masked_ids=(3, 70, VOCAB - 1))


def test_a_compiled_model_is_kept_out_of_its_graphs_and_stays_as_it_is(monkeypatch):
    model, _ = tiny_pair("llama")
    wrapper = ModelWrapper(model.model, compile=True)
    assert wrapper.compiled.active
    monkeypatch.setattr(wrapper.compiled, "run", lambda *_: pytest.fail("a graph was asked for"))
    eager, text, caches = in_eager_mode(wrapper), torch.tensor([[1, 2, 3]]), []
    for start in (lambda: None, eager.new_cache, lambda: eager.new_cache(8)):
        logits, cache = eager.forward(text, start())
        again, cache = eager.forward(text, eager.truncate_cache(cache, 1), logits_to_keep=1)
        torch.testing.assert_close(logits, model.forward(text)[0])
        torch.testing.assert_close(
            again, model.forward(torch.tensor([[1, 1, 2, 3]]), logits_to_keep=1)[0], atol=1e-4, rtol=0
        )
        caches.append(cache)
    torch.testing.assert_close(eager.forward(text, use_cache=False)[0], model.forward(text)[0])
    assert not any(isinstance(cache, FixedCache) for cache in caches)
    assert isinstance(wrapper.new_cache(), FixedCache) and wrapper.compiled.active
    assert in_eager_mode(model) is model and in_eager_mode(eager) is eager


def rows(found) -> dict[str, str]:
    return {check.test: check.verdict for check in found}


@pytest.mark.parametrize("kind", ["NaN", "one column", "+inf", "behind some tokens", "masked"])
def test_a_draft_of_no_use_leaves_the_verdict_as_it_is(kind):
    target, draft = tiny_pair("llama")
    draft = masked(draft) if kind == "masked" else damaged(draft, kind)
    found = rows(PairProof(target, draft, prompts(6), PLAN).run())
    assert "rejected" not in found.values()
    asked = {test for test, verdict in found.items() if verdict == "pass"}
    assert asked >= {"one position", "caches", "greedy identity", "endings", "joint law", "uniformity"}
    assert ("exact, pair" in asked) == (kind == "masked")  # a uniform draft is too broad to be listed


def test_a_mistake_is_seen_though_the_draft_is_of_no_use():
    target, draft = tiny_pair("llama")
    mutant = find_mutant("residual_is_p")
    proof = PairProof(
        target,
        damaged(draft, "NaN"),
        prompts(6),
        PLAN,
        build=lambda target, draft, k, verifier: mutant.build(target, draft, k),
        judge_of=lambda decoder: judge_of(mutant, decoder),
    )
    assert {"exact, tables", "one position"} <= {c.test for c in proof.run() if c.rejected}


@pytest.mark.parametrize("kind", ["NaN", "behind some tokens"])
@pytest.mark.parametrize("held", [0, 2])
def test_each_row_is_the_law_behind_its_own_prefix(kind, held):
    """A forward of several tokens spoils what stands before the one that overflows; the loop asks for one."""
    draft = damaged(tiny_pair("llama")[1], kind)
    text = [1, 2, 4, 5, 6, 7, 8]  # the fifth overflows
    reader, cache = DraftReader(draft), None
    if held:
        _, cache = reader.forward(torch.tensor([text[:held]]))
    read, cache = reader.forward(torch.tensor([text[held:]]), cache)
    assert reader.get_cache_length(cache) == len(text) and read.isfinite().all()
    with drafting():
        alone = [draft.forward(torch.tensor([text[:n]]), logits_to_keep=1)[0] for n in range(held + 1, 8)]
    torch.testing.assert_close(read, sound_draft(torch.cat(alone, dim=1)), atol=1e-4, rtol=0)


def test_a_target_that_finds_everything_alike_is_told_it_cannot_be_counted():
    target, draft = tiny_pair("llama")
    with torch.no_grad():
        target.model.lm_head.weight.zero_()
    found = list(PairProof(target, draft, prompts(6), PLAN).run())
    told = {check.test: check.says for check in found if check.verdict == "not applicable"}
    for counted in ("independence", "efficiency"):  # six short texts say nothing of them
        told.pop(counted, None)
    assert told.keys() == {"exact, pair", "joint law", "distance"}
    assert set(told.values()) == {sentences.WHY_BROAD_TARGET}
    assert not any(check.rejected for check in found)
