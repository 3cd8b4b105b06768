"""``specdec audit``: is somebody's engine exact? Its law summed or counted, or its greedy texts compared.

Exit code 0 says that nothing speaks against the engine, 1 that something does, 2 that it could not be asked.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from specdec_lib.cli import options, sentences
from specdec_lib.cli.auditing import AuditOrder, run_audit, warn
from specdec_lib.cli.terminal import console_for, print_json, safe_table
from specdec_lib.cli.views.checks import print_checks
from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    from specdec_lib.lossless.audit.greedy.outcome import GreedyComparison

NAME = "audit"
EXAMPLE = "specdec audit http://127.0.0.1:8080 --plain http://127.0.0.1:8081"
_PARTINGS = ("text", "token", "A", "B", "gap", "likelier")
_MOST_PARTINGS = 12
_GREEDY_EXITS = {"identical": 0, "rounding": 0, "fault": 1, "undecided": 2}


def run(
    engine: options.AuditedEngine,
    other: options.OtherEngine = None,
    *,
    models: options.ModelOptions,
    threads: options.Threads = None,
    plain: options.PlainEngine = None,
    greedy: options.Greedy = False,
    exactly: options.Exactly = None,
    prompts: options.AuditPrompts = None,
    samples: options.AuditSamples = 4_000,
    tokens: options.AuditTokens = None,
    temperature: options.AuditTemperature = None,
    top_k: options.AuditTopK = None,
    k: options.AuditK = None,
    minutes: options.Minutes = 10.0,
    seed: options.AuditSeed = 0,
    served: options.ServedName = None,
    at_once: options.AtOnce = 8,
    as_json: options.Json = False,
) -> None:
    """Ask whether somebody's engine keeps its target's law, or where two differ at temperature 0."""
    options.require_seed(seed)
    if greedy != (other is not None):
        raise InvalidArgument(sentences.GREEDY_TAKES_TWO if greedy else sentences.TWO_ARE_GREEDY)
    order = AuditOrder(
        engine, models, threads, plain, exactly, prompts, samples, tokens, temperature, top_k, k,
        minutes, seed, served, at_once,
    )  # fmt: skip
    order.require_sound(greedy)
    found, notices = run_audit(order, other)
    code = _GREEDY_EXITS[found.verdict] if greedy else found.exit_code
    if as_json:
        asked = {name: value for name, value in asdict(order).items() if name not in ("models", "engine")}
        print_json({**found.to_dict(), "exit_code": code, "asked": asked, "notices": notices})
    elif greedy:
        _show_comparison(found)
    else:
        print_checks(console_for(), sentences.IS_IT_EXACT.format(found.engine), found.checks, found.says)
    warn(notices)
    if code:
        raise typer.Exit(code)


def _show_comparison(found: GreedyComparison) -> None:
    console = console_for()
    if found.partings:
        rows = [_parting_row(one) for one in found.partings[:_MOST_PARTINGS]]
        title = sentences.WHERE_THEY_PART.format(*found.names)
        console.print(safe_table(title, _PARTINGS, "rrrrrl", rows))
        if (more := len(found.partings) - len(rows)) > 0:
            console.print(sentences.MORE_PART.format(more))
    print_checks(console, sentences.TIE_OR_BUG, found.checks(), found.says)


def _parting_row(one: Any) -> list[Any]:
    gap = "–" if one.gap is None else f"{one.gap:.2g}"
    tokens = ("end" if token is None else str(token) for token in (one.ours, one.theirs))
    return [one.prompt + 1, one.place + 1, *tokens, gap, one.likelier]
