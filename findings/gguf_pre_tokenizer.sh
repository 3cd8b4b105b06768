#!/usr/bin/env bash
# Transformers: a GGUF file's pre-tokenizer is replaced by GPT-2's unless its name is one of 23, in silence.
#
# Expected: `AutoTokenizer.from_pretrained(..., gguf_file=...)` splits text by the rule that the file's
#   `tokenizer.ggml.pre` names, as llama.cpp does with the same file, or refuses a name that it does not
#   know.
# Happens: "gpt-2", "llama-bpe" and "qwen2" give llama.cpp's ids. "smollm" (SmolLM, SmolLM2),
#   "deepseek-coder", "deepseek-v3" and "falcon" give the ids of "gpt-2", without a word: others than
#   llama.cpp's for 1 to 3 of 5 short texts, where white space meets digits, newlines or brackets. So does a
#   name that nobody knows.
# Why: the name is looked up in a table of 23, and llama.cpp knows some ninety; without an entry the
#   splitting of the GPT-2 tokenizer class, which every byte-level file is built from, stays in place.
# Seen in: Transformers 5.23.0 and 5.24.0, tokenizers 0.23.3, gguf 0.19.0; llama.cpp as in xllamacpp
#   2026.10.11549 (its server, on the loopback address).
# Matters to: whoever takes a target from a folder and its draft from a GGUF file, or compares engines on one
#   file: the vocabularies are equal, so no comparison of vocabularies sees it, and the model is fed tokens
#   that its training did not have in that place.
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile torch==2.13.0 transformers==5.23.0 \
  tokenizers==0.23.3 gguf==0.19.0 xllamacpp==2026.10.11549

cd "$work"
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 PYTHONUTF8=1
"$work/venv/bin/python" - 2>"$work/log" <<'PYTHON' || { tail -n 20 "$work/log"; exit 1; }
import json
import logging
import os
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import gguf
import numpy as np
import transformers
import xllamacpp
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer

print(f"transformers {transformers.__version__}, gguf {version('gguf')}, xllamacpp {version('xllamacpp')}")
MERGES = ["Ġ Ġ", "ĠĠ ĠĠ", "Ċ Ċ", "Ċ Ġ", "o r", "i n", "Ġ (", ") :"]
MERGED = [pair.replace(" ", "") for pair in MERGES]
TOKENS = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *MERGED, "<|end|>"]
WIDTH, INNER = 32, 64
TEXTS = ("for x in  12", "a\n\n\n  b", "x =    3.5", "print (x):", "plain words for all")
HEARD, UNHEARD = ("gpt-2", "llama-bpe", "qwen2"), ("smollm", "deepseek-coder", "deepseek-v3", "falcon")
SERVERS = []  # left open, and the process with them: closing one soon after its start may wait for ever


class Listener(logging.Handler):
    """Keeps what Transformers says."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def leave(code):
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def failed(*error):
    traceback.print_exception(*error)
    leave(1)


def write(folder, rule):
    """A one-layer llama of random weights with a byte-level vocabulary, split by the rule of that name."""
    folder.mkdir()
    random, writer = np.random.default_rng(0), gguf.GGUFWriter(str(folder / "model.gguf"), "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // 2)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(rule)
    writer.add_token_list(TOKENS)
    writer.add_token_merges(MERGES)
    writer.add_token_types([gguf.TokenType.NORMAL] * (len(TOKENS) - 1) + [gguf.TokenType.CONTROL])
    writer.add_bos_token_id(len(TOKENS) - 1)
    writer.add_eos_token_id(len(TOKENS) - 1)
    writer.add_add_bos_token(False)
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    matrices = {"token_embd": (len(TOKENS), WIDTH), "output": (len(TOKENS), WIDTH)}
    matrices |= {f"blk.0.{name}": (WIDTH, WIDTH) for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
    matrices |= {f"blk.0.{name}": (INNER, WIDTH) for name in ("ffn_gate", "ffn_up")}
    matrices["blk.0.ffn_down"] = (WIDTH, INNER)
    for name, shape in matrices.items():
        writer.add_tensor(f"{name}.weight", random.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def ids_of_transformers(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file="model.gguf")
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]


def ids_of_llama_cpp(folder):
    """What the server in this process, which listens on this machine alone, makes of the texts."""
    settings = xllamacpp.CommonParams()
    settings.model.path, settings.n_ctx, settings.port = str(folder / "model.gguf"), 128, 0
    settings.cpuparams.n_threads = 1
    SERVERS.append(xllamacpp.Server(settings))
    address, opener, ids = SERVERS[-1].listening_address, build_opener(ProxyHandler({})), []
    for text in TEXTS:
        body = json.dumps({"content": text, "add_special": False}).encode()
        request = Request(f"{address}/tokenize", body, {"Content-Type": "application/json"})
        with opener.open(request, timeout=60) as answer:
            ids.append(json.load(answer)["tokens"])
    return ids


def spelled(ids):
    return " ".join(TOKENS[i] for i in ids)


sys.excepthook = failed
listener = Listener()
logging.getLogger("transformers").addHandler(listener)
ours, theirs = {}, {}
for rule in (*HEARD, *UNHEARD, "no-such-rule"):
    folder = Path(rule)
    write(folder, rule)
    ours[rule] = ids_of_transformers(folder)
    if rule == "no-such-rule":
        continue
    theirs[rule] = ids_of_llama_cpp(folder)
    other = [pair for pair in zip(ours[rule], theirs[rule], strict=True) if pair[0] != pair[1]]
    example = f"; {spelled(other[0][0])!r}, llama.cpp {spelled(other[0][1])!r}" if other else ""
    print(f"{rule}: other ids than llama.cpp for {len(other)} of {len(TEXTS)} texts{example}", flush=True)
print(f"no-such-rule: taken, ids as of gpt-2: {ours['no-such-rule'] == ours['gpt-2']}")
spoken = [message for message in listener.messages if "pre" in message.lower() or "split" in message.lower()]
print(f"said of splitting: {spoken or 'nothing'}")
rules_differ = len({str(theirs[rule]) for rule in HEARD}) > 1
heard = all(ours[rule] == theirs[rule] for rule in HEARD)
unheard = all(ours[rule] == ours["gpt-2"] != theirs[rule] for rule in UNHEARD)
still = rules_differ and heard and unheard and ours["no-such-rule"] == ours["gpt-2"] and not spoken
if not still:
    print("CHANGED: pre-tokenizers of GGUF files are no longer read as stated at the top of this script")
    leave(1)
print("still so: where a name is not in the table, a GGUF file's text is split as GPT-2's")
leave(0)
PYTHON
