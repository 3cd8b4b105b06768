"""A draft model for its target: on its device, of its width, and no id proposed that means something else.

:func:`~specdec_lib.models.loader.load_pair` loads both models at once; :func:`load_draft` adds a draft to a
target that runs already.
"""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedTokenizerBase

from specdec_lib.errors import InvalidArgument
from specdec_lib.models import sentences
from specdec_lib.models.files.folder import check_folder
from specdec_lib.models.files.weights import load_weights
from specdec_lib.models.registry import require_dtype
from specdec_lib.models.source import Source, find_source
from specdec_lib.models.tensors import are_one_model
from specdec_lib.models.text.tokenizer import load_tokenizer
from specdec_lib.models.vocabulary import ForeignDraft, Relation, require_vocabulary
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils.logging import get_logger


def load_draft(
    target: ModelWrapper, model_id: str | None, dtype: str = "auto", compile: bool = False
) -> ModelWrapper | ForeignDraft:
    """A draft model for a target that is loaded already, by the rules of ``load_pair``.

    One of another vocabulary comes with its translation, as ``LoadedPair.drafter`` does.

    Args:
        model_id: as in :func:`~specdec_lib.models.loader.load_model`; None reads the target's own files.
        dtype: one of ``DTYPES``.

    Raises:
        InvalidArgument: an unknown dtype, a target without a tokenizer or without files.
        VocabularyMismatch: two tokenizers that cannot be translated; said before weights are read.
        ModelUnavailable: the model cannot be had.
    """
    require_dtype(dtype)
    files = str(getattr(target.config, "_name_or_path", "") or "")
    if target.tokenizer is None or not (model_id or files):
        lacking = "tokenizer" if target.tokenizer is None else "files"
        raise InvalidArgument(sentences.TARGET_LACKS.format(target.name, lacking))
    source = find_source(files if model_id is None else model_id)
    check_folder(source, dtype)
    same = files in (source.location, source.model_id)
    tokenizer = target.tokenizer if same else load_tokenizer(source)
    name = f"{model_id or 'self'} for {target.name}"
    vocabulary = require_vocabulary(target.tokenizer, tokenizer, name)
    draft = draft_of(target, source, dtype, tokenizer, vocabulary, compile)
    translation = vocabulary.translation
    say_what_is_odd(name, vocabulary, translation is None and are_one_model(target.model, draft.model))
    return draft if translation is None else ForeignDraft(draft, translation, target.vocab_size)


def draft_of(
    target: ModelWrapper,
    source: Source,
    dtype: str,
    tokenizer: PreTrainedTokenizerBase,
    vocabulary: Relation,
    compile: bool,
) -> ModelWrapper:
    """A model with logits as wide as the target's, in which ids that mean something else are never drawn.

    One whose tokens will be translated keeps its own.
    """
    shared = {"vocab_size": target.vocab_size, "masked_ids": vocabulary.masked_ids}
    columns: dict[str, Any] = shared if vocabulary.translation is None else {}
    weights = load_weights(source, dtype, target.device)
    return ModelWrapper(weights, tokenizer, compile=compile, **columns)


def say_what_is_odd(name: str, vocabulary: Relation, is_one_model: bool) -> None:
    """A line each about a pair that runs and is not quite what one expects."""
    log = get_logger(__name__)
    if vocabulary.translation is not None:
        log.warning(sentences.PAIR_IS_TRANSLATED.format(name, vocabulary.translation))
    elif vocabulary.masked_ids:
        log.warning(sentences.PAIR_DIFFERS_IN_IDS.format(name, vocabulary.differences))
    if is_one_model:
        log.warning(sentences.PAIR_IS_ONE_MODEL.format(name))
