"""A model's weights, read by Transformers in the dtype asked for, then looked at: all, and nothing else?

``int4`` is bitsandbytes NF4 with double quantisation, imported only then.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from specdec_lib.errors import ModelUnavailable, is_out_of_memory
from specdec_lib.models.architecture.module import placed
from specdec_lib.models.caches.rollback import require_cache_fields
from specdec_lib.models.files import sentences
from specdec_lib.models.files.checkpoint import refuse_gaps, refuse_surplus, warn_of_a_small_packed_share
from specdec_lib.models.files.folder import described_model, quantisation_of, read_config, warn_of_oddities
from specdec_lib.models.files.headers import most_weights, refuse_too_little
from specdec_lib.models.gguf.folder import packed_as, unpacked_weights
from specdec_lib.models.source import Source, loading
from specdec_lib.models.text.ends import remember_named_ends
from specdec_lib.utils.logging import get_logger

DescribedModel = Callable[[], torch.nn.Module | ModelUnavailable]
"""Makes the model that a configuration describes, once, when it is asked for."""


def load_weights(
    source: Source, dtype: str, device: torch.device, is_spread: bool = False
) -> PreTrainedModel:
    """The model of a folder or repository in evaluation mode, whole, on that device and in that dtype.

    Args:
        is_spread: layers go where there is room, that device first, by accelerate's ``device_map``.

    Raises:
        ModelUnavailable: nothing to load, files of another model than the one described, too little memory,
            tensors missing or left over, plain weights that are called quantised.
    """
    config = read_config(source)
    warn_of_oddities(source, config)
    with loading(source, "weights"):
        quantised = dtype == "int4" or getattr(config, "quantization_config", None) is not None
        options: dict[str, Any] = _int4_options(device) if dtype == "int4" else {"dtype": dtype}
        if quantised or is_spread:
            options["device_map"] = "auto" if is_spread else {"": device}
        described = cache(partial(_described, source, config))
        _refuse_what_cannot_be(source, config, described)
        model, report = _read(source, described, options)
        refuse_gaps(source.model_id, report.get("missing_keys") or (), report.get("mismatched_keys") or ())
        refuse_surplus(source.model_id, model, report.get("unexpected_keys") or ())
        model = (model if quantised or is_spread else placed(model, device)).eval()
        _answer_in_fields(model)
        remember_named_ends(source, model)
        _say_if_unpacked(source, config, model)
        if dtype == "int4":
            warn_of_a_small_packed_share(source.model_id, model)
        if quantised:
            _refuse_plain_weights(source, config, model)
            _pack(model, device)
        return model


def _described(source: Source, config: PretrainedConfig) -> torch.nn.Module | ModelUnavailable:
    """The model that a configuration describes, without weights, or why none can be made of it."""
    try:
        return described_model(source, copy.deepcopy(config))  # making one settles fields of its config
    except ModelUnavailable as error:
        return error


def _refuse_what_cannot_be(source: Source, config: PretrainedConfig, described: DescribedModel) -> None:
    """Refuse what would be allocated and never filled; what cannot be judged here is left to the reader."""
    try:
        held = most_weights(source, config)
    except ModelUnavailable:
        return
    if held is not None and not isinstance(model := described(), ModelUnavailable):
        refuse_too_little(source.model_id, held, model)


def _read(
    source: Source, described: DescribedModel, options: dict[str, Any]
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """What Transformers makes of the files, and its report; config.json is named where it is at fault."""
    try:
        reader: Any = AutoModelForCausalLM
        place = source.location if source.gguf is None else None
        if source.gguf is not None:
            reader, options = type(_made(described)), options | _in_gguf(source, source.gguf)
        loaded: Any = reader.from_pretrained(
            place,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported, and refused by name
            **source.options,
            **options,
        )
        model, report = loaded
        if source.gguf is not None:
            model.config.name_or_path = source.model_id  # the file, not what was written of it
        require_cache_fields(model.config)
        return model, report
    except Exception as error:
        if not is_out_of_memory(error) and isinstance(why := described(), ModelUnavailable):
            raise why from why.__cause__
        raise


def _made(described: DescribedModel) -> Any:
    """The model that a configuration describes, or the error that none can be made of it, raised."""
    if isinstance(model := described(), ModelUnavailable):
        raise model
    return model


def _in_gguf(source: Source, path: Path) -> dict[str, Any]:
    """Configuration and weights of a GGUF file, as Transformers takes them; how they are packed is said."""
    packed = packed_as(path, source.model_id)
    if packed is not None:
        get_logger(__name__).warning(sentences.UNPACKED_GGUF.format(source.model_id, packed))
    return {"config": read_config(source), "state_dict": unpacked_weights(path, source.model_id)}


def _answer_in_fields(model: PreTrainedModel) -> None:
    """A checkpoint's ``return_dict: false`` would have the parts answer in tuples; none are read here."""
    for module in model.modules():
        config = getattr(module, "config", None)
        if config is not None and getattr(config, "return_dict", True) is False:
            config.return_dict = True


