"""Do two tokenizers mean the same text by the same ids?

A speculative loop exchanges token ids between draft and target, so both must read an id as
the same token (Leviathan et al. 2023 assume it throughout). What counts is the map from token
to id, not the width of the logits: Qwen2.5 pads one tokenizer to 151 936 columns in one size
and to 152 064 in another. It refuses to know about weights.
"""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from specdec_lib.errors import VocabularyMismatch


def require_same_vocabulary(
    target: PreTrainedTokenizerBase, draft: PreTrainedTokenizerBase, pair_name: str
) -> None:
    """Refuse a draft whose tokenizer gives other ids to tokens than its target's.

    Raises:
        VocabularyMismatch: names the pair, both sizes and how many tokens differ.
    """
    if draft is target:
        return
    draft_ids, target_ids = draft.get_vocab(), target.get_vocab()
    if draft_ids == target_ids:
        return
    differing = len(draft_ids.items() ^ target_ids.items())
    raise VocabularyMismatch(
        f"pair '{pair_name}': draft and target do not share a vocabulary ({len(draft_ids)} and "
        f"{len(target_ids)} tokens, {differing} entries differ), so it needs vocabulary translation; "
        "choose a pair with one tokenizer, such as 'pocket'"
    )
