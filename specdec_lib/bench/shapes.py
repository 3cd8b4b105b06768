"""What speculation would gain on models of known shape: random weights, real costs.

Of the four questions it answers *how fast should it be?*, where no weights are at hand: a program.

A forward takes as long whatever its weights say, so the costs of a pair can be measured without its
checkpoint: T(1) and T(K + 1) of the target, c, and the share of the memory's measured bandwidth that a step
reaches. Acceptance is not real, so it is not measured: the speedup is computed for a range of alpha. Run it
with ``python -m specdec_lib.bench.shapes`` on the machine that will serve the pair.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from specdec_lib.bench.measure.scaling.shapes import (
    K_VALUES,
    SHAPES,
    copy_bandwidth,
    measure_shape,
    random_model,
    random_pair,
)
from specdec_lib.bench.records.kinds import ShapeRecord, of_kind
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.tables.prediction import costs_in
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.loader import choose_device
from specdec_lib.theory.speedup import speedup
from specdec_lib.utils.entry_point import OneLineParser, exit_code
from specdec_lib.utils.row import Row

__all__ = [
    "ALPHAS",
    "K_VALUES",
    "SHAPES",
    "ShapeSpeedup",
    "ShapeSummary",
    "copy_bandwidth",
    "main",
    "measure_shape",
    "random_model",
    "shape_summary",
]
ALPHAS = (0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, eq=False)
class ShapeSpeedup(Row):
    """S = E / (K c + v) at one alpha and K."""

    alpha: float
    k: int
    speedup: float


@dataclass(frozen=True, eq=False)
class ShapeSummary(Row):
    """A shape's costs, ``v`` by K; ``bytes_per_second`` of its weights in a step, and their ``share`` of the
    copy bandwidth; and the speedups for every alpha and K."""

    pair: str
    step_ms: float
    c: float
    v: Mapping[int, float]
    bytes_per_second: float
    share: float
    speedups: list[ShapeSpeedup]


def shape_summary(record: ShapeRecord) -> ShapeSummary:
    """A shape's measured costs, the bandwidth that its step reaches, and S for every alpha and K."""
    costs = costs_in(record.costs)
    reached = 1e3 * record.weight_bytes / costs.forward_ms
    speedups = [
        ShapeSpeedup(alpha, k, speedup(alpha, k, costs.c, v)) for alpha in ALPHAS for k, v in costs.v.items()
    ]
    share = reached / record.copy_bytes_per_second
    return ShapeSummary(record.pair, costs.forward_ms, costs.c, costs.v, reached, share, speedups)


# -- python -m specdec_lib.bench.shapes ------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one shape or all of them, and print what was found; exit code 2 on bad input."""
    parser = OneLineParser(
        "[shapes] error: ",
        prog="python -m specdec_lib.bench.shapes",
        description=(__doc__ or "").split("\n\n")[0],
    )
    parser.add_argument("--shape", default="all", help=f"one of {', '.join(SHAPES)}, or all")
    parser.add_argument("--dtype", default="bfloat16", choices=("float16", "bfloat16", "float32"))
    parser.add_argument("--device", default=None, help="cuda, mps or cpu; by default the best there is")
    parser.add_argument("--compile", action="store_true", help="compile both models")
    parser.add_argument("--context", type=int, default=512, help="tokens in the cache")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--output", default="runs/shapes.jsonl", help="results file, appended to")
    return exit_code(lambda: _run(parser.parse_args(arguments)), "[shapes] error: ")


def _run(options: argparse.Namespace) -> None:
    names = list(SHAPES) if options.shape == "all" else [options.shape]
    if unknown := [name for name in names if name not in SHAPES]:
        raise InvalidArgument(f"unknown shape '{unknown[0]}'; choose from {', '.join(SHAPES)}, all")
    device = choose_device(options.device)
    for name in names:
        print(f"[shapes] {name}: random weights in {options.dtype} on {device} …", flush=True)
        target, draft = random_pair(name, options.dtype, device, options.compile)
        measure_shape(name, target, draft, options.output, context=options.context, repeats=options.repeats)
        del target, draft
    newest = {record.pair: record for record in of_kind(read_records(options.output)[0], ShapeRecord)}
    for name in names:
        _show(shape_summary(newest[name]))


def _show(summary: ShapeSummary) -> None:
    v = ", ".join(f"v({k}) = {value:.2f}" for k, value in summary.v.items())
    reached = f"{summary.bytes_per_second / 1e9:.0f} GB/s, {summary.share:.0%} of the copy bandwidth"
    print(f"\n{summary.pair}: {summary.step_ms:.2f} ms a step ({reached}), c = {summary.c:.3f}, {v}")
    for alpha in ALPHAS:
        best = max((row for row in summary.speedups if row.alpha == alpha), key=lambda row: row.speedup)
        print(f"  alpha = {alpha:g}: at best {best.speedup:.2f}x, at K = {best.k}")
    print("  costs are real; acceptance is assumed, because random weights accept nothing")


if __name__ == "__main__":
    sys.exit(main())
