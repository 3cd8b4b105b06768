"""Train the exit of a target: what its first N layers need to draft for it, distilled from what it writes.

The target continues prompts, as it will when it is drafted for, and the exit learns the target's own
distribution at each of these positions (Zhou et al. 2023, DistillSpec: cross-entropy and total variation).
Only the adapter behind layer N learns; layers, norm and head are the target's and stay as they are. What was
written and what was learned so far lie in ``<out>/work``, from which a second call goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from specdec_lib.decoding.drafters.heads.adapter import ExitAdapter
from specdec_lib.decoding.drafters.heads.exit_folder import ExitFacts, save_exit
from specdec_lib.errors import InvalidArgument, reason_of
from specdec_lib.models.architecture.layers import num_layers, of_layers
from specdec_lib.models.architecture.module import text_config
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.training import corpus, optimise
from specdec_lib.training.card import hardware
from specdec_lib.training.recipe import Stage
from specdec_lib.training.rollouts import write_rollouts

LENGTH, PROMPT, BATCH = 128, 24, 16
"""Tokens of a text that the target writes, those of them that it is given, and texts of a step."""
TOKENS = 500_000
"""Positions to learn from, unless told."""
_SEEN, _TEMPERATURES = 4, (0.0, 0.7, 1.0)
"""How often each text is seen, and the temperatures at which they are written."""
MOST_RANK = 512
_HELD_OUT = 32
"""Texts on which the exit is judged; one document in ten gives the prompts of these alone."""
_SEED = 11


@dataclass(frozen=True)
class ExitFigures:
    """What training came to: Σ min(p, q) at temperature 1 on held-out texts of the target, and how."""

    untrained: float
    trained: float
    tokens: int
    seconds: float
    hardware: str


def train_exit(
    target: ModelWrapper,
    layers: int,
    texts: Sequence[str],
    out: str | Path,
    *,
    tokens: int = TOKENS,
    peak_lr: float = 3e-3,
    report: Callable[[optimise.StepReport], None] = lambda step: None,
    say: Callable[[str], None] = lambda line: None,
    checkpoint_every: int = 100,
) -> ExitFigures:
    """Train the exit behind the first ``layers`` of ``target`` and write it into the folder ``out``.

    Args:
        target: which stays as it is, but that its weights no longer ask for gradients.
        texts: their beginnings and middles are the prompts that the target continues; two at least.
        tokens: positions that the exit learns from; the target writes a quarter as many.

    Raises:
        InvalidArgument: no such layer, too little text, a target without a tokenizer, or a folder that holds
            the work of another exit.
    """
    out, depth = Path(out), num_layers(target.model)
    if not 1 <= layers < depth:
        raise InvalidArgument(
            f"train: --exit is {layers}, and {target.name} has {depth} layers; give at least 1 and "
            "fewer than that"
        )
    stage = _stage(target, layers, tokens, peak_lr)
    streams = _streams(target, texts, stage.rollout_prompt)
    work = _work_folder(out, target, stage, streams)
    target.model.requires_grad_(False)
    width = int(text_config(target.model).hidden_size)
    adapter = ExitAdapter(width, min(width, MOST_RANK), _SEED).to(target.device)
    held_out, written = (_written(target, work, stage, name, part, say) for name, part in streams.items())
    before = acceptance(target, layers, ExitAdapter(width, 1).to(target.device), held_out)
    student = of_layers(target.model, range(layers), adapter)

    def loss_of(ids: torch.Tensor):
        with torch.no_grad():
            target_logits = target.model(ids[:, :-1], use_cache=False).logits
        logits = student(ids[:, :-1], use_cache=False).logits
        loss, accepted = optimise.distillation_loss(logits, target_logits, stage.tv_weight)
        return loss, {"acceptance": accepted}

    def batch_at(step: int) -> np.ndarray:
        rng = np.random.default_rng((_SEED, step))
        return written[rng.integers(0, len(written), size=stage.batch)].astype(np.int64)

    learned = (loss_of, batch_at, work / "exit.checkpoint")
    state = optimise.optimise(stage, adapter, *learned, report=report, checkpoint_every=checkpoint_every)
    after = acceptance(target, layers, adapter, held_out)
    figures = ExitFigures(
        before, after, state.step * stage.batch * stage.length, state.seconds, hardware(str(target.device))
    )
    facts = ExitFacts(layers=layers, depth=depth, width=width, rank=adapter.rank, target=target.name)
    save_exit(out, facts, adapter, target.model)
    (out / "README.md").write_text(_card(facts, figures))
    say(f"wrote {out}")
    return figures


@torch.inference_mode()
def acceptance(target: ModelWrapper, layers: int, adapter: ExitAdapter, texts: np.ndarray) -> float:
    """Mean Σ min(p, q) at temperature 1 over the positions of ``texts [n, length + 1]``."""
    student, total = of_layers(target.model, range(layers), adapter), 0.0
    for rows in np.array_split(texts.astype(np.int64), -(-len(texts) // BATCH)):
        ids = torch.from_numpy(rows[:, :-1]).to(target.device)
        with torch.autocast(target.device.type, torch.bfloat16):
            logits = [model(ids, use_cache=False).logits for model in (student, target.model)]
        total += float(optimise.distillation_loss(*logits, tv_weight=0.0)[1]) * len(rows)
    return total / len(texts)


def _stage(target: ModelWrapper, layers: int, tokens: int, peak_lr: float) -> Stage:
    """The one stage there is; texts are shorter where the target's context is."""
    context = target.context_length
    length = LENGTH if context is None else min(LENGTH, context - 1)
    steps = -(-tokens // (BATCH * length))
    return Stage(
        name=f"exit-{layers}",
        kind="rollout",
        layers=layers,
        tokens=tokens,
        batch=BATCH,
        length=length,
        peak_lr=peak_lr,
        warmup_steps=min(20, steps // 4),
        weight_decay=0.01,
        tv_weight=1.0,
        rollout_sequences=max(1, tokens // (length * _SEEN)),
        rollout_prompt=min(PROMPT, length // 2),
        rollout_temperatures=_TEMPERATURES,
    )


def _streams(target: ModelWrapper, texts: Sequence[str], least: int) -> dict[str, np.ndarray]:
    """Ids to cut prompts from: of nine documents in ten, and of the others."""
    if target.tokenizer is None:
        raise InvalidArgument(f"train: {target.name} has no tokenizer; load it with load_model")
    parts = {"held-out": texts[::10], "written": [text for i, text in enumerate(texts) if i % 10]}
    documents = {name: [corpus.Document("", text) for text in part] for name, part in parts.items()}
    packed = {name: corpus.pack(part, target.tokenizer) for name, part in documents.items()}
    streams = {name: ids.astype(np.uint32) for name, ids in packed.items()}  # logits may be wider than those
    shortest = min(map(len, streams.values()))
    if shortest <= least:
        raise InvalidArgument(
            f"train: {len(texts)} texts leave {shortest} tokens to learn from or to be judged by, and a "
            f"prompt takes {least}; give more text"
        )
    return streams


def _written(
    target: ModelWrapper,
    folder: Path,
    stage: Stage,
    name: str,
    stream: np.ndarray,
    say: Callable[[str], None],
) -> np.ndarray:
    """What the target writes behind prompts cut from ``stream``: ``[n, length + 1]``, kept in the folder."""
    path = folder / f"{name}.npy"
    if not path.is_file():
        rows = write_rollouts(
            target.model,
            stream,
            _HELD_OUT if name == "held-out" else stage.rollout_sequences,
            stage.rollout_prompt,
            stage.length,
            stage.rollout_temperatures,
            seed=_SEED,
            report=lambda done, total: say(f"{stage.name}: target wrote {done}/{total} {name} texts"),
            batch=_HELD_OUT,
        )
        np.save(path, rows)
    return np.load(path)


def _work_folder(out: Path, target: ModelWrapper, stage: Stage, streams: dict[str, np.ndarray]) -> Path:
    """The folder of the work in progress, marked as that of this exit; another one's is refused."""
    texts = hashlib.sha256(b"".join(part.tobytes() for part in streams.values())).hexdigest()
    asked = {**asdict(stage), "target": target.weights_hash, "texts": texts}
    mark, wanted = out / "work" / "exit.json", json.dumps(asked, indent=1)
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        found = mark.read_text(encoding="utf8") if mark.is_file() else wanted
        mark.write_text(found)
    except OSError as error:
        raise InvalidArgument(
            f"train: --out is {out}: {reason_of(error)}; give a folder for the exit"
        ) from error
    if found != wanted:
        raise InvalidArgument(
            f"train: {mark.parent} holds the work of another exit; give another --out or remove it"
        )
    return mark.parent


def _card(facts: ExitFacts, figures: ExitFigures) -> str:
    """Markdown with a YAML header, as the Hugging Face hub reads it."""
    name = facts.target
    sections = [
        f"# An exit of {name}",
        f"Drafts behind the first {facts.layers} of {facts.depth} layers of {name}, with its own norm and "
        f"head: an adapter of width {facts.width} and rank {facts.rank}, and nothing else. It serves that "
        "model alone, and is refused elsewhere.",
        "## Training",
        f"Distilled from the target's own distribution over {figures.tokens:,} positions of texts that it "
        f"wrote, {figures.seconds:.0f} s of training on {figures.hardware}. Σ min(p, q) at temperature 1, on "
        f"texts behind other prompts: {figures.untrained:.3f} untrained, {figures.trained:.3f} trained.",
    ]
    return "---\ntags:\n- speculative-decoding\n---\n\n" + "\n\n".join(sections) + "\n"
