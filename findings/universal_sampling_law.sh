#!/usr/bin/env bash
# Transformers: sampled universal assisted decoding leaves the target's law, as a hash order decides.
#
# Expected: with `tokenizer=` and `assistant_tokenizer=` given, `generate(do_sample=True,
#   assistant_model=...)` samples from the target whatever the draft is; that is what speculative sampling
#   promises.
# Happens: the first token already comes from another law, unless the draft tokenizer's `get_vocab()` happens
#   to list the shared tokens by ascending id. A fast tokenizer lists them in the order of a hash table that
#   is made anew at every call, so that the same two models sample from another law after a restart.
# Why: the draft's head is cut down to the shared tokens in the order of `get_vocab()`, and its probabilities
#   are written back in ascending order: the accept step then compares p(x) with the q of another token.
# Seen in: Transformers 5.23.0 and 5.24.0, tokenizers 0.23.3, torch 2.13.0 (CPU, float32). Only where the
#   draft has a token that the target lacks: else nothing is cut.
# Matters to: whoever measures acceptance or quality with a draft of another vocabulary: each run looks sound
#   by itself. A test needs the law of the sampled tokens, with the vocabulary in more than one order.
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
TARGET_TOKENS, DRAFT_TOKENS = ("a", "b", "c"), ("a", "b", "c", "d")
DRAFT_LAW = torch.tensor([0.68, 0.22, 0.08, 0.02])
PROMPT, SAMPLES = torch.tensor([[0, 1, 2]]), 600


class OneListing(PreTrainedTokenizerFast):
    """Lists its vocabulary as the first call did: the order printed is the order used."""

    def get_vocab(self):
        if "listing" not in self.__dict__:
            self.listing = super().get_vocab()
        return self.listing


class Ascending(PreTrainedTokenizerFast):
    """Lists its vocabulary by ascending id: the control."""

    def get_vocab(self):
        return dict(sorted(super().get_vocab().items(), key=lambda entry: entry[1]))


def word_tokenizer(words, kind=PreTrainedTokenizerFast):
    fast = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    return kind(tokenizer_object=fast)


def shared_order(tokenizer):
    return [i for token, i in tokenizer.get_vocab().items() if token in TARGET_TOKENS]


def loaded_in_another_order():
    """The draft's tokenizer as it comes; made again in the one case of six that its order is ascending."""
    while shared_order(tokenizer := word_tokenizer(DRAFT_TOKENS, OneListing)) == [0, 1, 2]:
        pass
    return tokenizer


@torch.no_grad()
def tiny_model(law):
    """A random llama whose head is set so that the next token after PROMPT has the given law."""
    torch.manual_seed(0)
    shape = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    special = dict(bos_token_id=None, eos_token_id=None)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(law), **shape, **special)).eval()
    state = model.model(PROMPT).last_hidden_state[0, -1]
    model.lm_head.weight.copy_(torch.outer(law.log(), state / state.dot(state)))
    model.generation_config.pad_token_id = 0
    return model


def draft_model():
    model = tiny_model(DRAFT_LAW)
    model.generation_config.num_assistant_tokens = 1
    model.generation_config.num_assistant_tokens_schedule = "constant"
    model.generation_config.assistant_confidence_threshold = 0.0
    return model


def sampled_law(target, extra):
    """Relative frequencies of the first new token, and their total variation from the target's law."""
    torch.manual_seed(1)
    counts = torch.zeros(len(TARGET_TOKENS))
    for _ in range(SAMPLES):
        arguments = dict(attention_mask=torch.ones_like(PROMPT), do_sample=True, top_k=0, max_new_tokens=2)
        counts[target.generate(PROMPT, **arguments, **extra)[0, 3]] += 1
    frequencies = counts / SAMPLES
    law = target(PROMPT).logits[0, -1].softmax(-1)
    return frequencies.tolist(), (frequencies - law).abs().sum().item() / 2


target = tiny_model(torch.full((3,), 1 / 3))
target_tokenizer = word_tokenizer(TARGET_TOKENS)
draft_tokenizers = {
    "as loaded": loaded_in_another_order(),
    "ascending": word_tokenizer(DRAFT_TOKENS, Ascending),
}
modes = {"no draft": {}}
for name, tokenizer in draft_tokenizers.items():
    both = dict(tokenizer=target_tokenizer, assistant_tokenizer=tokenizer)
    modes[f"{name}, get_vocab() lists {shared_order(tokenizer)}"] = dict(
        assistant_model=draft_model(), **both
    )

distances = []
print("law of the target: [0.333, 0.333, 0.333]")
for name, extra in modes.items():
    frequencies, distance = sampled_law(target, extra)
    print(f"{name}: sampled {[round(f, 3) for f in frequencies]}, total variation {distance:.3f}")
    distances.append(distance)
no_draft, as_loaded, ascending = distances
if not (max(no_draft, ascending) < 0.06 < 0.1 < as_loaded):
    sys.exit("CHANGED: sampled universal decoding no longer behaves as stated at the top of this script")
print("still so: the order of get_vocab() decides which law is sampled")
PYTHON
