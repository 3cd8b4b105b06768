#!/usr/bin/env bash
# Transformers: `num_assistant_tokens` and the confidence threshold given to `generate()` are ignored.
#
# Expected: `generate(assistant_model=draft, num_assistant_tokens=2)` drafts two tokens a round, and
#   `assistant_confidence_threshold=0.0` lets an unsure draft go on: both are arguments of generation like
#   `prompt_lookup_num_tokens`, which is heard.
# Happens: nothing changes, not a forward, and nothing is said: the draft makes up to 20 tokens a round and
#   stops below 0.4, as without them. The same values set on `draft.generation_config` do count.
# Why: both are read from a copy of the draft's own generation configuration; in the one that holds the
#   arguments of the call the threshold is overwritten by the draft's, and the number is never looked at.
# Seen in: Transformers 5.23.0 and 5.24.0, torch 2.13.0 (CPU, float64). Known (issue 40739 of Transformers).
# Matters to: whoever sweeps the draft length: all points of such a curve are the same run, whatever its
#   labels say. Count the forwards, or the widths of the target's blocks.
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile torch==2.13.0 transformers==5.23.0

HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import logging
import sys

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

print(f"transformers {transformers.__version__}, torch {torch.__version__}")
NEW, PROMPT = 43, torch.tensor([[3, 1, 4, 1, 5, 3, 1, 4]])
TWO_TOKENS = dict(num_assistant_tokens=2)
NO_THRESHOLD = dict(assistant_confidence_threshold=0.0)
SURE, UNSURE = 20.0, 0.05  # factors of the head: its best token has nearly all of the mass, or little


class Listener(logging.Handler):
    """Keeps what Transformers says."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def tiny_model(sharpness):
    """A random llama; models that differ in sharpness alone have the same greedy text."""
    torch.manual_seed(0)
    shape = dict(
        vocab_size=32, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    config = LlamaConfig(**shape, initializer_range=0.4, bos_token_id=None, eos_token_id=None)
    model = LlamaForCausalLM(config).eval().double()
    with torch.no_grad():
        model.lm_head.weight.mul_(sharpness)
    model.generation_config.pad_token_id = 0
    return model


def widths_of_blocks(model):
    """The list that each forward of the model adds its number of positions to."""
    widths = []
    model.register_forward_pre_hook(
        lambda module, positional, named: widths.append(named["input_ids"].shape[1]), with_kwargs=True
    )
    return widths


def one_text(sharpness, given=None, own=None):
    """Forwards of target and draft, and the most tokens drafted in a round."""
    target, draft = tiny_model(SURE), tiny_model(sharpness)
    draft.generation_config.update(**(own or {}))
    of_target, of_draft = widths_of_blocks(target), widths_of_blocks(draft)
    target.generate(
        PROMPT,
        attention_mask=torch.ones_like(PROMPT),
        do_sample=False,
        max_new_tokens=NEW,
        assistant_model=draft,
        **(given or {}),
    )
    return len(of_target), len(of_draft), max(of_target[1:]) - 1


def most_looked_up(tokens):
    """The most tokens that prompt lookup, told its number in the same way, hands to one forward."""
    target = tiny_model(SURE)
    widths = widths_of_blocks(target)
    arguments = dict(attention_mask=torch.ones_like(PROMPT), do_sample=False, max_new_tokens=NEW)
    target.generate(PROMPT, **arguments, prompt_lookup_num_tokens=tokens, max_matching_ngram_size=1)
    return max(widths[1:]) - 1


listener = Listener()
logging.getLogger("transformers").addHandler(listener)
ignored, counted = [], []
for kind, sharpness, setting in (("sure", SURE, TWO_TOKENS), ("unsure", UNSURE, NO_THRESHOLD)):
    default, given, own = (
        one_text(sharpness),
        one_text(sharpness, given=setting),
        one_text(sharpness, own=setting),
    )
    print(f"{kind} draft, {setting}: forwards of target, of draft, most drafted in a round")
    print(f"  by default {default}, given to generate() {given}, set on the draft {own}")
    ignored.append(default == given)
    counted.append(default != own)
looked_up = [most_looked_up(tokens) for tokens in (2, 4)]
spoken = [message for message in listener.messages if "num_assistant" in message or "threshold" in message]
print(f"prompt_lookup_num_tokens=2 and =4, given to generate(): most handed over in a round {looked_up}")
print(f"said of either: {spoken or 'nothing'}")
if not (all(ignored) and all(counted) and looked_up == [2, 4] and not spoken):
    sys.exit("CHANGED: arguments for the draft are no longer ignored as stated at the top of this script")
print("still so: what generate() is told of the draft's length and threshold counts for nothing")
PYTHON
