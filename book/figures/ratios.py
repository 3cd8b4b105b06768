"""Times drafts and draft lengths side by side in one run, and prints how they compare.

    python book/figures/ratios.py runs/ratios.jsonl                        # an hour or so on a quiet machine
    python book/figures/ratios.py runs/ratios.jsonl --prompts 2 --tokens 32 --clock cpu

On ``pocket``, all arms of a block back to back in rotating order, past any end of text, each from a decoder
of its own; a draft length that learns goes on from text to text. A line a block holds seconds, tokens and
target forwards of every arm, and whether its text ends in a loop. With ``--clock cpu`` seconds are those of
this process on its processor, which a busy machine stretches less. Printed are ratios of totals with 95 %
intervals over prompts, with and without texts that loop.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from specdec_lib import AutoregressiveDecoder, PromptDataset, SpeculativeDecoder, load_pair
from specdec_lib.bench.measure.costs import open_length
from specdec_lib.bench.measure.grid import DOMAINS, rotated
from specdec_lib.bench.records.generations import run_seed
from specdec_lib.bench.tables.bootstrap import bootstrap_interval, by_prompt
from specdec_lib.decoding.cost_aware import CostAware
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.draft_length import DraftLength
from specdec_lib.decoding.drafters.base import Drafter, DraftState, Proposal, certain
from specdec_lib.decoding.drafters.draft_model import as_drafter
from specdec_lib.decoding.drafters.grammar import open_draft
from specdec_lib.decoding.lengths import read_length
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.models.fast.threads import use_threads

FIXED = (1, 2, 4, 8)
LONGEST_PERIOD = 16
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Useless(DraftState):
    """Drafts the same token whatever the text says, at the price of forwards that are for nothing."""

    def __init__(self, model: Any) -> None:
        self.model, self.name = model, "useless"
        self.vocab_size, self.context_length, self.device = model.vocab_size, None, model.device

    def start(self, prompt_ids: Sequence[int], end: int = 0) -> Useless:
        return self

    def roll_back(self, keep_length: int) -> None:
        """Nothing was kept."""

    def propose(
        self, context_ids: Sequence[int], k: int, params: SamplingParams, generator: torch.Generator
    ) -> Proposal:
        last = torch.tensor([list(context_ids)[-1:]], device=self.device)
        for _ in range(k):
            self.model.forward(last)
        return certain([self.vocab_size - 1] * k, self.vocab_size, self.device, params)


def arms_of(pair: Any, context: Sequence[int]) -> dict[str, Callable[[], Decoder]]:
    """What is timed, by name: each makes a decoder that has seen no text."""
    target, model = pair.target, pair.draft

    def opened(spec: str) -> Drafter:
        return open_draft(spec, target, compile=target.compiled is not None)

    drafters = {
        "lookup": ("5", opened("lookup")),
        "lookup, cost-aware": ("cost-aware", opened("lookup")),
        "suffix": ("8", opened("suffix")),
        "suffix:least=4 > draft": ("4", opened("suffix:least=4 > pocket-draft")),
        "lookup > draft": ("4", opened("lookup > pocket-draft")),
        "draft, cost-aware": ("cost-aware", as_drafter(model)),
        "useless, cost-aware": ("cost-aware", Useless(model)),
    }
    found: dict[str, Callable[[], Decoder]] = {"AR": lambda: AutoregressiveDecoder(target)}
    for k in FIXED:
        found[f"draft, K = {k}"] = lambda k=k: SpeculativeDecoder(target, model, k=k)
    for name, (k, drafter) in drafters.items():
        length = learning(open_length(read_length(k), target, drafter, context))
        found[name] = lambda drafter=drafter, length=length: SpeculativeDecoder(target, drafter, k=length)
    return found


def learning(length: DraftLength) -> DraftLength:
    """The policy as the library has it, which begins a text with what earlier ones showed."""
    if isinstance(length, CostAware):
        return CostAware(length.c, length.v, length.overhead, length.baseline)
    return length


def loops(ids: Sequence[int]) -> bool:
    """Whether the last tokens repeat with some period."""
    tail = list(ids)[-2 * LONGEST_PERIOD :]
    return any(tail[n:] == tail[:-n] for n in range(1, min(LONGEST_PERIOD, len(tail) - 1) + 1))


def measured(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A block after the other: the seconds and tokens of each arm."""
    pair = load_pair("pocket", compile=asked.compile)
    use_threads(None, pair.target)
    prompts = PromptDataset.build(pair.target, n_per_domain=asked.prompts, source="builtin")
    room = pair.target.context_length - asked.tokens - 1
    texts = {p.prompt_id: (p.domain, pair.target.encode(p.raw_text)[-room:]) for p in prompts.get_all()}
    arms = arms_of(pair, next(iter(texts.values()))[1])
    clock = CLOCKS[asked.clock]
    places = [(r, t, i) for r in range(-1, asked.repeats) for t in asked.temperatures for i in texts]
    for turn, (repeat, temperature, prompt) in enumerate(places):
        domain, ids = texts[prompt]
        if repeat < 0 and prompt != next(iter(texts)):
            continue  # one prompt warms up what is warm for all of them
        seed, spent, looping = run_seed(asked.seed, temperature, prompt, repeat), {}, False
        for name in rotated(list(arms), turn):
            begun, decoder = clock(), arms[name]()
            run = decoder.generate(ids, asked.tokens, temperature, ignore_eos=True, seed=seed)
            rounds = len(run.generated_ids) - (run.num_accepted_draft_tokens or 0)
            spent[name] = [round(clock() - begun, 6), len(run.generated_ids), rounds]
            looping = loops(run.generated_ids) if name == "AR" else looping
        if repeat >= 0:
            yield {"T": temperature, "domain": domain, "prompt": prompt, "loops": looping, "arms": spent}


