"""``specdec export``: the models of a pair for other people's engines, to run or to be audited there."""

from __future__ import annotations

from specdec_lib.cli import options
from specdec_lib.cli.selection import busy
from specdec_lib.cli.terminal import console_for, print_json
from specdec_lib.cli.views.export import document_of_export, show_export_of_models
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.registry import choose_pair

NAME = "export"
EXAMPLE = "specdec export --to gguf --out runs/gguf"


def run(
    *,
    to: options.ExportTo,
    out: options.ExportFolder,
    models: options.ExportedPair,
    dtype: options.ExportWidth = "f32",
    as_json: options.Json = False,
) -> None:
    """Write the target and the draft of a pair for llama.cpp or OpenVINO GenAI."""
    chosen = _chosen(models)
    with busy(f"writing {' and '.join(chosen.values())} …"):
        from specdec_lib.models.export.pair import export_models, how_to_run

        written = export_models(chosen, to, out, dtype)
    command = how_to_run(to, written)
    if as_json:
        print_json(document_of_export(to, dtype, written, command))
    else:
        show_export_of_models(console_for(), written, command)


def _chosen(models: options.ExportedPair) -> dict[str, str]:
    """The models to write by their roles."""
    if models.target is not None and models.draft is None:
        if models.pair is not None:
            raise InvalidArgument("--pair names both models; give it, or --target and --draft, not both")
        return {"target": models.target}
    pair = choose_pair(models.pair, models.target, models.draft)
    return {"target": pair.target_model_id, "draft": pair.draft_model_id}
