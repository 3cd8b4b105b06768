"""What the embedded draft of other tokens has to show, on prompts that it has never seen.

Its tokenizer is of another kind than its target's, its weights are small, and its target's law is kept.
"""

from __future__ import annotations

import pytest

from specdec_lib.data.prompts import DOMAINS, PromptDataset
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.drafters.translated import TranslatedDraft
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.proof import PairProof, ProofPlan
from specdec_lib.models.loader import load_pair
from specdec_lib.training.recipe import Recipe
from specdec_lib.utils.paths import data_path

pytestmark = pytest.mark.unchecked
FOLDER = data_path("models", "pocket-foreign")


@pytest.fixture(scope="module")
def pair():
    return load_pair("pocket_foreign")


@pytest.fixture(scope="module")
def prompts(pair):
    dataset = PromptDataset.build(pair.target.tokenizer, n_per_domain=2, source="builtin")
    return [pair.target.encode(p.raw_text) for domain in DOMAINS for p in dataset.get_by_domain(domain)]


def test_it_takes_four_megabytes_at_most_with_all_its_files():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 4e6


def test_its_tokenizer_is_of_another_kind_and_can_be_translated(pair):
    translation = pair.vocabulary.translation
    assert pair.vocabulary.kind == "translatable" and not pair.pair.shares_vocabulary
    kinds = translation.target.bytes.kind, translation.draft.bytes.kind
    assert kinds == ("byte-level", "sentencepiece-like")
    assert translation.coverage() > 0.98
    assert (translation.level(greedy=True), translation.level(greedy=False)) == ("text", "token")
    for letter in "éĊ":  # which its target's file has for a byte and for a newline
        token_id = pair.draft.tokenizer.convert_tokens_to_ids(letter)
        assert pair.target.tokenizer.convert_tokens_to_ids(letter) not in (None, translation.forth[token_id])


@pytest.mark.parametrize("level", ["token", "text"])
def test_greedy_texts_are_the_targets_and_take_fewer_rounds(pair, prompts, level):
    plain = AutoregressiveDecoder(pair.target)
    drafted = SpeculativeDecoder(pair.target, TranslatedDraft(pair.drafter, level), k=4)
    rounds = 0
    for ids in prompts:
        result = drafted.generate(ids, 32, 0.0, ignore_eos=True)
        assert result.generated_ids == plain.generate(ids, 32, 0.0, ignore_eos=True).generated_ids
        rounds += len(result.accepted_per_round)
    assert rounds < 0.7 * 32 * len(prompts)


def test_the_law_is_kept(pair):
    """The exact law, caches, endings, the joint law of three tokens, and each token given those before."""
    dataset = PromptDataset.build(pair.target.tokenizer, n_per_domain=2, source="builtin")
    short = [pair.target.encode(p.raw_text[:80]) for p in dataset]
    plan = ProofPlan(k=3, num_samples=200, num_tokens=16)
    found = list(PairProof(pair.target, pair.drafter, short, plan).run())
    assert [check for check in found if check.rejected] == []
    passed = {check.test for check in found if check.passed}
    assert {"exact, tables", "one position", "caches", "greedy identity", "joint law"} <= passed


def test_the_card_says_how_the_weights_came_about():
    card = (FOLDER / "README.md").read_text()
    recipe = Recipe.load(data_path("configs", "pocket-foreign.toml"))
    for said in (recipe.hash(), recipe.license, *recipe.sources, *(stage.name for stage in recipe.stages)):
        assert said in card