def ratio(blocks: Sequence[dict[str, Any]], over: str, under: str) -> str:
    """How many times as fast one arm is as another, with its interval."""
    rows = [((b["domain"], b["prompt"]), (*b["arms"][over][:2], *b["arms"][under][:2])) for b in blocks]
    if not rows:
        return "–"
    value, low, high = bootstrap_interval(
        by_prompt(rows), lambda n: (n[:, 2] / n[:, 3]) / (n[:, 0] / n[:, 1])
    )
    return f"{value:.2f} ({low:.2f}–{high:.2f})"


def fastest(blocks: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    """Which of the arms took least over these blocks."""
    return min(names, key=lambda name: sum(b["arms"][name][0] for b in blocks))


def show(blocks: Sequence[dict[str, Any]]) -> None:
    """The table: by temperature and domain, all texts and those that do not loop."""
    fixed = [f"draft, K = {k}" for k in FIXED]
    for temperature in sorted({b["T"] for b in blocks}):
        for domain in (*DOMAINS, "all"):
            own = [b for b in blocks if b["T"] == temperature and domain in (b["domain"], "all")]
            free = [b for b in own if not b["loops"]]
            best = fastest(own, fixed)
            told = [
                ("lookup ÷ AR", ratio(own, "lookup", "AR")),
                ("… texts without a loop", ratio(free, "lookup", "AR")),
                ("lookup, cost-aware ÷ AR", ratio(own, "lookup, cost-aware", "AR")),
                ("suffix ÷ AR", ratio(own, "suffix", "AR")),
                ("suffix:least=4 > draft ÷ draft", ratio(own, "suffix:least=4 > draft", "draft, K = 4")),
                ("lookup > draft ÷ draft", ratio(own, "lookup > draft", "draft, K = 4")),
                (f"{best} ÷ AR", ratio(own, best, "AR")),
                (f"cost-aware ÷ {best}", ratio(own, "draft, cost-aware", best)),
                ("useless, cost-aware ÷ AR", ratio(own, "useless, cost-aware", "AR")),
            ]
            print(f"T = {temperature:g}, {domain}: {len(own)} runs an arm, {len(own) - len(free)} in loops")
            print("\n".join(f"  {name:34} {value}" for name, value in told))


def main() -> None:
    """Measure, append what was measured to the file, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--prompts", type=int, default=6, help="a domain")
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.0, 0.8])
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=42)
    asked, blocks = parser.parse_args(), []
    with asked.output.open("a", encoding="utf8") as file:
        for block in measured(asked):
            blocks.append(block)
            file.write(json.dumps({"clock": asked.clock, **block}) + "\n")
            file.flush()
    show(blocks)


if __name__ == "__main__":
    main()
