#!/usr/bin/env bash
# Transformers: Phi-3 with longrope gives another greedy text once speculation crosses the original length.
#
# Expected: greedy assisted generation gives the target's own greedy text. Plain `generate` of Phi-3 is right
#   where the text crosses `original_max_position_embeddings`: it throws the cache away once and computes all
#   keys again with the long factors, and so equals generation without a cache.
# Happens: with `assistant_model=` or `prompt_lookup_num_tokens=` the text leaves the plain one at the
#   crossing, silently.
# Why: the rope's factors are chosen by the length that a forward sees. A block that looks across the border
#   is judged with the long factors although the tokens judged lie before it, and the rebuilding of the cache
#   is decided by the drafted length and not by what is accepted, so that keys of the two kinds meet in one
#   cache.
# Seen in: Transformers 5.23.0 and 5.24.0, torch 2.13.0 (CPU, float64, so no near ties; tiny random models,
#   border at 32).
# Matters to: whoever verifies blocks on a model whose positions depend on the length (Phi-3, Phi-3.5,
#   Phi-4-mini). A round has to end at the border; and identity of short texts says nothing about texts that
#   cross it.
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile torch==2.13.0 transformers==5.23.0

HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import copy
import sys

import torch
import transformers
from transformers import Phi3Config, Phi3ForCausalLM

transformers.logging.set_verbosity_error()
print(f"transformers {transformers.__version__}, torch {torch.__version__}")
BORDER, SEEDS = 32, range(6)


def tiny_phi3(seed):
    torch.manual_seed(seed)
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * 8,
        "long_factor": [8.0] * 8,
        "original_max_position_embeddings": BORDER,
    }
    shape = dict(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2
    )
    lengths = dict(max_position_embeddings=128, original_max_position_embeddings=BORDER)
    special = dict(pad_token_id=0, bos_token_id=1, eos_token_id=None)
    config = Phi3Config(**shape, **lengths, **special, rope_parameters=rope, initializer_range=0.4)
    return Phi3ForCausalLM(config).eval().double()


def near_copy(model, seed):
    """A draft that agrees with its target often, but not always."""
    draft, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in draft.parameters():
            weight += 0.02 * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return draft


def first_differences(prompt_length, new_tokens):
    """Length of text at which each mode leaves the plain greedy text (None: never), by mode."""
    found = {"no cache": [], "assistant_model": [], "prompt_lookup": []}
    for seed in SEEDS:
        model = tiny_phi3(seed)
        prompt = torch.randint(3, 64, (1, prompt_length))
        arguments = dict(attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=new_tokens)
        plain = model.generate(prompt, **arguments)[0].tolist()
        modes = {
            "no cache": {"use_cache": False},
            "assistant_model": {"assistant_model": near_copy(model, seed)},
            "prompt_lookup": {"prompt_lookup_num_tokens": 3},
        }
        for name, extra in modes.items():
            text = model.generate(prompt, **arguments, **extra)[0].tolist()
            found[name].append(
                next((i for i, pair in enumerate(zip(plain, text)) if pair[0] != pair[1]), None)
            )
    return found


before, beyond = first_differences(8, 16), first_differences(40, 16)
across = first_differences(20, 30)
print(f"texts of  8 to 24 ids, border {BORDER}: leave the plain text at {before}")
print(f"texts of 40 to 56 ids, border {BORDER}: leave the plain text at {beyond}")
print(f"texts of 20 to 50 ids, border {BORDER}: leave the plain text at {across}")
silent = [None] * len(SEEDS)
controls_hold = all(mode == silent for mode in (*before.values(), *beyond.values(), across["no cache"]))
still = across["assistant_model"] != silent and across["prompt_lookup"] != silent
if not (controls_hold and still):
    sys.exit("CHANGED: longrope with a draft no longer behaves as stated at the top of this script")
print("still so: speculation across the border silently leaves the target's greedy text")
PYTHON
