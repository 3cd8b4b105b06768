#!/usr/bin/env bash
# Transformers: streamed text of `LlamaTokenizer` loses a leading space on every line but the first.
#
# Expected: the pieces of `TextIteratorStreamer` (and what `TextStreamer` prints) joined are what `decode`
#   makes of the same ids; the line break only decides when a piece is shown.
# Happens: with a decoder that strips the one leading space of a text (`LlamaTokenizer` as it comes), each
#   line that begins with spaces comes out with one fewer: Python code indented by 4 is streamed indented by
#   3. A byte-level tokenizer streams the same text unharmed, and so does `DecodeStream` of tokenizers on the
#   same ids.
# Why: at a line break the streamer forgets its ids and decodes the next line as if it were a text of its own,
#   whose leading space the decoder strips. Decoding is not a homomorphism; ids cannot be forgotten at will.
# Seen in: Transformers 5.0.0 and 5.23.0, tokenizers 0.22.2 and 0.23.3.
# Matters to: whoever shows or compares streamed continuations, looks for stop strings in them, or counts
#   tokens by encoding them again: two exact decoders seem to differ by how often a block ended at a line
#   break.
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
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers.decoders import DecodeStream
from transformers import LlamaTokenizer, PreTrainedTokenizerFast, TextIteratorStreamer

print(f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}")
TEXT = "def f(x):\n    if x:\n        return 1\n    return 0"


def sentencepiece_like():
    """Transformers' own Llama-2 class with a vocabulary of one token a character."""
    entries = ["<unk>", "<s>", "</s>", "▁", "\n", *sorted(set(TEXT) - {" ", "\n"})]
    return LlamaTokenizer(vocab={entry: i for i, entry in enumerate(entries)}, merges=[])


def byte_level():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    fast = Tokenizer(models.BPE({character: i for i, character in enumerate(alphabet)}, []))
    fast.pre_tokenizer, fast.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=fast)


def streamed(tokenizer, ids):
    streamer = TextIteratorStreamer(tokenizer, timeout=10)
    for token in ids:
        streamer.put(torch.tensor([token]))
    streamer.end()
    return "".join(streamer)


def decode_stream(tokenizer, ids):
    stream = DecodeStream(skip_special_tokens=False)
    return "".join(stream.step(tokenizer.backend_tokenizer, token) or "" for token in ids)


lost = {}
for make in (byte_level, sentencepiece_like):
    tokenizer = make()
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    if not tokenizer.decode(ids) == decode_stream(tokenizer, ids) == TEXT:
        sys.exit("CHANGED: decode or DecodeStream no longer gives the text back")
    text = streamed(tokenizer, ids)
    lost[make.__name__] = len(TEXT) - len(text)
    print(f"{make.__name__}: decode and DecodeStream give the text back; the streamer gives\n{text!r}")
expected = "\n".join([TEXT.split("\n")[0], *(line[1:] for line in TEXT.split("\n")[1:])])
if lost["byte_level"] != 0 or text != expected:
    sys.exit("CHANGED: the streamer no longer behaves as stated at the top of this script")
print(f"still so: {lost['sentencepiece_like']} spaces lost, one for each indented line")
PYTHON
