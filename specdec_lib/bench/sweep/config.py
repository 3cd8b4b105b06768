"""A sweep as YAML: axes, each a list, and what all cells share. Every value is checked when it is read.

The JSON Schema, which editors take to complete and to check a file, is what ``python -m
specdec_lib.bench.sweep.config`` prints. What a cell is made of, and in which order cells come, says
:mod:`specdec_lib.bench.sweep.cells`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
)

from specdec_lib.bench.records.schema import OURS
from specdec_lib.bench.sweep import sentences
from specdec_lib.bench.sweep.yaml_file import read_yaml
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.names import known_names
from specdec_lib.utils.paths import FilePath, data_path

BUILTIN = "builtin"
_Count = Annotated[StrictInt, Field(ge=1)]
_Name = Annotated[StrictStr, Field(min_length=1)]
_Temperature = Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)]
_PLAIN = ConfigDict(extra="forbid", frozen=True)


class OwnModels(BaseModel):
    """A target of one's own, and what drafts for it, as ``--target`` and ``--draft`` take them."""

    model_config = _PLAIN

    target: _Name = Field(description="Folder, hub id, .gguf file, ollama:NAME, or embedded name.")
    draft: _Name | None = Field(
        None, description="What drafts where the axis 'drafts' says nothing: by the grammar of drafts."
    )
    draft_dtype: _Name | None = Field(None, description="Of a draft that is a model; null is the target's.")

    def __str__(self) -> str:
        return f"{self.draft} for {self.target}" if self.draft else self.target


class SweepConfig(BaseModel):
    """The settings of a sweep. An axis is a list; the cells are the product of all axes."""

    model_config = _PLAIN

    name: str = Field("", description="Of the sweep and of its folder; by default the file's.")
    pairs: list[_Name | OwnModels] = Field(
        min_length=1, description="Names that 'specdec pairs' lists, or {target: …, draft: …}."
    )
    drafts: list[_Name | None] = Field(
        [None],
        min_length=1,
        description="What drafts, by the grammar of drafts; null is the pair's own draft.",
    )
    draft_lengths: list[_Count | _Name] = Field(
        [4], min_length=1, description="K: numbers, and policies such as cost-aware."
    )
    verifiers: list[_Name] = Field(["token"], min_length=1, description="token, block.")
    prompts: list[_Name] = Field(
        [BUILTIN], min_length=1, description="Files of prompts; builtin is the project's own."
    )
    domains: list[_Name] | None = Field(
        None, min_length=1, description="Of the prompts; null is all that there are."
    )
    temperatures: list[_Temperature] = Field([0.0], min_length=1, description="0 is greedy.")
    dtypes: list[_Name | None] = Field(
        [None], min_length=1, description="float32, bfloat16, float16, int4, auto; null is the pair's."
    )
    compiled: list[StrictBool] = Field([False], min_length=1, description="Through torch.compile, or not.")
    batch: list[_Count] = Field([1], min_length=1, description="Texts at a time.")
    engines: list[_Name] = Field([OURS], min_length=1, description="specdec_lib, transformers.")
    repeats: _Count = Field(1, description="Kernels that each cell is run in, with a seed of its own each.")
    num_prompts: _Count | None = Field(
        None, description="Prompts a domain; null is 6 of the project's own, and all of a file."
    )
    max_new_tokens: _Count = Field(64, description="Tokens of every run; the end of text is ignored.")
    seed: Annotated[StrictInt, Field(ge=0)] = Field(42, description="Of the first repeat.")
    chat: StrictBool = Field(False, description="Prompts are a user's turns, for the target's template.")
    profile: StrictBool = Field(True, description="Also measure phases of rounds, and single forwards.")
    threads: _Count | None = Field(None, description="CPU threads; null is one for a small model.")
    device: _Name | None = Field(
        None, description="cpu, cuda, cuda:1, mps, auto (layers over all GPUs); null is the best there is."
    )
    exclude: list[dict[str, Any]] = Field(
        [], description="Cells to leave out: {axis: value, …} leaves out those that have all of these values."
    )

    @field_validator("*")
    @classmethod
    def _each_once(cls, values: Any) -> Any:
        """Of an axis that holds a value twice, the cells could not be told apart."""
        if isinstance(values, list):
            repeated = next((one for i, one in enumerate(values) if one in values[:i]), None)
            if repeated is not None:
                raise ValueError(sentences.REPEATED.format(repeated))
        return values

    @field_validator("name")
    @classmethod
    def _is_a_folder(cls, name: str) -> str:
        if name and not re.fullmatch(r"\w[\w. -]*", name):
            raise ValueError(sentences.NO_NAME_OF_A_FOLDER.format(name))
        return name

    @field_validator("exclude")
    @classmethod
    def _names_axes(cls, excluded: list[dict[str, Any]]) -> list[dict[str, Any]]:
        unknown = next((axis for one in excluded for axis in one if axis not in AXES), None)
        if unknown is not None:
            raise ValueError(sentences.UNKNOWN_AXIS.format(unknown, _hint(unknown, AXES)))
        return excluded


