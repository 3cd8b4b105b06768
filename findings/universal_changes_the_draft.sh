#!/usr/bin/env bash
# Transformers: after one sampled universal assisted call the caller's draft model is another model.
#
# Expected: `generate(assistant_model=draft, ...)` borrows the draft: afterwards it is the model that it was.
# Happens: with `tokenizer=` and `assistant_tokenizer=` and sampling, the draft comes back with its head cut
#   to the shared tokens and its embedding wrapped: logits of fewer columns (and, as the last round happened
#   to end, of the last position alone), other names of parameters. Nothing is said. A greedy call of the same
#   kind leaves the draft as it was.
# Why: cutting the head is done in place on the model that was passed in, and nothing undoes it at the end of
#   the call.
# Seen in: Transformers 5.23.0 and 5.24.0, tokenizers 0.23.3, torch 2.13.0 (CPU, float32). Only where the
#   draft has a token that the target lacks: else nothing is cut.
# Matters to: whoever measures the draft alone (its cost, its own text) or uses it for a second target after a
#   sampled run in the same process: load it afresh, or hand over a copy.
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile torch==2.13.0 transformers==5.23.0 tokenizers==0.23.3

HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import sys

import tokenizers
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

transformers.logging.set_verbosity_error()
print(
    f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}, torch {torch.__version__}"
)
TARGET_WORDS = [f"word{i}" for i in range(12)]
DRAFT_WORDS = [*TARGET_WORDS, *(f"extra{i}" for i in range(4))]
PROMPT = torch.tensor([[0, 5, 2, 7, 1]])
ONE_TEXT = dict(attention_mask=torch.ones_like(PROMPT), max_new_tokens=8)


def word_tokenizer(words):
    fast = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=fast)


def tiny_model(words, seed):
    torch.manual_seed(seed)
    shape = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
    special = dict(bos_token_id=None, eos_token_id=None)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=len(words), **shape, **special, initializer_range=0.4)
    ).eval()
    model.generation_config.pad_token_id = 0
    return model


@torch.no_grad()
def what_it_is(draft):
    """Shape of its logits for PROMPT, and the names of its parameters."""
    return list(draft(PROMPT).logits.shape), sorted(draft.state_dict())


def changed_by(do_sample):
    """What one call makes of the draft that is passed in."""
    target, draft = tiny_model(TARGET_WORDS, 0), tiny_model(DRAFT_WORDS, 1)
    before = what_it_is(draft)
    target.generate(
        PROMPT,
        **ONE_TEXT,
        do_sample=do_sample,
        assistant_model=draft,
        tokenizer=word_tokenizer(TARGET_WORDS),
        assistant_tokenizer=word_tokenizer(DRAFT_WORDS),
    )
    after = what_it_is(draft)
    names = "the same" if before[1] == after[1] else f"new: {sorted(set(after[1]) - set(before[1]))}"
    print(f"do_sample={do_sample}: logits {before[0]} before, {after[0]} after; names of parameters {names}")
    return before != after


torch.manual_seed(2)
after_greedy, after_sampling = changed_by(do_sample=False), changed_by(do_sample=True)
if after_greedy or not after_sampling:
    sys.exit("CHANGED: the draft no longer comes back as stated at the top of this script")
print("still so: a sampled call changes the draft that was passed in, for good")
PYTHON
