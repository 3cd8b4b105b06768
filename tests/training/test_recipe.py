"""Recipes: schedules, hashes, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.training.recipe import Recipe
from specdec_lib.training.stage import Stage
from specdec_lib.utils.paths import data_path

POCKET = Recipe.load(data_path("configs", "pocket.toml"))
FOREIGN = Recipe.load(data_path("configs", "pocket-foreign.toml"))


def test_the_shipped_recipe_makes_a_deep_target_and_a_shallow_draft():
    kinds = [stage.kind for stage in POCKET.stages]
    assert kinds[0] == "pretrain" and {"grow", "distill", "rollout"} <= set(kinds)
    depth = {stage.kind: stage.layers for stage in POCKET.stages}
    assert depth["grow"] >= 8 * depth["distill"]


def test_the_other_one_makes_a_draft_of_other_tokens_for_that_target():
    assert (FOREIGN.teacher, FOREIGN.tokenizer) == ("pocket-target", "sentencepiece-like")
    assert [stage.kind for stage in FOREIGN.stages] == ["pretrain", "imitate"]
    assert FOREIGN.shape.context == POCKET.shape.context


def test_the_schedule_warms_up_stays_flat_and_decays():
    stage = Stage("s", "pretrain", 2, 1000 * 64, 4, 16, 1e-3, warmup_steps=10, flat_fraction=0.5)
    rates = [stage.learning_rate(step) for step in range(stage.num_steps)]
    assert stage.num_steps == 1000 and rates[0] == pytest.approx(1e-4)
    assert rates[9:500] == [1e-3] * 491
    assert all(later < earlier for earlier, later in pairwise(rates[500:]))
    assert rates[-1] == pytest.approx(2e-5)


def test_the_hash_follows_what_decides_the_weights_and_nothing_else():
    assert Recipe.from_dict(POCKET.to_dict()) == POCKET
    assert replace(POCKET, license="mit", sources=()).hash() == POCKET.hash()
    assert replace(POCKET, seed=POCKET.seed + 1).hash() != POCKET.hash()
    assert POCKET.hash() == "0f0e5eb7a911"  # of the cards that were written before there were teachers
    assert replace(FOREIGN, teacher="gpt2").hash() != FOREIGN.hash()
    assert replace(FOREIGN, tokenizer="byte-level").hash() != FOREIGN.hash()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw["stages"].pop(0), "first stage"),
        (lambda raw: raw["stages"][1].update(kind="dream"), "dream"),
        (lambda raw: raw["stages"][1].update(name=raw["stages"][0]["name"]), "unique"),
        (lambda raw: raw["stages"][1].update(length=10**6), "context"),
        (lambda raw: raw["stages"][1].update(batch=0), "batch is 0; give a whole number >= 1"),
        (lambda raw: raw["stages"][1].update(peak_lr=-1.0), "peak_lr is -1.0; give a number >= 0"),
        (lambda raw: raw["stages"][1].update(peak_lr=float("inf")), "peak_lr is inf"),
        (lambda raw: raw.update(name="../x"), "names files"),
        (lambda raw: raw["stages"][1].update(name="a/b"), "names files"),
        (lambda raw: raw.update(seed=-1), "seed is -1"),
        (lambda raw: raw["shape"].update(vocab_size=256), "vocab_size is 256; give 257"),
        (lambda raw: raw["shape"].update(vocab_size=2**17), "vocab_size is 131072"),
        (lambda raw: raw["shape"].update(num_heads=3), "give a multiple of 6"),
        (lambda raw: raw["stages"][1].update(layers=4), "cannot grow from 8 layers to 4"),
        (lambda raw: raw["stages"][2].update(layers=21), "but its target has 20"),
        (lambda raw: raw["stages"][3].update(layers=1), "but the draft has 2 already"),
        (lambda raw: raw["stages"].__delitem__(slice(2, 4)), "no stage makes a draft"),
        (lambda raw: raw["stages"][3].update(rollout_sequences=0), "rollouts need rollout_sequences"),
        (lambda raw: raw["stages"][3].update(rollout_prompt=257), "rollout_prompt from 1 to"),
        (lambda raw: raw["stages"][3].update(rollout_temperatures=[]), "give rollout_temperatures"),
        (lambda raw: raw["stages"][3].update(rollout_temperatures=[0.0, -1.0]), "give rollout_temperatures"),
    ],
)
def test_impossible_recipes_are_refused(change, message):
    refused(POCKET, change, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw.update(tokenizer="words"), "tokenizer 'words' is not one of"),
        (lambda raw: raw.update(teacher=""), "'imitate', but a recipe without a teacher has"),
        (lambda raw: raw["stages"][1].update(kind="rollout"), "'rollout', but a recipe with the teacher"),
        (lambda raw: raw["stages"][1].update(layers=1), "1 layers, but its model has 2"),
        (lambda raw: raw["stages"][1].update(rollout_prompt=0), "rollouts need rollout_sequences"),
        (lambda raw: raw["shape"].update(vocab_size=514), "vocab_size is 514; give 515"),
    ],
)
def test_impossible_recipes_of_a_teacher_are_refused(change, message):
    refused(FOREIGN, change, message)


def refused(recipe, change, message):
    raw = Recipe.from_dict(recipe.to_dict()).to_dict()
    raw["stages"] = [dict(stage) for stage in raw["stages"]]
    raw["shape"] = dict(raw["shape"])
    change(raw)
    with pytest.raises(InvalidArgument, match=message):
        Recipe.from_dict(raw)


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "name = 'x'",
        "name = 'x'\nseed = 1\nstages = ['a']",
        "name = 'x'\nseed = 1\nstages = 3",
        "name = 'x'\nseed = 1\n[shape]\nwidth = 2\n[[stages]]",
    ],
)
def test_a_file_that_is_no_recipe_is_named(tmp_path, text):
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(InvalidArgument, match=r"broken\.toml"):
        Recipe.load(path)
    with pytest.raises(InvalidArgument, match="no file"):
        Recipe.load(tmp_path / "none.toml")
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(InvalidArgument, match=r"broken\.toml.*utf-8"):
        Recipe.load(path)