AXES = {
    "pair": "pairs", "draft": "drafts", "draft_length": "draft_lengths", "verifier": "verifiers",
    "prompts": "prompts", "domain": "domains", "temperature": "temperatures", "dtype": "dtypes",
    "compiled": "compiled", "batch": "batch", "engine": "engines",
}  # fmt: skip
"""What a cell calls its place on an axis, and the setting that lists the places."""


def read_sweep(path: FilePath) -> SweepConfig:
    """The sweep of a YAML file, or of the name of one that the project ships.

    Raises:
        InvalidArgument: the file cannot be read, is no YAML, or a setting is unknown or not acceptable; one
            line that names file and setting.
    """
    place = find_config(path)
    told = read_yaml(place)
    if not isinstance(told, dict):
        raise InvalidArgument(sentences.NO_MAPPING.format(place.name, type(told).__name__))
    return config_of(told, place.name, default_name=place.stem)


def config_of(told: Mapping[str, Any], where: str = "config", default_name: str = "sweep") -> SweepConfig:
    """The sweep of settings that were read from ``where``.

    Raises:
        InvalidArgument: as :func:`read_sweep`.
    """
    unknown = next((key for key in told if key not in SweepConfig.model_fields), None)
    if unknown is not None:
        hint = _hint(str(unknown), SweepConfig.model_fields)
        raise InvalidArgument(sentences.UNKNOWN_KEY.format(where, unknown, hint))
    try:
        config = SweepConfig.model_validate(dict(told))
    except ValidationError as error:
        raise InvalidArgument(_one_line(error, where)) from error
    return config if config.name else config.model_copy(update={"name": default_name})


def shipped_configs() -> dict[str, Path]:
    """The sweeps that the project ships, by name."""
    return {path.stem: path for path in sorted(data_path("configs").glob("*.yaml"))}


def find_config(path: FilePath) -> Path:
    """The file of that path, or the shipped one of that name.

    Raises:
        InvalidArgument: there is neither.
    """
    place, shipped = Path(path), shipped_configs()
    if place.is_file():
        return place
    if str(path) in shipped:
        return shipped[str(path)]
    why = "it is a folder" if place.is_dir() else "there is no such file"
    raise InvalidArgument(sentences.NO_FILE.format(path, why, known_names(str(path), shipped)))


def sweep_schema() -> dict[str, Any]:
    """The JSON Schema of a sweep's file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **SweepConfig.model_json_schema()}


def _hint(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return sentences.MEANT.format(close[0]) if close else sentences.THERE_ARE.format(", ".join(known))


def _one_line(error: ValidationError, where: str) -> str:
    """The deepest of the first complaints: of a union, that of the kind which was meant."""
    complaints = error.errors(include_url=False)
    first = complaints[0]["loc"][0]
    worst = max((one for one in complaints if one["loc"][0] == first), key=lambda one: len(one["loc"]))
    keys = [key for key in worst["loc"] if not re.match(r"constrained|function|OwnModels$|none", str(key))]
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    if worst["type"] == "extra_forbidden":
        hint = _hint(str(keys[-1]), OwnModels.model_fields)
        return sentences.UNKNOWN_KEY.format(where, place, hint)
    said = worst["msg"].removeprefix("Value error, ")
    if worst["type"] == "missing":
        return sentences.NOT_ACCEPTED.format(where, place, "is missing")
    if worst["type"] == "value_error":
        return sentences.NOT_ACCEPTED.format(where, place, said)
    return sentences.NOT_ACCEPTED.format(
        where, place, f"is {worst['input']!r:.60}: {said[0].lower()}{said[1:]}"
    )


if __name__ == "__main__":
    print(json.dumps(sweep_schema(), indent=2))
