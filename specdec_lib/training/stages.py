"""The stages of a recipe: each trains a target or a draft on from what the one before it left.

A finished stage leaves its weights and its figures in the work folder and is not run again.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from specdec_lib.models.loader import load_model
from specdec_lib.training import corpus, growth, optimise
from specdec_lib.training.card import StageFigures, hardware
from specdec_lib.training.recipe import Recipe
from specdec_lib.training.rollouts import write_rollouts
from specdec_lib.training.stage import Stage
from specdec_lib.training.work_folder import TokenStreams


@dataclass(frozen=True)
class Workshop:
    """What the stages of a run share."""

    recipe: Recipe
    corpus: Path
    folder: Path
    streams: TokenStreams
    device: str
    compile: bool
    report: Callable[[optimise.StepReport], None]
    say: Callable[[str], None]
    checkpoint_every: int


def target_stage(shop: Workshop, stage: Stage, before):
    """The model after ``stage``, which makes it or makes it deeper, on the corpus."""
    starts = stage.kind == "pretrain"
    model = _new_model(shop, stage.layers) if starts else growth.grow_depth(before, stage.layers)
    return _run(shop, stage, model, *_next_tokens(shop, stage, model, shop.streams.train))


def imitation_stage(shop: Workshop, stage: Stage, before):
    """The model after ``stage``, trained on the teacher's own text in the tokens of the recipe.

    Distillation by sequences (Kim and Rush 2016), which asks for no common vocabulary.
    """
    done = _figures_file(shop, stage).is_file()
    stream = shop.streams.train if done else imitated_text(shop, stage)
    return _run(shop, stage, before, *_next_tokens(shop, stage, before, stream))


def _next_tokens(shop: Workshop, stage: Stage, model, stream: np.ndarray):
    """What is minimised, and on which batches: next tokens of a stream."""

    def loss_of(ids: torch.Tensor):
        return optimise.next_token_loss(model(ids[:, :-1], use_cache=False).logits, ids[:, 1:]), {}

    return _maybe_compile(shop, loss_of), partial(_batch, shop, stage, stream)


def _new_model(shop: Workshop, layers: int):
    from transformers import LlamaConfig, LlamaForCausalLM

    shape, end = shop.recipe.shape, shop.streams.tokenizer.eos_token_id
    assert isinstance(end, int), "train_tokenizer gives one"
    torch.manual_seed(shop.recipe.seed)
    config = LlamaConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.width,
        intermediate_size=shape.mlp_width,
        num_hidden_layers=layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    return LlamaForCausalLM(config)


def draft_stage(shop: Workshop, stage: Stage, target, before):
    """The draft after ``stage``, distilled from ``target`` on the corpus or on the target's own text."""
    draft = before if before is not None else growth.draft_from_target(target, stage.layers)
    teacher = target.to(torch.bfloat16).eval().requires_grad_(False)
    teacher_logits = _maybe_compile(shop, lambda ids: teacher(ids, use_cache=False).logits)

    def loss_of(ids: torch.Tensor, target_logits: torch.Tensor):
        logits = draft(ids, use_cache=False).logits
        loss, acceptance = optimise.distillation_loss(logits, target_logits, stage.tv_weight)
        return loss, {"acceptance": acceptance}

    student_loss = _maybe_compile(shop, loss_of)

    def both(ids: torch.Tensor):
        with torch.no_grad():
            target_logits = teacher_logits(ids[:, :-1])
        return student_loss(ids[:, :-1], target_logits)

    batch_at = partial(_batch, shop, stage, shop.streams.train)
    if stage.kind == "rollout" and not _figures_file(shop, stage).is_file():
        batch_at = partial(_rollout_batch, shop, stage, _rollouts(shop, stage, teacher))
    trained = _run(shop, stage, draft.float(), both, batch_at)
    target.float()
    return trained


def _batch(shop: Workshop, stage: Stage, stream: np.ndarray, step: int) -> np.ndarray:
    seed = (shop.recipe.seed, [other.name for other in shop.recipe.stages].index(stage.name))
    return corpus.windows(stream, stage.batch, stage.length, seed=seed, step=step)


def _rollout_batch(shop: Workshop, stage: Stage, rows: np.ndarray, step: int) -> np.ndarray:
    rng = np.random.default_rng((shop.recipe.seed, 1_000_003, step))
    return rows[rng.integers(0, len(rows), size=stage.batch)].astype(np.int64)


