#!/usr/bin/env bash
# Transformers: loading a GGUF file drops its scaling of positions: another model than the file's.
#
# Expected: a llama file that states `rope.scaling.*` (linear, YaRN), or carries the tensor
#   `rope_freqs.weight` (how converters write the frequency factors of Llama 3.1 and later), loads as a model
#   with those positions.
# Happens: all three load with the default rope and without a word at the default log level. The logits are
#   bit for bit those of the same weights in a file without any scaling, and far from those of a model with
#   the stated scaling.
# Why: only gpt-oss files have their scaling keys read; for llama just the base frequency and the size of a
#   head are, and a tensor that no parameter asks for is passed over.
# Seen in: Transformers 5.0.0, 5.23.0 and 5.24.0, gguf 0.19.0, torch 2.13.0 (CPU, float32).
# Matters to: whoever takes a target or a draft from GGUF files, or takes Transformers as the reference for an
#   engine that reads them: acceptance of a draft falls, and "engines disagree" though each is consistent with
#   itself.
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile torch==2.13.0 transformers==5.23.0 \
  gguf==0.19.0 accelerate==1.15.0

cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from transformers import AutoModelForCausalLM, LlamaForCausalLM

transformers.utils.logging.disable_progress_bar()
print(f"transformers {transformers.__version__}, gguf {version('gguf')}, torch {torch.__version__}")
VOCABULARY, WIDTH, INNER, LAYERS, HEADS, CONTEXT = 48, 32, 64, 2, 2, 4096
FACTORS = np.linspace(1.0, 8.0, WIDTH // HEADS // 2, dtype=np.float32)


def linear(writer):
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(4.0)


def yarn(writer):
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(4.0)
    writer.add_rope_scaling_orig_ctx_len(CONTEXT // 4)


def frequency_factors(writer):
    writer.add_tensor("rope_freqs.weight", FACTORS)


def write(folder, scaling):
    """A two-layer llama of random weights, the same ones every time."""
    folder.mkdir()
    random, writer = np.random.default_rng(0), gguf.GGUFWriter(str(folder / "model.gguf"), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(VOCABULARY)
    if scaling:
        scaling(writer)
    matrices = {"token_embd": (VOCABULARY, WIDTH), "output": (VOCABULARY, WIDTH)}
    for block in range(LAYERS):
        matrices |= {
            f"blk.{block}.{name}": (WIDTH, WIDTH) for name in ("attn_q", "attn_k", "attn_v", "attn_output")
        }
        matrices |= {f"blk.{block}.{name}": (INNER, WIDTH) for name in ("ffn_gate", "ffn_up")}
        matrices[f"blk.{block}.ffn_down"] = (WIDTH, INNER)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{block}.{name}.weight", np.ones(WIDTH, np.float32))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for name, shape in matrices.items():
        writer.add_tensor(f"{name}.weight", (0.3 * random.standard_normal(shape)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.no_grad()
def logits_of(model):
    return model.eval()(torch.arange(1, 41)[None]).logits


def load(name, scaling):
    folder = Path(name)
    write(folder, scaling)
    return AutoModelForCausalLM.from_pretrained(folder, gguf_file="model.gguf")


def as_stated(model, name):
    """The same weights with the positions that the file states."""
    if name == "frequency_factors":
        model.model.rotary_emb.inv_freq /= torch.from_numpy(FACTORS)
        return model
    rope = {"rope_type": name, "rope_theta": 10000.0, "factor": 4.0}
    if name == "yarn":
        rope["original_max_position_embeddings"] = CONTEXT // 4
    config = model.config
    config.rope_parameters = rope
    scaled = LlamaForCausalLM(config)
    scaled.load_state_dict(model.state_dict())
    return scaled


unscaled = logits_of(load("unscaled", None))
dropped = []
for scaling in (linear, yarn, frequency_factors):
    name = scaling.__name__
    model = load(name, scaling)
    rope, loaded = model.config.rope_parameters["rope_type"], logits_of(model)
    stated = logits_of(as_stated(model, name))
    from_unscaled, from_stated = ((loaded - other).abs().max().item() for other in (unscaled, stated))
    print(
        f"{name}: loaded with rope {rope!r}; largest difference of logits "
        f"from the unscaled file {from_unscaled:.3f}, from a model as stated {from_stated:.3f}"
    )
    dropped.append(rope == "default" and from_unscaled == 0 and from_stated > 0.1)
if not all(dropped):
    sys.exit("CHANGED: GGUF files no longer load as stated at the top of this script")
print("still so: the scaling that a GGUF file states is dropped in silence")
PYTHON
