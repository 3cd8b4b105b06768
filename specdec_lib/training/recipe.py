"""A training recipe: everything that decides what `specdec train` produces, in one TOML file.

A recipe is a tokenizer and a list of stages. Each stage continues from the one before it and
has its own kind: `pretrain` starts a target from random weights, `grow` makes it deeper,
`distill` trains a draft on the target's distribution over the corpus, `rollout` goes on
training that draft on text the target itself wrote. A recipe with a `teacher` makes one model
instead, a draft of other tokens for that target: `pretrain`, then `imitate`, which goes on
training it on what the teacher wrote, in its own tokens.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.training.stage import Shape, Stage, check_shape, check_stage

_UNSAID = (("tokenizer", "byte-level"), ("teacher", ""))
"""What a hash leaves out, so that recipes written before these words keep theirs."""


@dataclass(frozen=True)
class Recipe:
    """A tokenizer, a shape and the stages that follow each other."""

    name: str
    seed: int
    shape: Shape
    stages: tuple[Stage, ...]
    license: str = "other"
    """Of the trained weights, as an identifier of the hub."""
    sources: tuple[str, ...] = ()
    """Where the corpus comes from and under which licences: one Markdown line each, for the model card."""
    tokenizer: str = "byte-level"
    """One of ``TOKENIZER_KINDS``."""
    teacher: str = ""
    """The target that a draft of other tokens is made for; without one, target and draft are made."""

    @classmethod
    def load(cls, path: str | Path) -> Recipe:
        """Read a TOML recipe. Raises InvalidArgument naming the file and what is wrong in it."""
        try:
            with open(path, "rb") as file:
                raw = tomllib.load(file)
            return cls.from_dict(raw)
        except FileNotFoundError:
            raise InvalidArgument(f"recipe: no file {str(path)!r}; give a TOML recipe") from None
        except InvalidArgument:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:  # no TOML, or of another shape
            raise InvalidArgument(f"recipe {str(path)!r} cannot be read: {error}") from error

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Recipe:
        """Build a recipe from plain data, as TOML or :meth:`to_dict` gives it."""
        stages = tuple(
            Stage(**{**stage, "rollout_temperatures": tuple(stage.get("rollout_temperatures", ()))})
            for stage in raw["stages"]
        )
        recipe = cls(
            raw["name"],
            raw["seed"],
            Shape(**raw["shape"]),
            stages,
            raw.get("license", "other"),
            tuple(raw.get("sources", ())),
            raw.get("tokenizer", "byte-level"),
            raw.get("teacher", ""),
        )
        _check(recipe)
        return recipe

    @property
    def longest_window(self) -> int:
        """Tokens in a row that the stages cut from the corpus, at most."""
        return max(max(stage.length + 1, stage.rollout_prompt) for stage in self.stages)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, in the order of the fields."""
        return asdict(self)

    def hash(self) -> str:
        """The first 12 hex digits of SHA-256 over the sorted JSON of what decides the weights."""
        said = {k: v for k, v in self.to_dict().items() if k not in ("license", "sources")}
        decisive = {k: v for k, v in said.items() if (k, v) not in _UNSAID}
        text = json.dumps(decisive, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _check(recipe: Recipe) -> None:
    _check_names(recipe)
    check_shape(recipe.shape, recipe.tokenizer)
    names = [stage.name for stage in recipe.stages]
    if len(set(names)) != len(names) or not names:
        raise InvalidArgument(f"recipe {recipe.name!r}: stage names must be unique, got {names}")
    if recipe.stages[0].kind != "pretrain":
        raise InvalidArgument(f"recipe {recipe.name!r}: the first stage must be of kind 'pretrain'")
    for stage in recipe.stages:
        check_stage(stage, recipe.shape.context, recipe.teacher)
    _check_order(recipe)


def _check_names(recipe: Recipe) -> None:
    """Names become parts of file names; a seed is what NumPy and torch both take."""
    for name in (recipe.name, *(stage.name for stage in recipe.stages)):
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
            raise InvalidArgument(
                f"recipe: the name {name!r} names files; give letters, digits, '.', '_' or '-'"
            )
    if not isinstance(recipe.seed, int) or isinstance(recipe.seed, bool) or not 0 <= recipe.seed < 2**63:
        raise InvalidArgument(f"recipe {recipe.name!r}: seed is {recipe.seed!r}; give a whole number >= 0")


def _check_order(recipe: Recipe) -> None:
    """Each stage continues from what those before it left; at the end there is a draft."""
    target = draft = 0
    for stage in recipe.stages:
        where = f"stage {stage.name!r}"
        makes_target = stage.kind in ("pretrain", "grow")
        if stage.kind == "grow" and stage.layers < target:
            raise InvalidArgument(f"{where}: cannot grow from {target} layers to {stage.layers}")
        if stage.kind == "imitate" and stage.layers != target:
            raise InvalidArgument(f"{where}: {stage.layers} layers, but its model has {target}")
        if not makes_target and (stage.layers > target or draft not in (0, stage.layers)):
            limit = f"the draft has {draft} already" if draft else f"its target has {target}"
            raise InvalidArgument(f"{where}: a draft of {stage.layers} layers, but {limit}")
        target, draft = (stage.layers, draft) if makes_target else (target, stage.layers)
    if not draft and not recipe.teacher:
        raise InvalidArgument(f"recipe {recipe.name!r}: no stage makes a draft; add one of kind 'distill'")
