#!/usr/bin/env bash
# Transformers: classifier-free guidance under speculation gives another greedy text, without a word.
#
# Expected: greedy assisted generation gives the target's own greedy text, whichever processors of logits are
#   set (it does under penalties, n-gram bans, suppressed tokens, biases and minimum lengths). With the target
#   as its own draft every drafted token should even be accepted.
# Happens: with `guidance_scale` above 1, `assistant_model=` and `prompt_lookup_num_tokens=` each give another
#   text than the same call without them. The plain call is right: it equals the formula written out below.
# Why: the guidance processor runs a second, unconditional context of its own and appends one token to it at
#   every call. Verification calls it once for each drafted position, a rejected token is never taken out
#   again, and a draft model is handed the same object, so that its proposals enter the context too.
# Seen in: Transformers 5.23.0 and 5.24.0, torch 2.13.0 (CPU, float64, so no near ties).
# Matters to: whoever verifies a block through processors that keep a state. They must be a pure function of
#   the ids, or be rolled back with the cache; the same goes for grammars, watermarks and penalties with
#   counters.
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile torch==2.13.0 transformers==5.23.0

HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import sys

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

transformers.logging.set_verbosity_error()
print(f"transformers {transformers.__version__}, torch {torch.__version__}")
LENGTH, NEW = 8, 12


def tiny_target(seed):
    torch.manual_seed(seed)
    shape = dict(
        vocab_size=32, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2
    )
    config = LlamaConfig(**shape, initializer_range=0.4, bos_token_id=None, eos_token_id=None)
    model = LlamaForCausalLM(config).eval().double()
    model.generation_config.pad_token_id = 0
    return model


@torch.no_grad()
def guided_by_formula(model, prompt, scale):
    """Greedy ids of u + scale * (c - u), both terms computed afresh: no cache, no state."""
    ids, unconditional = prompt, prompt[:, -1:]
    for _ in range(NEW):
        c = model(ids).logits[:, -1].log_softmax(-1)
        u = model(unconditional).logits[:, -1].log_softmax(-1)
        token = (u + scale * (c - u)).argmax(-1, keepdim=True)
        ids, unconditional = torch.cat([ids, token], 1), torch.cat([unconditional, token], 1)
    return ids[0, LENGTH:].tolist()


def equal_texts(scale):
    """How many of six texts of each mode equal the formula's."""
    equal = {"plain": 0, "assistant_model": 0, "prompt_lookup": 0}
    for seed in range(6):
        model = tiny_target(seed)
        prompt = torch.randint(0, 32, (1, LENGTH))
        truth = guided_by_formula(model, prompt, scale)
        modes = {
            "plain": {},
            "assistant_model": {"assistant_model": model},
            "prompt_lookup": {"prompt_lookup_num_tokens": 3},
        }
        for name, extra in modes.items():
            ids = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=False,
                max_new_tokens=NEW,
                guidance_scale=scale,
                **extra,
            )
            equal[name] += ids[0, LENGTH:].tolist() == truth
    return equal


unguided, guided = equal_texts(1.0), equal_texts(1.5)
print(f"texts equal to the formula, of 6, guidance 1.0 (off): {unguided}")
print(f"texts equal to the formula, of 6, guidance 1.5:       {guided}")
controls_hold = set(unguided.values()) == {6} and guided["plain"] == 6
still = guided["assistant_model"] < 6 and guided["prompt_lookup"] < 6
if not (controls_hold and still):
    sys.exit("CHANGED: guidance with a draft no longer behaves as stated at the top of this script")
print("still so: guidance with a draft silently leaves the target's greedy text")
PYTHON