def _rollouts(shop: Workshop, stage: Stage, teacher) -> np.ndarray:
    return _written(shop, stage, teacher, lambda: shop.streams.train)


def _written(shop: Workshop, stage: Stage, teacher, prompts: Callable[[], np.ndarray]) -> np.ndarray:
    """What the teacher wrote behind windows of a stream of its own ids, written once."""
    path = shop.folder / f"{stage.name}-rollouts.npy"
    if not path.is_file():
        rows = write_rollouts(
            teacher,
            prompts(),
            stage.rollout_sequences,
            stage.rollout_prompt,
            stage.length,
            stage.rollout_temperatures,
            seed=shop.recipe.seed,
            report=lambda done, total: shop.say(f"{stage.name}: target wrote {done}/{total} sequences"),
        )
        np.save(path, rows)
    return np.load(path)


def imitated_text(shop: Workshop, stage: Stage) -> np.ndarray:
    """What the teacher wrote, ``uint16[num_tokens]`` in the tokens of the recipe, each piece with its end."""
    model, tokenizer = load_model(shop.recipe.teacher, "bfloat16", shop.device)

    def prompts() -> np.ndarray:
        documents, _ = corpus.split(corpus.read_corpus(shop.corpus))
        return corpus.pack(documents, tokenizer)

    rows = _written(shop, stage, model.requires_grad_(False), prompts)
    ends = tokenizer.eos_token_id
    pieces = (piece for row in rows for piece in np.split(row, np.flatnonzero(row == ends) + 1))
    texts = (str(tokenizer.decode(piece[piece != ends])) for piece in pieces)
    spoken = [corpus.Document("", text) for text in texts if text]
    stream = corpus.pack(spoken, shop.streams.tokenizer)
    shop.say(f"{stage.name}: {len(stream):,} tokens of the teacher's text")
    return stream


def _maybe_compile(shop: Workshop, function):
    """Static shapes: each stage has its own, and a graph for any shape would be several times slower."""
    return torch.compile(function, dynamic=False) if shop.compile else function


def _figures_file(shop: Workshop, stage: Stage) -> Path:
    return shop.folder / f"{stage.name}.json"


def _run(shop: Workshop, stage: Stage, model, loss_function, batch_at):
    """Train (or load, where finished) and leave weights and figures in the work folder."""
    weights = shop.folder / f"{stage.name}.pt"
    if _figures_file(shop, stage).is_file():
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        return model.to(shop.device)
    shop.say(f"{stage.name}: {stage.layers} layers, {stage.tokens:,} tokens in {stage.num_steps} steps")
    model, every = model.to(shop.device), shop.checkpoint_every
    learned = (loss_function, batch_at, shop.folder / f"{stage.name}.checkpoint")
    state = optimise.optimise(stage, model, *learned, report=shop.report, checkpoint_every=every)
    torch.save(model.state_dict(), weights)
    averages = state.average()
    figures = StageFigures(
        stage=stage.name,
        kind=stage.kind,
        layers=stage.layers,
        tokens=state.step * stage.batch * stage.length,
        hours=state.seconds / 3600,
        final_loss=averages.get("loss"),
        final_acceptance=averages.get("acceptance"),
        held_out_nats=held_out_loss(model, shop.streams.held_out),
        hardware=hardware(shop.device),
        date=datetime.date.today().isoformat(),
    )
    figures.save(_figures_file(shop, stage))
    return model


@torch.inference_mode()
def held_out_loss(model, held_out: np.ndarray, length: int = 512, batch: int = 8) -> float:
    """Mean next-token cross-entropy (nats) over the held-out stream, in windows of ``length``."""
    device = next(model.parameters()).device
    length = min(length, len(held_out) - 1)
    usable = (len(held_out) - 1) // length * length
    inputs, labels = (
        torch.from_numpy(part.reshape(-1, length).astype(np.int64))
        for part in (held_out[:usable], held_out[1 : usable + 1])
    )
    total = 0.0
    for ids, following in zip(inputs.split(batch), labels.split(batch), strict=True):
        logits = model(ids.to(device), use_cache=False).logits
        total += optimise.next_token_loss(logits, following.to(device)).item() * len(ids)
    return total / len(inputs)
