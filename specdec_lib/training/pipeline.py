"""Run a recipe from a corpus file to the folders of a target and a draft, or of a draft for another target.

Stages run in order, each from the result of the one before; work in progress (token stream,
tokenizer, checkpoints, rollouts) lies in ``<out>/work`` and is what a second call resumes from.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from specdec_lib.training.card import StageFigures, model_card
from specdec_lib.training.optimise import StepReport
from specdec_lib.training.recipe import Recipe
from specdec_lib.training.stages import Workshop, draft_stage, imitation_stage, target_stage
from specdec_lib.training.work_folder import token_streams


def train(
    recipe: Recipe,
    corpus_path: str | Path,
    out: str | Path,
    *,
    device: str | None = None,
    compile: bool = True,
    report: Callable[[StepReport], None] = lambda step: None,
    say: Callable[[str], None] = lambda line: None,
    checkpoint_every: int = 100,
) -> tuple[Path, Path]:
    """Train the pair of ``recipe`` on ``corpus_path``; returns the folders of (target, draft).

    Writes ``<out>/<name>-target`` and ``<out>/<name>-draft`` in Hugging Face format (bf16
    safetensors, tokenizer, model card); with a teacher ``<out>/<name>`` alone, and the target that
    is returned is the teacher. Calling it again after an interruption resumes.

    Raises:
        InvalidArgument: before anything is trained, for a corpus that cannot be read or is too small for
            the recipe or its held-out part, and for a work folder of another recipe or corpus, or none; what
            was refused leaves nothing behind.
        ModelUnavailable: a teacher that cannot be had.
    """
    corpus_path, out = Path(corpus_path), Path(out)
    folder = out / "work"
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    streams = token_streams(folder, recipe, corpus_path, say)
    shop = Workshop(recipe, corpus_path, folder, streams, device, compile, report, say, checkpoint_every)
    target = draft = None
    for stage in recipe.stages:
        if stage.kind in ("pretrain", "grow"):
            target = target_stage(shop, stage, target)
        elif stage.kind == "imitate":
            target = imitation_stage(shop, stage, target)
        else:
            draft = draft_stage(shop, stage, target, draft)
    if recipe.teacher:
        return Path(recipe.teacher), _export(shop, out, recipe.name, target)
    made = _export(shop, out, f"{recipe.name}-target", target)
    return made, _export(shop, out, f"{recipe.name}-draft", draft)


def _export(shop: Workshop, out: Path, name: str, model) -> Path:
    figures = [StageFigures.load(shop.folder / f"{stage.name}.json") for stage in shop.recipe.stages]
    folder = out / name
    model.to("cpu", torch.bfloat16).save_pretrained(folder)
    shop.streams.tokenizer.save_pretrained(folder)
    card = model_card(shop.recipe, name, figures, shop.corpus.name, model)
    (folder / "README.md").write_text(card)
    shop.say(f"wrote {folder}")
    return folder
