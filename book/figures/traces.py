"""Records the generations that the book's step-through shows: ``make traces``.

    python book/figures/traces.py data/results/traces.jsonl

One built-in prompt a domain, greedy and sampled, with token and with block verification, by the embedded
pair. Everything is recorded as it happened; the seed is the same everywhere and was not chosen among others.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import torch

from specdec_lib import PromptDataset, load_pair
from specdec_lib.bench.measure.annotated import record_annotated

DOMAINS = ("code", "conversation", "summarization")
TEMPERATURES = {"greedy (T = 0)": 0.0, "sampled (T = 0.8)": 0.8}
NUM_TOKENS, K, SEED = 32, 4, 1


def main(output: str) -> None:
    """Record all combinations and write them, one JSON document a line."""
    torch.set_num_threads(1)
    pair = load_pair("pocket")
    prompts = PromptDataset.build(pair.target, n_per_domain=2, source="builtin")
    lines = []
    for domain, (name, temperature), verifier in itertools.product(
        DOMAINS, TEMPERATURES.items(), ("token", "block")
    ):
        prompt = prompts.get_by_domain(domain)[1]
        trace = record_annotated(
            pair.target,
            pair.draft,
            pair.target.encode(prompt.raw_text),
            NUM_TOKENS,
            k=K,
            verifier=verifier,
            temperature=temperature,
            seed=SEED,
            title=f"{prompt.prompt_id}, {name}, {verifier} verification",
            choice={"text": domain, "decoding": name, "verification": verifier},
        )
        lines.append(trace.to_json())
        print(f"{trace.title}: {len(trace.rounds)} rounds", flush=True)
    Path(output).write_text("\n".join(lines) + "\n", encoding="utf8")


if __name__ == "__main__":
    main(*sys.argv[1:])
