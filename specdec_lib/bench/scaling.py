"""How the time of a step and of a round grows: with the context, with K, with the depth of the target.

Of the four questions it answers *how fast is it?*, as lengths grow: the program that measures and prints.

A pair is measured as :mod:`specdec_lib.bench.measure.scaling.growth` says, and
:mod:`specdec_lib.bench.tables.scaling` makes the tables. Run it with ``python -m specdec_lib.bench.scaling``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields

from specdec_lib.bench.measure.scaling.growth import NUMBERS, GrowthBlock, GrowthPlan, Scaling
from specdec_lib.bench.records.kinds import ScalingRecord
from specdec_lib.bench.tables.scaling import growth_table, scaling_table
from specdec_lib.utils.entry_point import OneLineParser, exit_code

__all__ = ["GrowthBlock", "GrowthPlan", "Scaling", "main"]

# -- python -m specdec_lib.bench.scaling ---------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a pair, and print the table; exit code 2 on bad input."""
    parser = OneLineParser(
        "[scaling] error: ",
        prog="python -m specdec_lib.bench.scaling",
        description=(__doc__ or "").split("\n\n")[0],
    )
    plan = GrowthPlan()
    parser.add_argument("--pair", default="pocket", help="name of a pair, as `specdec pairs` lists them")
    parser.add_argument("--contexts", type=_numbers, default=plan.contexts, help="such as 128,256,512")
    parser.add_argument("--k-values", type=_numbers, default=plan.k_values, help="such as 1,2,4,8")
    parser.add_argument("--depths", type=_numbers, default=plan.depths, help="layers, such as 5,10,20")
    parser.add_argument("--compile", action="store_true", help="have our compiled step at each depth")
    for name in NUMBERS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(plan, name))
    parser.add_argument("--threads", type=int, default=None, help="threads on the CPU; small models take 1")
    parser.add_argument("--output", default="runs/scaling.jsonl", help="results file, appended to")
    parser.add_argument("--resume", action="store_true", help="go on with the newest session of the file")
    return exit_code(lambda: _measure_and_show(parser.parse_args(arguments)), "[scaling] error: ")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


def _measure_and_show(options: argparse.Namespace) -> None:
    from specdec_lib.data.prompts import PromptDataset
    from specdec_lib.models.fast.threads import use_threads, wanted_threads
    from specdec_lib.models.loader import load_pair

    wanted_threads(options.threads)
    plan = GrowthPlan(**{field.name: getattr(options, field.name) for field in fields(GrowthPlan)})
    pair = load_pair(options.pair).require_one_vocabulary("scaling")
    use_threads(options.threads, pair.target)
    prompts = PromptDataset.build(pair.target, n_per_domain=8, source="builtin").get_all()
    text = [i for prompt in prompts for i in pair.target.encode(prompt.raw_text)]
    models = pair.target, pair.draft
    run = Scaling(plan, options.pair, *models, text, options.output, resume=options.resume)
    if run.trained is not None and max((plan.context, *plan.contexts)) > run.trained:
        run.report(f"beyond {run.trained} tokens the times are real, and the text means nothing")
    run.measure()
    _show(run.records())


def _show(records: Sequence[ScalingRecord]) -> None:
    rows = scaling_table(records)
    for row in rows:
        spread = f"{row['median']:9.2f} ms ({row['low']:.2f} to {row['high']:.2f}), {row['ratio']:.2f}×"
        print(f"{row['vary']:<8}{row['value']:>6}  {row['arm']:<22}{spread}")
    for row in growth_table(rows):
        print(f"{row['vary']} {row['small']} → {row['large']}: {row['arm']} {row['growth']:.2f}×")


if __name__ == "__main__":
    sys.exit(main())
