"""The model card that is written beside the weights: what it is, from what, how, and what for."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from specdec_lib.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class StageFigures:
    """What one stage came to; losses in nats a token, averaged over its last 100 steps."""

    stage: str
    kind: str
    layers: int
    tokens: int
    hours: float | None = None
    final_loss: float | None = None
    final_acceptance: float | None = None
    held_out_nats: float
    hardware: str
    date: str
    remark: str | None = None

    def save(self, path: Path) -> None:
        """Write it as JSON, without what is not known."""
        path.write_text(json.dumps({k: v for k, v in asdict(self).items() if v is not None}, indent=1))

    @classmethod
    def load(cls, path: Path) -> StageFigures:
        """Read what :meth:`save` wrote."""
        return cls(**json.loads(path.read_text()))


def hardware(device: str) -> str:
    """One line on what a stage ran on."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} CPU cores ({platform.machine()})"


def model_card(recipe: Recipe, name: str, figures: list[StageFigures], corpus_name: str, model) -> str:
    """Markdown with a YAML header, as the Hugging Face hub reads it."""
    config = model.config
    parameters = sum(parameter.numel() for parameter in model.parameters())
    what, tokens, made, learned = (_of_a_teacher if recipe.teacher else _of_a_pair)(recipe, name)
    sections = [
        f"# {name}\n\n{what}: a Llama of "
        f"{config.num_hidden_layers} layers of {config.hidden_size}, {parameters / 1e6:.2f} M parameters, "
        f"{config.vocab_size}-token {recipe.tokenizer} BPE {tokens}, context "
        f"{config.max_position_embeddings}. It exists to measure speculative decoding anywhere. It knows "
        "nothing, and nothing it says should be believed.",
        "## Data\n\n" + "\n".join(f"- {source}" for source in recipe.sources),
        f"Read from `{corpus_name}`; one document in a hundred is held out, by the hash of its text. The "
        f"tokenizer has seen all of it. Licence of the weights: {recipe.license}.",
        "## Training\n\n" + _stage_table(figures),
        f"Recipe `{recipe.name}`, hash `{recipe.hash()}`, seed {recipe.seed}: `specdec train` with it "
        f"reproduces {made}. Losses are in nats a token, averaged over the last 100 steps: {learned} "
        "Held-out is next-token cross-entropy on the held-out documents, in windows of 512.",
        *(f"Stage `{row.stage}`: {row.remark}" for row in figures if row.remark),
    ]
    header = f"language: en\nlicense: {recipe.license}\nlibrary_name: transformers\n"
    return f"---\n{header}pipeline_tag: text-generation\n---\n\n" + "\n\n".join(sections) + "\n"


def _of_a_pair(recipe: Recipe, name: str) -> tuple[str, str, str, str]:
    """What the model is, what its tokens are, what the recipe makes, and what its losses are."""
    role = name.removeprefix(f"{recipe.name}-")
    other = "draft" if role == "target" else "target"
    return (
        f"The {role} of the pair `{recipe.name}`",
        f"shared with `{recipe.name}-{other}`",
        "both models",
        "for the target next-token cross-entropy; for the draft, cross-entropy to the target's distribution "
        "(of `rollout` stages, plus the weighted total-variation term). Acceptance is Σ min(p, q) at "
        "temperature 1.",
    )


def _of_a_teacher(recipe: Recipe, name: str) -> tuple[str, str, str, str]:
    """The same of a draft of other tokens."""
    return (
        f"A draft for `{recipe.teacher}` that speaks other tokens than it does",
        "of its own",
        "it",
        f"next-token cross-entropy, in `imitate` stages on text that `{recipe.teacher}` wrote.",
    )


def _stage_table(figures: list[StageFigures]) -> str:
    rows = (
        f"| {row.stage} | {row.kind} | {row.layers} | {row.tokens / 1e6:.1f} M "
        f"| {_number(row.final_loss)} | {_number(row.held_out_nats)} | {_number(row.final_acceptance)} "
        f"| {_number(row.hours)} | {row.hardware} | {row.date} |"
        for row in figures
    )
    head = "| stage | kind | layers | tokens seen | loss | held-out | acceptance | hours | hardware | date |"
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|---|", *rows])


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
