"""Run a recipe from a corpus file to the folders of a target and a draft.

Stages run in order, each from the result of the one before; work in progress (token stream,
tokenizer, checkpoints, rollouts) lies in ``<out>/work`` and is what a second call resumes from.
A finished stage leaves its weights there and is not run again.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.training import card, corpus, growth, objectives, optimise
from specdec_lib.training.recipe import Recipe, Stage
from specdec_lib.training.rollouts import write_rollouts
from specdec_lib.training.tokenizer import train_tokenizer

Report = Callable[[optimise.StepReport], None]


@dataclass
class Workshop:
    """What the stages of a run share."""

    recipe: Recipe
    folder: Path
    device: str
    compile: bool
    report: Report
    say: Callable[[str], None]
    checkpoint_every: int
    tokenizer: object = None
    stream: np.ndarray | None = None
    held_out: np.ndarray | None = None


def train(
    recipe: Recipe,
    corpus_path: str | Path,
    out: str | Path,
    *,
    device: str | None = None,
    compile: bool = True,
    report: Report = lambda step: None,
    say: Callable[[str], None] = lambda line: None,
    checkpoint_every: int = 100,
) -> tuple[Path, Path]:
    """Train the pair of ``recipe`` on ``corpus_path``; returns the folders of (target, draft).

    Writes ``<out>/<name>-target`` and ``<out>/<name>-draft`` in Hugging Face format (bf16
    safetensors, tokenizer, model card). Calling it again after an interruption resumes.
    Raises InvalidArgument, before anything is trained, for a corpus that cannot be read or is too small
    for the recipe or its held-out part, and for a work folder of another recipe or corpus.
    """
    out = Path(out)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    shop = Workshop(recipe, out / "work", device, compile, report, say, checkpoint_every)
    _claim(shop.folder, recipe, Path(corpus_path))
    _read_corpus(shop, Path(corpus_path))
    target = draft = None
    for stage in recipe.stages:
        if stage.kind in ("pretrain", "grow"):
            target = _target_stage(shop, stage, target)
        else:
            draft = _draft_stage(shop, stage, target, draft)
    return _export(shop, out, target, draft, Path(corpus_path).name)


def _claim(folder: Path, recipe: Recipe, corpus_path: Path) -> None:
    """Mark the work folder as that of this recipe and corpus; refuse one of others."""
    made_of = {"hash": recipe.hash(), "corpus": corpus.content_hash(corpus_path)}
    mark = folder / "recipe.json"
    if mark.is_file():
        found = _read_mark(mark)
        for key, what in (("hash", "recipe"), ("corpus", "corpus")):
            if found.get(key, made_of[key]) != made_of[key]:
                raise InvalidArgument(
                    f"train: {folder} holds the work of another {what}; give another --out or remove it"
                )
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps({**made_of, **recipe.to_dict()}, indent=1))


def _read_mark(mark: Path) -> dict[str, object]:
    try:
        found = json.loads(mark.read_text(encoding="utf8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidArgument(f"train: {mark} is damaged; give another --out or remove its folder")
    return found


def _read_corpus(shop: Workshop, path: Path) -> None:
    from transformers import AutoTokenizer

    folder = shop.folder
    if not (folder / "held_out.npy").is_file():
        shop.say(f"reading {path.name} …")
        documents = list(corpus.read_corpus(path))
        train_documents, held_out = corpus.split(documents)
        corpus.require_enough(train_documents, held_out, shop.recipe.longest_window)
        shop.say(f"{len(train_documents)} documents to train on, {len(held_out)} held out; tokenizer …")
        tokenizer = train_tokenizer((document.text for document in documents), shop.recipe.shape.vocab_size)
        tokenizer.save_pretrained(folder / "tokenizer")
        np.save(folder / "train.npy", corpus.pack(train_documents, tokenizer))
        np.save(folder / "held_out.npy", corpus.pack(held_out, tokenizer))
    shop.tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", trust_remote_code=False)
    shop.stream = np.load(folder / "train.npy")
    shop.held_out = np.load(folder / "held_out.npy")
    corpus.require_windows(shop.stream, shop.recipe.longest_window)
    shop.say(f"{len(shop.stream):,} training tokens, {len(shop.held_out):,} held out")


def _new_model(shop: Workshop, layers: int):
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = shop.recipe.shape
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
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config)


def _target_stage(shop: Workshop, stage: Stage, before):
    model = (
        _new_model(shop, stage.layers)
        if stage.kind == "pretrain"
        else growth.grow_depth(before, stage.layers)
    )

    def loss_of(ids: torch.Tensor):
        return objectives.next_token_loss(model(ids[:, :-1], use_cache=False).logits, ids[:, 1:]), {}

    batch_at = partial(_corpus_batch, shop, stage)
    return _run(shop, stage, model, loss_of, batch_at)


def _draft_stage(shop: Workshop, stage: Stage, target, before):
    draft = before if before is not None else growth.draft_from_target(target, stage.layers)
    teacher = target.to(torch.bfloat16).eval().requires_grad_(False)
    teacher_logits = _maybe_compile(shop, lambda ids: teacher(ids, use_cache=False).logits)

    def loss_of(ids: torch.Tensor, target_logits: torch.Tensor):
        logits = draft(ids, use_cache=False).logits
        loss, acceptance = objectives.distillation_loss(logits, target_logits, stage.tv_weight)
        return loss, {"acceptance": acceptance}

    student_loss = _maybe_compile(shop, loss_of)

    def both(ids: torch.Tensor):
        with torch.no_grad():
            target_logits = teacher_logits(ids[:, :-1])
        return student_loss(ids[:, :-1], target_logits)

    batch_at = partial(_corpus_batch, shop, stage)
    if stage.kind == "rollout" and not _finished(shop, stage):
        rows = _rollouts(shop, stage, teacher)
        batch_at = partial(_rollout_batch, shop, stage, rows)
    trained = _run(shop, stage, draft.float(), both, batch_at, compiled=True)
    target.float()
    return trained


def _corpus_batch(shop: Workshop, stage: Stage, step: int) -> np.ndarray:
    seed = (shop.recipe.seed, [other.name for other in shop.recipe.stages].index(stage.name))
    return corpus.windows(shop.stream, stage.batch, stage.length, seed=seed, step=step)


def _rollout_batch(shop: Workshop, stage: Stage, rows: np.ndarray, step: int) -> np.ndarray:
    rng = np.random.default_rng((shop.recipe.seed, 1_000_003, step))
    return rows[rng.integers(0, len(rows), size=stage.batch)].astype(np.int64)


def _rollouts(shop: Workshop, stage: Stage, teacher) -> np.ndarray:
    path = shop.folder / f"{stage.name}-rollouts.npy"
    if not path.is_file():
        rows = write_rollouts(
            teacher,
            shop.stream,
            stage.rollout_sequences,
            stage.rollout_prompt,
            stage.length,
            stage.rollout_temperatures,
            seed=shop.recipe.seed,
            report=lambda done, total: shop.say(f"{stage.name}: target wrote {done}/{total} sequences"),
        )
        np.save(path, rows)
    return np.load(path)


def _maybe_compile(shop: Workshop, function):
    """Static shapes: each stage has its own, and a graph for any shape would be several times slower."""
    return torch.compile(function, dynamic=False) if shop.compile else function


def _finished(shop: Workshop, stage: Stage) -> bool:
    return (shop.folder / f"{stage.name}.json").is_file()


def _run(shop: Workshop, stage: Stage, model, loss_of, batch_at, compiled: bool = False):
    """Train (or load, where finished) and leave weights and figures in the work folder."""
    weights = shop.folder / f"{stage.name}.pt"
    if _finished(shop, stage):
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        return model.to(shop.device)
    shop.say(f"{stage.name}: {stage.layers} layers, {stage.tokens:,} tokens in {stage.num_steps} steps")
    model = model.to(shop.device)
    loss_function = loss_of if compiled else _maybe_compile(shop, loss_of)
    state = optimise.optimise(
        stage,
        model,
        loss_function,
        batch_at,
        shop.folder / f"{stage.name}.checkpoint",
        report=shop.report,
        checkpoint_every=shop.checkpoint_every,
    )
    torch.save(model.state_dict(), weights)
    figures = {
        "stage": stage.name,
        "kind": stage.kind,
        "layers": stage.layers,
        "tokens": state.step * stage.batch * stage.length,
        "hours": state.seconds / 3600,
        **{f"final_{key}": value for key, value in state.average().items()},
        "held_out_nats": held_out_loss(model, shop.held_out),
        "hardware": card.hardware(shop.device),
        "date": datetime.date.today().isoformat(),
    }
    (shop.folder / f"{stage.name}.json").write_text(json.dumps(figures, indent=1))
    return model


@torch.inference_mode()
def held_out_loss(model, held_out: np.ndarray, length: int = 512, batch: int = 8) -> float:
    """Mean next-token cross-entropy (nats) over the held-out stream, in windows of ``length``."""
    device = next(model.parameters()).device
    length = min(length, len(held_out) - 1)
    usable = (len(held_out) - 1) // length * length
    inputs = held_out[:usable].reshape(-1, length).astype(np.int64)
    labels = held_out[1 : usable + 1].reshape(-1, length).astype(np.int64)
    total = 0.0
    for start in range(0, len(inputs), batch):
        ids = torch.from_numpy(inputs[start : start + batch]).to(device)
        logits = model(ids, use_cache=False).logits
        total += objectives.next_token_loss(
            logits, torch.from_numpy(labels[start : start + batch]).to(device)
        ).item() * len(ids)
    return total / len(inputs)


def _export(shop: Workshop, out: Path, target, draft, corpus_name: str) -> tuple[Path, Path]:
    folders = []
    figures = [json.loads((shop.folder / f"{stage.name}.json").read_text()) for stage in shop.recipe.stages]
    for role, model in (("target", target), ("draft", draft)):
        folder = out / f"{shop.recipe.name}-{role}"
        model.to("cpu", torch.bfloat16).save_pretrained(folder)
        shop.tokenizer.save_pretrained(folder)
        (folder / "README.md").write_text(card.model_card(shop.recipe, role, figures, corpus_name, model))
        folders.append(folder)
        shop.say(f"wrote {folder}")
    return folders[0], folders[1]
