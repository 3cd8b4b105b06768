"""Real models, measured: plain decoding of anybody beside drafts that need no draft model.

The models and where they come from: :mod:`specdec_lib.bench.measure.real.models`; the ways to decode them:
:mod:`specdec_lib.bench.measure.real.arms`; the tables: :mod:`specdec_lib.bench.tables.domains`. Run it with
``make real``, or ``python -m specdec_lib.bench.real``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from specdec_lib.bench.measure.peers.comparison import PeerComparison, peer_prompts
from specdec_lib.bench.measure.prompts import grid_of, prompt_set
from specdec_lib.bench.measure.real.arms import free_drafters, real_arms
from specdec_lib.bench.measure.real.models import REAL_MODELS, fetch, real_model
from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.tables.domains import ALL_TEXTS, comparisons, domain_ratios, domain_table
from specdec_lib.bench.tables.prediction import costs_of
from specdec_lib.decoding.cost_aware import CostAware
from specdec_lib.utils.entry_point import OneLineParser, exit_code

K_VALUES = (1, 2, 3, 4, 5, 6, 8)
"""Draft lengths whose costs are measured, for the arm that chooses among them."""
CHEAPEST = "lookup"
"""The draft that has a compiled arm, and one of measured length."""

# -- python -m specdec_lib.bench.real ------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the models, measure them, print the tables; exit code 2 on bad input."""
    parser = OneLineParser(
        "[real] error: ",
        prog="python -m specdec_lib.bench.real",
        description=(__doc__ or "").split("\n\n")[0],
    )
    parser.add_argument("--models", default=",".join(REAL_MODELS), help="with commas between")
    parser.add_argument("--folder", default=".real", help="where the models lie, or will")
    parser.add_argument("--output", default="runs/real", help="folder of the results, a file a model")
    parser.add_argument("--num-prompts", type=int, default=4, help="prompts a domain")
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--k", type=int, default=4, help="draft tokens a round")
    parser.add_argument("--compile", action="store_true", help="have the compiled arms too, minutes each")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on with the newest session of a file")
    parser.add_argument("--show", metavar="FILE", help="measure nothing, print what that file holds")
    return exit_code(lambda: _run(parser.parse_args(arguments)), "[real] error: ")


def _run(options: argparse.Namespace) -> None:
    if options.show is not None:
        show(read_records(options.show)[0])
        return
    models = [real_model(name.strip()) for name in options.models.split(",")]
    files = [fetch(model, options.folder, _say) for model in models]
    for model, file in zip(models, files, strict=True):
        path = Path(options.output, f"{model.name}.jsonl")
        _measure(model.name, file, path, options)
        show(read_records(path)[0])


def _say(line: str) -> None:
    print(f"[real] {line}", flush=True)


def _measure(name: str, file: Path, path: Path, options: argparse.Namespace) -> list[Record]:
    """One session of a model in float32, greedy; its records are appended to ``path``.

    Args:
        name: of the model, for its records. file: where it lies. options: of ``main``.
    """
    from specdec_lib.models.draft import load_draft
    from specdec_lib.models.fast.threads import use_threads
    from specdec_lib.models.loader import load_model
    from specdec_lib.models.wrapper import ModelWrapper

    target = ModelWrapper(*load_model(str(file), "float32"))
    use_threads(options.threads, target)
    packed = load_draft(target, None, "int4")
    assert isinstance(packed, ModelWrapper)  # of one file, so of one vocabulary
    texts = prompt_set()
    axes = {"k_values": (options.k,), "temperatures": (0.0,), "max_new_tokens": options.max_new_tokens}
    grid = grid_of(texts, options.num_prompts, pair=name, repeats=options.repeats, **axes)
    drafters = free_drafters(target, packed)
    k_values: dict[str, int] = dict.fromkeys(drafters, int(options.k)) | {"self@int4": 1}

    def policy() -> CostAware:
        costs = costs_of(comparison.costs(drafters[CHEAPEST], K_VALUES, repeats=4))
        return CostAware(costs.c, costs.v)

    compile = (CHEAPEST,) if options.compile else ()
    arms = real_arms(target, drafters, k_values, CHEAPEST, policy, compile)
    comparison = PeerComparison(
        grid,
        target,
        packed,
        peer_prompts(grid, target, texts),
        path,
        report=_say,
        arms=arms,
        resume=options.resume,
    )
    return comparison.warm_up() + comparison.measure()


def show(records: Sequence[Record]) -> None:
    """Print each model's rates and ratios, by domain, with and without texts that end in a loop."""
    for name, session in comparisons(records).items():
        print(f"{name}: tokens a second, and over the best plain decoding of anybody")
        for row in domain_table(session):
            if row.texts == ALL_TEXTS and row.ratio is not None:
                print("  {domain:<14}{arm:<28}{tokens_per_second:7.1f}{ratio:7.2f}×".format(**row))
        for row in domain_ratios(session):
            if row.ratio is not None:
                interval = f" ({row.low:.2f}–{row.high:.2f})" if row.has_interval else ""
                told = "  {domain}, {texts}, {num_prompts} prompts: {above} ÷ {below} = {ratio:.2f}×"
                print(told.format(**row) + interval)


if __name__ == "__main__":
    sys.exit(main())
