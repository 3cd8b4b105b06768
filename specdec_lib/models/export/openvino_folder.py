"""A model as the folder that OpenVINO GenAI reads: the graph of a step, its tokenizer, its configuration.

By the ``openvino`` and ``openvino-tokenizers`` packages alone.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from specdec_lib.models.export.llama_like import require_exported
from specdec_lib.models.export.openvino_graph import step_graph

OPENVINO = "OpenVINO"
OPENVINO_KINDS = ("llama", "mistral", "qwen2", "qwen3")
OPENVINO_WIDTHS = ("f32", "f16")


def write_openvino(
    folder: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    width: str = "f32",
    model_id: str | None = None,
) -> Path:
    """Write a model in float32 and its tokenizer as a folder of OpenVINO's; the folder is made.

    Args:
        width: of the weights as they are kept; what is computed in is the reader's to say
            (``INFERENCE_PRECISION_HINT``: on some processors it is bfloat16 unless set to f32).
        model_id: what it is called in messages; None takes its configuration's name.

    Returns:
        The folder.

    Raises:
        InvalidArgument: an unknown width.
        ModelUnavailable: a kind, or a choice of one, that is not written.
    """
    model_id = model_id or str(model.config.name_or_path or model.config.model_type)
    require_exported(model, model_id, OPENVINO, OPENVINO_KINDS, width, OPENVINO_WIDTHS)
    ov, tokenizers = import_module("openvino"), import_module("openvino_tokenizers")
    folder.mkdir(parents=True, exist_ok=True)
    graph = step_graph(model)
    graph.set_rt_info(width, ["runtime_options", "KV_CACHE_PRECISION"])
    ov.save_model(graph, folder / "openvino_model.xml", compress_to_fp16=width == "f16")
    parts = tokenizers.convert_tokenizer(tokenizer, with_detokenizer=True)
    for part, name in zip(parts, ("tokenizer", "detokenizer"), strict=True):
        ov.save_model(part, folder / f"openvino_{name}.xml")
    model.config.save_pretrained(folder)
    if model.generation_config is not None:
        model.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
