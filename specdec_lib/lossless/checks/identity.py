"""The checks that compare: ids with the baseline's, ends of text with where they should be, caches with none.

Nothing statistical is in them. Below single precision a difference is judged by what rounding explains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.lossless import sentences
from specdec_lib.lossless.doubles.checked import CheckedModel
from specdec_lib.lossless.doubles.ending import complaint, ends_of
from specdec_lib.lossless.evidence.rounding import judge_parting
from specdec_lib.lossless.verdict import Check, bounded_check
from specdec_lib.models.base import logits_dtype

EXACT_DTYPES = (torch.float32, torch.float64)


def check_greedy(
    decoder: Decoder, prompts: Sequence[Sequence[int]], num_tokens: int, report: Callable[[str], None]
) -> Check:
    """Ids at temperature 0 against the baseline's; in half precision each mismatch is judged by its gap."""
    baseline, ties, differing, compared = AutoregressiveDecoder(decoder.target), 0, 0, 0
    width, exact = getattr(decoder, "k", 4) + 1, logits_dtype(decoder.target) in EXACT_DTYPES
    for index, prompt in enumerate(prompts):
        report(f"greedy identity, prompt {index + 1} of {len(prompts)}")
        ours, theirs = (
            one.generate(list(prompt), num_tokens, 0.0, ignore_eos=True, seed=0).generated_ids
            for one in (decoder, baseline)
        )
        compared += len(theirs)
        place = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
        if place is None and len(ours) == len(theirs):
            continue
        tie = False
        if place is not None and not exact:  # where nothing rounds that much, a tie is no excuse
            text, parted = [*prompt, *theirs[:place]], (ours[place], theirs[place])
            tie = judge_parting(decoder.target, text, *parted, width).is_tie
        ties, differing = ties + tie, differing + (not tie)
    seen = sentences.seen_differing(differing, len(prompts), ties)
    says = sentences.GREEDY_SAYS if exact else sentences.GREEDY_SAYS_BUT_FOR_TIES
    return Check("greedy identity", "", seen, compared, "ids", differing == 0, says, bound=0.0)


def check_endings(
    decoder: Decoder, prompts: Sequence[Sequence[int]], num_tokens: int, report: Callable[[str], None]
) -> Check:
    """Greedy texts ended at every place.

    The decoder's target is an :class:`~specdec_lib.lossless.doubles.ending.EndingModel`.
    """
    complaints: list[str | None] = []
    target: Any = decoder.target
    for index, prompt in enumerate(prompts):
        report(f"endings, prompt {index + 1} of {len(prompts)}")
        target.eos_token_ids = ()
        whole = decoder.generate(list(prompt), num_tokens, 0.0, ignore_eos=True, seed=0)
        ids = whole.generated_ids[:num_tokens]
        complaints += [complaint(decoder, prompt, ids, end) for end in ends_of(target, ids)]
    wrong = [one for one in complaints if one]
    seen = sentences.WRONG_ENDS.format(len(wrong), len(complaints))
    says = ": ".join([sentences.ENDINGS_SAY, *wrong[:1]])
    return Check("endings", "", seen, len(complaints), "ends", not wrong, says, bound=0.0)


def check_caches(
    decoder: Decoder, prompt: Sequence[int], num_tokens: int, models: Sequence[CheckedModel]
) -> Check:
    """Roll-backs against fresh forwards, in a run of its own; ``models`` are the decoder's, the target first.

    What is allowed follows from the rounding of the models themselves, measured on the same text.
    """
    decoder.generate(list(prompt), num_tokens, 0.8, ignore_eos=True, seed=0)
    target = models[0]
    used = [model for model in models if model.num_checks]
    worst = max(used, key=lambda model: model.largest_difference / model.allowed, default=target)
    num_cuts = sum(model.num_checks for model in models)
    says = sentences.CACHES_SAY.format(worst.noise)
    found = bounded_check("caches", "", worst.largest_difference, worst.allowed, num_cuts, "cuts", says)
    return found if target.num_checks else replace(found, passed=False)  # nothing was rolled back
