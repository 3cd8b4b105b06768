"""A tiny recipe, run for real: it learns, resumes, exports a pair that decodes, and writes its card."""

from __future__ import annotations

import json

import pytest
import torch

from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.loader import load_model, load_pair
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.training import optimise, stages
from specdec_lib.training.pipeline import train
from specdec_lib.training.recipe import Recipe

STAGE = {"batch": 4, "length": 32, "warmup_steps": 2, "peak_lr": 3e-3}
STAGES = [
    {"name": "base", "kind": "pretrain", "layers": 1, "tokens": 128 * 30, **STAGE},
    {"name": "deep", "kind": "grow", "layers": 3, "tokens": 128 * 10, **STAGE},
    {"name": "draft", "kind": "distill", "layers": 1, "tokens": 128 * 10, **STAGE},
    {
        "name": "own",
        "kind": "rollout",
        "layers": 1,
        "tokens": 128 * 10,
        **STAGE,
        "tv_weight": 1.0,
        "rollout_sequences": 6,
        "rollout_prompt": 8,
        "rollout_temperatures": [0.0, 0.8],
    },
]
RECIPE = Recipe.from_dict(
    {
        "name": "crumb",
        "seed": 1,
        "license": "mit",
        "sources": ["**code**: sums, written for this test (MIT)"],
        "shape": {"vocab_size": 300, "width": 32, "mlp_width": 64, "num_heads": 2, "context": 64},
        "stages": STAGES,
    }
)


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "sums.jsonl"
    rows = [{"domain": "code", "text": f"def add_{n}(a, b):\n    return a + b + {n}\n"} for n in range(800)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Interruption(Exception):
    """Stands for Ctrl-C at a chosen step."""


def test_an_interrupted_run_ends_with_the_weights_of_a_whole_one(corpus_file, tmp_path):
    options = {"device": "cpu", "compile": False, "checkpoint_every": 5}
    losses = []
    whole = train(RECIPE, corpus_file, tmp_path / "whole", report=lambda r: losses.append(r.loss), **options)
    assert losses[29] < losses[0] - 0.5  # the base stage learns

    for stage, step in (("base", 17), ("deep", 8), ("own", 8)):

        def stop(report, stage=stage, step=step):
            if (report.stage, report.step) == (stage, step):
                raise Interruption

        with pytest.raises(Interruption):
            train(RECIPE, corpus_file, tmp_path / "cut", report=stop, **options)
        saved = torch.load(tmp_path / "cut" / "work" / f"{stage}.checkpoint", weights_only=True)
        assert saved["state"]["step"] == (step - 1) // 5 * 5
    resumed = []
    cut = train(RECIPE, corpus_file, tmp_path / "cut", report=resumed.append, **options)
    assert resumed[0].step == 6 and {report.stage for report in resumed} == {"own"}
    for ours, theirs in zip(cut, whole, strict=True):
        first, second = (load_model(str(folder), "float32")[0].state_dict() for folder in (ours, theirs))
        for name, value in first.items():
            torch.testing.assert_close(value, second[name], atol=1e-2, rtol=1e-2)  # exported in bf16

    target, draft = (ModelWrapper(*load_model(str(folder), "float32")) for folder in whole)
    result = SpeculativeDecoder(target, draft, k=3).generate(target.encode("def add_7(a, b):"), 24, 0.0)
    assert result.num_accepted_draft_tokens > 0
    card = (whole[1] / "README.md").read_text()
    for said in (
        "crumb-draft",
        RECIPE.hash(),
        "license: mit",
        "sums, written for this test",
        "sums.jsonl",
        "| own |",
    ):
        assert said in card

    with pytest.raises(InvalidArgument, match="another recipe"):
        other = Recipe.from_dict({**RECIPE.to_dict(), "seed": 2})
        train(other, corpus_file, tmp_path / "whole", **options)


def test_a_draft_of_other_tokens_imitates_a_target(corpus_file, tmp_path, monkeypatch):
    """It learns, from the corpus and then from the target's own text, in tokens of its own."""
    options = {"device": "cpu", "compile": False, "checkpoint_every": 5}
    pair = Recipe.from_dict({**RECIPE.to_dict(), "stages": [dict(STAGES[0]), dict(STAGES[2])]})
    teacher, _ = train(pair, corpus_file, tmp_path / "pair", **options)
    recipe = Recipe.from_dict(
        {
            **RECIPE.to_dict(),
            "name": "crumb-foreign",
            "tokenizer": "sentencepiece-like",
            "teacher": str(teacher),
            "shape": {**RECIPE.to_dict()["shape"], "vocab_size": 560},
            "stages": [dict(STAGES[0]), {**STAGES[3], "name": "echo", "kind": "imitate"}],
        }
    )
    reports = []
    target, draft = train(recipe, corpus_file, tmp_path, report=reports.append, **options)
    losses = {stage: [r.loss for r in reports if r.stage == stage] for stage in ("base", "echo")}
    assert losses["base"][-1] < losses["base"][0] - 0.5 and losses["echo"][-1] < losses["base"][-1]
    assert target == teacher and draft == tmp_path / "crumb-foreign"
    assert not list(tmp_path.glob("crumb-foreign-*"))
    card = (draft / "README.md").read_text()
    for said in (recipe.hash(), "sentencepiece-like", f"A draft for `{teacher}`", "| echo | imitate |"):
        assert said in card

    loaded = load_pair(target=str(target), draft=str(draft))
    assert loaded.vocabulary.kind == "translatable"
    result = SpeculativeDecoder(loaded.target, loaded.drafter, k=3).generate(
        loaded.target.encode("def add_7(a, b):"), 24, 0.0
    )
    assert result.num_accepted_draft_tokens > 0

    monkeypatch.setattr(stages, "load_model", lambda *args: pytest.fail("what was written is kept"))
    monkeypatch.setattr(optimise, "_step", lambda *args: pytest.fail("what was learned is kept"))
    train(recipe, corpus_file, tmp_path, **options)


def test_the_distillation_loss_is_smallest_at_the_target():
    target = torch.randn(2, 5, 17, generator=torch.Generator().manual_seed(0))
    at_target, acceptance = optimise.distillation_loss(target, target, tv_weight=1.0)
    assert float(acceptance) == pytest.approx(1.0, abs=1e-6)
    elsewhere, lower = optimise.distillation_loss(
        target + 0.3 * torch.randn_like(target), target, tv_weight=1.0
    )
    assert float(elsewhere) > float(at_target) and float(lower) < 1.0
