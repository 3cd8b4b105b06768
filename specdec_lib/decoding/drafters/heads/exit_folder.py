"""A trained exit on the disk: its weights, what it is, and of which model.

``exit.safetensors`` holds the adapter and a fingerprint of the target, a few numbers of each of its weights;
``exit.json`` says the rest in words, and ``README.md`` is for people. The fingerprint is compared up to what
half precision rounds, and packed weights are left out, so an exit serves its target in every dtype; another
model, one that was trained on included, has other numbers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from specdec_lib.decoding.drafters.heads import sentences
from specdec_lib.decoding.drafters.heads.adapter import ExitAdapter
from specdec_lib.errors import InvalidArgument, in_one_line

WEIGHTS, FACTS = "exit.safetensors", "exit.json"
_PRINT = "target."
_NUMBERS = 8
"""Numbers of each weight that a fingerprint holds."""
_RELATIVE, _ABSOLUTE = 2**-6, 1e-5
"""How far two formats of one number may be apart: bfloat16 has eight bits, float16 no number below 6e-8."""


@dataclass(frozen=True, kw_only=True)
class ExitFacts:
    """What an exit is: behind how many of how many layers, of which shape, and for which model."""

    layers: int
    depth: int
    width: int
    rank: int
    target: str


@dataclass(frozen=True)
class TrainedExit:
    """What lies in a folder: the facts, the adapter, and the fingerprint of the target."""

    facts: ExitFacts
    adapter: ExitAdapter
    fingerprint: dict[str, Tensor]

    def require_target(self, model: nn.Module, name: str, folder: str) -> None:
        """Refuse a model that is not the one for which the exit was trained.

        Raises:
            InvalidArgument: naming both.
        """
        own = fingerprint_of(model)
        common = self.fingerprint.keys() & own.keys()
        alike = all(_alike(self.fingerprint[key], own[key]) for key in common)
        if not (common and alike):
            raise InvalidArgument(
                sentences.OTHER_WEIGHTS.format(folder, self.facts.target, name, self.facts.layers, name)
            )


def save_exit(folder: Path, facts: ExitFacts, adapter: ExitAdapter, target: nn.Module) -> None:
    """Write an exit that was trained for ``target`` into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in adapter.state_dict().items()}
    prints = {f"{_PRINT}{name}": numbers for name, numbers in fingerprint_of(target).items()}
    (folder / WEIGHTS).write_bytes(save(own | prints))
    (folder / FACTS).write_text(json.dumps(asdict(facts), indent=1) + "\n")


def find_exit(folder: str) -> ExitFacts:
    """What an exit's folder says of it; its weights are not read.

    Raises:
        InvalidArgument: no such folder, or none that ``specdec train --exit`` wrote.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise InvalidArgument(sentences.NO_FOLDER.format(folder))
    try:
        raw = json.loads((path / FACTS).read_text(encoding="utf8"))
        facts = ExitFacts(**{field.name: raw[field.name] for field in fields(ExitFacts)})
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InvalidArgument(sentences.NO_EXIT.format(folder, FACTS, in_one_line(error))) from error
    sizes = (facts.layers, facts.depth, facts.width, facts.rank)
    if not all(type(size) is int and size > 0 for size in sizes):
        raise InvalidArgument(sentences.FACTS_DAMAGED.format(folder, FACTS, sizes))
    return facts


def load_exit(folder: str) -> TrainedExit:
    """An exit as it was saved.

    Raises:
        InvalidArgument: as :func:`find_exit`, or weights that are damaged or of another shape.
    """
    facts = find_exit(folder)
    try:
        held = load((Path(folder).expanduser() / WEIGHTS).read_bytes())
        adapter = ExitAdapter(facts.width, facts.rank)
        adapter.load_state_dict({name: held[name] for name in adapter.state_dict()})
    except Exception as error:  # whatever the reader of a damaged file raises
        raise InvalidArgument(
            sentences.WEIGHTS_UNREADABLE.format(folder, WEIGHTS, in_one_line(error))
        ) from error
    prints = {name.removeprefix(_PRINT): held[name] for name in held if name.startswith(_PRINT)}
    return TrainedExit(facts, adapter.requires_grad_(False).eval(), prints)


@torch.no_grad()
def fingerprint_of(model: nn.Module) -> dict[str, Tensor]:
    """A few numbers of each floating-point weight, by its name; those that are packed are left out."""
    return {
        name: _some_of(weight)
        for name, weight in model.named_parameters()
        if weight.is_floating_point() and not hasattr(weight, "quant_state") and weight.device.type != "meta"
    }


def _some_of(weight: Tensor) -> Tensor:
    places = torch.linspace(0, weight.numel() - 1, min(_NUMBERS, weight.numel())).long()
    return weight.detach().flatten()[places.to(weight.device)].float().cpu()


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=_RELATIVE, atol=_ABSOLUTE)
