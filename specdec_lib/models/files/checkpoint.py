"""What a checkpoint holds and asks for, set against what was made of it.

Transformers fills what is missing with random numbers and drops what is left over; a checkpoint's
generation_config.json may ask for rules that this library does not apply. The first two are refused (or,
where nothing of the model is lost, said); the third is listed by :func:`unapplied_requests` for whoever tells
the user.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files import sentences
from specdec_lib.models.source import quiet
from specdec_lib.utils.logging import get_logger

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from specdec_lib.models.architecture.module import LanguageModel
    from specdec_lib.models.tensors import Weighed

_NEUTRAL: dict[str, tuple[object, ...]] = {
    "do_sample": (False,), "temperature": (1.0,), "top_k": (0,), "top_p": (1.0,), "min_p": (0.0,),
    "top_h": (), "typical_p": (1.0,), "epsilon_cutoff": (0.0,), "eta_cutoff": (0.0,), "p_less": (False,),
    "p_less_norm": (False,), "repetition_penalty": (1.0,), "encoder_repetition_penalty": (1.0,),
    "no_repeat_ngram_size": (0,), "encoder_no_repeat_ngram_size": (0,), "bad_words_ids": ([],),
    "force_words_ids": ([],), "constraints": ([],), "suppress_tokens": ([],), "begin_suppress_tokens": ([],),
    "sequence_bias": ({}, []), "exponential_decay_length_penalty": (), "forced_bos_token_id": (),
    "forced_eos_token_id": (), "min_new_tokens": (0,), "min_length": (0,), "max_new_tokens": (),
    "max_time": (), "stop_strings": ([], ""), "num_beams": (1,), "num_beam_groups": (1,),
    "penalty_alpha": (0.0,), "guidance_scale": (1.0,), "dola_layers": (), "renormalize_logits": (False,),
    "remove_invalid_values": (False,), "watermarking_config": (), "token_healing": (False,),
}  # fmt: skip
"""Fields of a generation config that change a text, with the values that change nothing (None never does)."""

_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff")
_ROOM = 48


def unapplied_requests(model: Weighed | nn.Module) -> list[str]:
    """What the checkpoint's generation_config.json asks for and decoding here does not do, as ``name=value``.

    Decoding takes its parameters from the caller alone: a checkpoint's temperature or penalty would change
    what is measured. The ids that end a text are the exception (``eos_token_ids``), and no part of this list.
    Sampling parameters count only where the checkpoint asks for sampling.
    """
    holder = getattr(model, "model", model)
    config = getattr(holder, "generation_config", None) or getattr(model, "generation_config", None)
    if config is None:
        return []
    asked = {name: getattr(config, name, None) for name in _NEUTRAL}
    asked = {name: value for name, value in asked.items() if value not in (None, *_NEUTRAL[name])}
    if "do_sample" not in asked:
        asked = {name: value for name, value in asked.items() if name not in _SAMPLING}
    return [f"{name}={_short(value)}" for name, value in asked.items()]


def _short(value: object) -> str:
    said = str(value)
    return said if len(said) <= _ROOM else f"{said[:_ROOM]}…"


def refuse_gaps(model_id: str, missing: Iterable[str], misshapen: Iterable[str | tuple]) -> None:
    """Refuse tensors that the files lack: Transformers fills them with random numbers.

    Raises:
        ModelUnavailable: counting them and naming the first.
    """
    names = [key if isinstance(key, str) else key[0] for key in misshapen]
    gaps = sorted([*missing, *names])
    if gaps:
        raise ModelUnavailable(sentences.TENSORS_ARE_LACKING.format(model_id, len(gaps), gaps[0]))


def refuse_surplus(model_id: str, model: LanguageModel, unexpected: Iterable[str]) -> None:
    """Refuse tensors that belong inside the model and found no place in it: its config describes another one.

    Layers, biases, scales of a quantisation and adapters lie inside a module that the model has. What lies
    beside (a vision tower, a value head) changes no logit and is a warning. Buffers that Transformers itself
    disregards are not in ``unexpected``.

    Raises:
        ModelUnavailable: counting them and naming the first.
    """
    modules = {name for name, _ in model.named_modules()}
    surplus = sorted(key for key in unexpected if not _is_known_surplus(key, model))
    inside = [key for key in surplus if _is_inside(key, modules, model.base_model_prefix)]
    if inside:
        raise ModelUnavailable(sentences.TENSORS_WITHOUT_PLACE.format(model_id, len(inside), inside[0]))
    if surplus:
        get_logger(__name__).warning(sentences.TENSORS_NOT_USED.format(model_id, len(surplus), surplus[0]))


def _is_inside(key: str, modules: set[str], prefix: str) -> bool:
    """Whether a tensor's name starts with the path of one of the model's parts."""
    names = (key.split("."), [prefix, *key.split(".")])
    paths = (path for parts in names for path in accumulate(parts[:-1], "{}.{}".format))
    return any(path in modules and path not in ("", prefix) for path in paths)


def _is_known_surplus(key: str, model: LanguageModel) -> bool:
    """Buffers of old checkpoints, and layers that predict further tokens, which stand behind the last one."""
    if key.endswith(("rotary_emb.inv_freq", ".masked_bias", "position_ids", "rope.freqs")):
        return True
    config = model.config.get_text_config(decoder=True)
    extra = getattr(config, "num_nextn_predict_layers", None) or 0
    layers = getattr(config, "num_hidden_layers", None) or 0
    places = [int(part) for part in key.split(".") if part.isdigit()]
    return bool(extra and places and layers <= places[0] < layers + extra)


def packed_by_int4(described: PreTrainedModel) -> int:
    """Weights that int4 would pack, of a model that ``files.folder.described_model`` made.

    Linear layers, by Transformers' own rule: embeddings, the head and what a model keeps in 32 bits are none.
    """
    return sum(rows * columns for _, rows, columns in _packed_layers(described))


def refuse_too_narrow(model_id: str, described: PreTrainedModel) -> None:
    """Refuse layers that int4 cannot pack for a CPU: those with bfloat16 arithmetic take tiles of 32 × 64.

    Raises:
        ModelUnavailable: naming the first such layer, as when the weights are read.
    """
    try:
        with quiet():
            from bitsandbytes.nn import modules
    except ImportError:  # whoever reads the weights will say
        return
    has_tiles = getattr(modules, "has_avx512bf16", lambda: False)  # other versions may not tell
    for name, rows, columns in _packed_layers(described) if has_tiles() else ():
        if rows % 32 or columns % 64:
            raise ModelUnavailable(sentences.LAYER_TOO_NARROW.format(model_id, name, rows, columns))


def _packed_layers(described: PreTrainedModel) -> Iterator[tuple[str, int, int]]:
    """Name, rows and columns of the layers that int4 packs."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers.base import HfQuantizer
    from transformers.quantizers.quantizers_utils import should_convert_module

    wide = list(described._keep_in_fp32_modules or ())
    kept = HfQuantizer.get_modules_to_not_convert(described, None, wide)
    for name, module in described.named_modules():
        turned = isinstance(module, Conv1D)
        if (type(module) is Linear or turned) and should_convert_module(name, kept):
            rows, columns = reversed(module.weight.shape) if turned else module.weight.shape
            yield name, rows, columns


def warn_of_a_small_packed_share(model_id: str, model: nn.Module) -> None:
    """Say it where int4 leaves most weights as they were: only linear layers are packed.

    A mixture of experts keeps its experts in one large tensor a layer, which bitsandbytes leaves alone.
    """
    packed = total = 0
    for parameter in model.parameters():
        state = getattr(parameter, "quant_state", None)
        count = parameter.numel() if state is None else state.shape.numel()
        packed, total = packed + (0 if state is None else count), total + count
    if 2 * packed < total:
        get_logger(__name__).warning(sentences.SMALL_PACKED_SHARE.format(model_id, packed / total))
