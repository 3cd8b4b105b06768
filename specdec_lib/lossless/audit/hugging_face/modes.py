"""How ``generate`` can be asked to speculate: one entry a mode, and what each is tried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.hugging_face import sentences
from specdec_lib.lossless.audit.hugging_face.mode import Mode
from specdec_lib.lossless.audit.hugging_face.small_assistants import (
    gemma_assistant_error,
    has_gemma_assistant,
    small_gemma_assistant,
    small_gemma_target,
)
from specdec_lib.lossless.audit.hugging_face.small_drafters import (
    has_block_drafting,
    has_further_layers,
    predict_further,
    small_block_drafter,
    small_mtp_target,
)
from specdec_lib.lossless.audit.hugging_face.small_models import SmallPair, word_tokenizer
from specdec_lib.lossless.audit.hugging_face.trial import ModeTrial, twins_of
from specdec_lib.utils.names import known_names

PREFIX = "hf:"
"""What the name of a mode begins with on the command line."""


def _plain(trial: ModeTrial, draft: Any) -> dict[str, Any]:
    return {}


def _assisted(trial: ModeTrial, draft: Any) -> dict[str, Any]:
    """K tokens a round, whatever the draft thinks of them: only its own configuration is heard."""
    config = draft.generation_config
    config.num_assistant_tokens, config.num_assistant_tokens_schedule = trial.k, "constant"
    config.assistant_confidence_threshold = 0.0
    return {"assistant_model": draft}


def _as_configured(trial: ModeTrial, draft: Any) -> dict[str, Any]:
    return {"assistant_model": draft}


def _ensemble(trial: ModeTrial, draft: Any) -> dict[str, Any]:
    return _assisted(trial, draft) | {"assistant_ensemble_weight": 0.5}


def _lookup(trial: ModeTrial, draft: Any) -> dict[str, Any]:
    return {"prompt_lookup_num_tokens": trial.k}


def _early_exit(trial: ModeTrial, draft: Any) -> dict[str, Any]:
    return {"assistant_early_exit": 1}


def _universal(trial: ModeTrial, draft: Any) -> dict[str, Any]:
    both = {
        "tokenizer": word_tokenizer(_UNIVERSAL.vocab),
        "assistant_tokenizer": word_tokenizer(draft.config.vocab_size, trial.listing),
    }
    return _assisted(trial, draft) | both


def _further(trial: ModeTrial, draft: Any) -> dict[str, Any]:
    return {"use_mtp": True}


def _further_models(pair: SmallPair) -> tuple[Any, Any]:
    return small_mtp_target(pair.vocab, 2 * pair.seed + 1), None


def _blocks(trial: ModeTrial, draft: Any) -> dict[str, Any]:
    _require_drafted(trial, "dflash")
    draft.config.block_size = trial.k + 1  # the last token that is known comes first
    return {"assistant_model": draft, "speculation_type": "dflash"}


def _block_models(pair: SmallPair) -> tuple[Any, Any]:
    target = pair.target()
    return target, small_block_drafter(target.config, 2 * pair.seed + 2)


def _gemma_assistant(trial: ModeTrial, draft: Any) -> dict[str, Any]:
    _require_drafted(trial, "gemma4-assistant")
    return _assisted(trial, draft)


def _gemma_models(pair: SmallPair) -> tuple[Any, Any]:
    target = small_gemma_target(pair.vocab, 2 * pair.seed + 1)
    return target, small_gemma_assistant(target.config, 2 * pair.seed + 2)


def _gemma_told() -> str:
    error = gemma_assistant_error()
    return error and sentences.REPAIRED.format(error)


def _require_drafted(trial: ModeTrial, name: str) -> None:
    if trial.num_tokens < _FEWEST_DRAFTED:
        raise InvalidArgument(sentences.TOO_FEW.format(name, _FEWEST_DRAFTED))


_FEWEST_DRAFTED = 3  # the first comes without a draft, and the last is never drafted
_UNIVERSAL = SmallPair(draft_vocab=4)
PLAIN = Mode("plain", sentences.PLAIN, _plain)
"""Decoding without a draft: the control of every mode."""
MODES: tuple[Mode, ...] = (
    Mode("draft", sentences.DRAFT, _assisted, needs_draft=True),
    Mode("draft-defaults", sentences.DRAFT_DEFAULTS, _as_configured, needs_draft=True),
    Mode("lookup", sentences.LOOKUP, _lookup),
    Mode("early-exit", sentences.EARLY_EXIT, _early_exit, own_models=True),
    Mode("universal", sentences.UNIVERSAL, _universal, needs_draft=True, own_models=True),
    Mode(
        "mtp",
        sentences.MTP,
        _further,
        own_models=True,
        is_there=has_further_layers,
        prepare=predict_further,
        models=_further_models,
    ),
    Mode(
        "dflash",
        sentences.DFLASH,
        _blocks,
        needs_draft=True,
        own_models=True,
        is_there=has_block_drafting,
        models=_block_models,
    ),
    Mode(
        "gemma4-assistant",
        sentences.GEMMA_ASSISTANT,
        _gemma_assistant,
        needs_draft=True,
        own_models=True,
        is_there=has_gemma_assistant,
        models=_gemma_models,
        told=_gemma_told,
    ),
    Mode("ensemble", sentences.ENSEMBLE, _ensemble, needs_draft=True, is_lossy=True),
)
"""Every mode that can be audited."""


def find_mode(name: str) -> Mode:
    """The mode of that name, with or without ``hf:``.

    Raises:
        InvalidArgument: there is none.
    """
    wanted = name.removeprefix(PREFIX)
    found = next((mode for mode in (*MODES, PLAIN) if mode.name == wanted), None)
    if found is None:
        raise InvalidArgument(
            sentences.UNKNOWN_MODE.format(wanted, known_names(wanted, [mode.name for mode in MODES]))
        )
    return found


def small_trials(mode: Mode, seeds: Sequence[int] = (0, 1)) -> list[ModeTrial]:
    """What a mode is tried on where no models are named: random ones, warped in several ways."""
    trials = []
    for seed in seeds:
        pair = replace(_UNIVERSAL if mode.name == "universal" else SmallPair(), seed=seed)
        models = mode.models if mode.is_there() else PLAIN.models
        makers = twins_of(*models(pair))
        one = ModeTrial(*makers, pair.prompt, says=sentences.SMALL_PAIR.format(pair.vocab, seed))
        one = replace(one, label=sentences.SEED.format(seed))
        if mode.name == "universal":
            for listing in (range(4), (2, 0, 3, 1)):
                told = sentences.LISTED.format(one.says, " ".join(map(str, listing)))
                label = sentences.LISTED_BRIEFLY.format(one.label, "".join(map(str, listing)))
                trials.append(replace(one, listing=tuple(listing), says=told, label=label))
        else:
            told = sentences.WARPED.format(one.says, 0.7, 2)
            label = sentences.WARPED_BRIEFLY.format(one.label, 0.7, 2)
            trials += [one, replace(one, temperature=0.7, top_k=2, says=told, label=label)]
    return trials


def pair_trials(
    mode: Mode,
    target: Any,
    draft: Any | None,
    prompts: Sequence[Sequence[int]],
    k: int,
    temperature: float,
    top_k: int,
) -> list[ModeTrial]:
    """What a mode is tried on with one's own models: laws cut to the likeliest ``top_k``, a trial a prompt.

    Args:
        target, draft: models of Transformers; the draft may be None where the mode needs none.

    Raises:
        InvalidArgument: the mode needs a draft, or small models of its own.
    """
    mode.require(draft)
    makers = twins_of(target, draft)
    return [
        ModeTrial(
            *makers,
            tuple(prompt),
            k=k,
            temperature=temperature,
            top_k=top_k,
            says=sentences.OWN_PAIR.format(len(prompt), temperature, top_k),
            label=sentences.PROMPT.format(place),
        )
        for place, prompt in enumerate(prompts, start=1)
    ]
