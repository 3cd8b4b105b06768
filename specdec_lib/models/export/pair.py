"""Target and draft of a pair, each written for another engine, in one folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from specdec_lib.errors import InvalidArgument, ModelUnavailable
from specdec_lib.models.export import sentences
from specdec_lib.models.files.folder import quantisation_of, read_config
from specdec_lib.models.loader import load_model
from specdec_lib.models.source import find_source, quiet

FORMS = {"gguf": ("gguf",), "openvino": ("openvino", "openvino_tokenizers")}
"""What a model can be written as, and the packages that this takes."""
_COMMANDS = {
    "gguf": "llama-server -m {target}",
    "openvino": "openvino_genai.LLMPipeline({target!r}, 'CPU')",
}
_COMMANDS_WITH_DRAFT = {
    "gguf": "llama-server -m {target} -md {draft} --spec-type draft-simple",
    "openvino": "openvino_genai.LLMPipeline({target!r}, 'CPU', "
    "draft_model=openvino_genai.draft_model({draft!r}))",
}


@dataclass(frozen=True)
class WrittenModel:
    """One model as it was written.

    Attributes:
        role: target or draft.
        model_id: what it was made from.
        path: a file, or a folder.
        num_bytes: of all that was written.
        num_weights: numbers in it.
    """

    role: str
    model_id: str
    path: Path
    num_bytes: int
    num_weights: int


def require_form(form: str) -> None:
    """Refuse a form that nothing is written as, or whose packages are missing.

    Raises:
        InvalidArgument: an unknown form.
        ModelUnavailable: packages that are missing; the line says how to install them.
    """
    if form not in FORMS:
        raise InvalidArgument(sentences.UNKNOWN_FORM.format(form, ", ".join(FORMS)))
    lacking = [name for name in FORMS[form] if find_spec(name) is None]
    if lacking:
        needs = sentences.NEEDS_GGUF_TO_WRITE if form == "gguf" else sentences.NEEDS_OPENVINO
        raise ModelUnavailable(needs.format(", ".join(lacking)))


def export_models(
    models: Mapping[str, str], form: str, folder: Path, width: str = "f32"
) -> list[WrittenModel]:
    """Write each model of ``models`` (its role, and a model as everywhere) into ``folder``, under its role.

    They are read in float32, on the CPU; ``width`` is what matrices are written in.

    Raises:
        InvalidArgument: an unknown form or width.
        ModelUnavailable: a model that cannot be had, or be written, by name.
        OSError: the folder cannot be written.
    """
    require_form(form)
    return [_exported(role, model_id, form, folder, width) for role, model_id in models.items()]


def how_to_run(form: str, written: list[WrittenModel]) -> str:
    """The call that runs what was written: a command for a shell, or for OpenVINO a line of Python."""
    paths = {model.role: str(model.path) for model in written}
    return (_COMMANDS_WITH_DRAFT if "draft" in paths else _COMMANDS)[form].format(**paths)


def _exported(role: str, model_id: str, form: str, folder: Path, width: str) -> WrittenModel:
    packed = quantisation_of(read_config(find_source(model_id)).to_dict())
    if packed is not None:
        raise ModelUnavailable(sentences.IS_PACKED.format(model_id, packed))
    model, tokenizer = load_model(model_id, "float32", "cpu")
    if form == "gguf":
        from specdec_lib.models.export.gguf_file import write_gguf

        path = write_gguf(folder / f"{role}.gguf", model, tokenizer, width, model_id)
        files = [path]
    else:
        from specdec_lib.models.export.openvino_folder import write_openvino

        with quiet():
            path = write_openvino(folder / role, model, tokenizer, width, model_id)
        files = list(path.iterdir())
    num_bytes = sum(file.stat().st_size for file in files)
    return WrittenModel(role, model_id, path, num_bytes, sum(part.numel() for part in model.parameters()))