def _say_if_unpacked(source: Source, config: PretrainedConfig, model: PreTrainedModel) -> None:
    """Transformers turns some quantised weights into floats where a device cannot compute in them."""
    stored = quantisation_of(config.to_dict())
    if stored is not None and getattr(model.config, "quantization_config", None) is None:
        get_logger(__name__).warning(
            sentences.UNPACKED_FOR_DEVICE.format(
                source.model_id, stored, str(model.dtype).removeprefix("torch.")
            )
        )


def _refuse_plain_weights(source: Source, config: PretrainedConfig, model: PreTrainedModel) -> None:
    """bitsandbytes cannot run a layer that its config.json calls quantised and whose file holds floats."""
    for name, module in model.named_modules():
        if _is_plain(module):
            raise ModelUnavailable(
                sentences.PLAIN_CALLED_QUANTISED.format(
                    source.model_id,
                    quantisation_of(config.to_dict()),
                    name,
                    str(module.weight.dtype).removeprefix("torch."),
                )
            )


def _is_plain(module: torch.nn.Module) -> bool:
    """A layer of bitsandbytes whose weights nobody quantised; those of packed weights have one column."""
    kind = type(module).__name__
    weight: Any = getattr(module, "weight", None)
    if kind == "Linear8bitLt":
        return not hasattr(weight, "SCB")
    return kind == "Linear4bit" and getattr(weight, "quant_state", None) is None and weight.shape[-1] != 1


@torch.inference_mode()
def _pack(model: PreTrainedModel, device: torch.device) -> None:
    """On a CPU, bitsandbytes rearranges int4 weights at the first forward: here, so that a shape it
    cannot take is found out now, by its name, and no timed forward pays for it."""
    inside: list[tuple[str, torch.Size]] = []  # the layer that is being computed
    hooks = []
    for name, module in model.named_modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None:
            layer = (name, state.shape)
            hooks.append(module.register_forward_pre_hook(lambda *_, layer=layer: inside.append(layer)))
            hooks.append(module.register_forward_hook(lambda *_: inside.clear()))
    try:
        model(input_ids=torch.zeros(1, 1, dtype=torch.long, device=device), use_cache=False)
    except (AssertionError, RuntimeError) as error:  # some of the shapes that it cannot pack are asserted
        if not inside or is_out_of_memory(error):
            raise
        name, (rows, columns) = inside[-1]
        raise ModelUnavailable(
            sentences.INT4_CANNOT_PACK.format(name, rows, columns, device.type, error)
        ) from error
    finally:
        for hook in hooks:
            hook.remove()


def _int4_options(device: torch.device) -> dict[str, Any]:
    """NF4 with double quantisation; bitsandbytes quantises while the weights are placed."""
    try:
        import accelerate  # noqa: F401
        import bitsandbytes  # noqa: F401
        from transformers import BitsAndBytesConfig
    except ImportError as error:
        raise ModelUnavailable(sentences.INT4_NEEDS.format(error.name)) from error
    half = device.type == "cuda" and not torch.cuda.is_bf16_supported()
    compute = torch.float16 if half else torch.bfloat16
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )
    return {"quantization_config": config, "dtype": compute}
