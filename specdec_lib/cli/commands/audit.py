"""``specdec audit``: is somebody's engine exact? Its law summed or counted, or its greedy texts compared.

Exit code 0 says that nothing speaks against the engine, 1 that something does, 2 that it could not be asked.
"""

from __future__ import annotations

from dataclasses import asdict

import typer

from specdec_lib.cli import options
from specdec_lib.cli.auditing import AuditOrder, run_audit, sentences
from specdec_lib.cli.terminal import console_for, print_json, print_warning
from specdec_lib.cli.views.proofs.checks import print_checks
from specdec_lib.cli.views.proofs.partings import print_comparison
from specdec_lib.errors import InvalidArgument

NAME = "audit"
EXAMPLE = "specdec audit http://127.0.0.1:8080 --plain http://127.0.0.1:8081"
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
    samples: options.AuditSamples = None,
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
    """Ask whether somebody's engine keeps its target's law, or where two differ at temperature 0.

    Of a --target, and where a server or a function is judged, weights are float32 but for --dtype.
    """
    options.require_seed(seed)
    if greedy != (other is not None):
        raise InvalidArgument(sentences.GREEDY_TAKES_TWO if greedy else sentences.TWO_ARE_GREEDY)
    order = AuditOrder(
        engine, models, threads, plain, exactly, prompts, samples, tokens, temperature, top_k, k,
        minutes, seed, served, at_once,
    )  # fmt: skip
    order.require_sound(other)
    found, notices = run_audit(order, other)
    code = _GREEDY_EXITS[found.verdict] if greedy else found.exit_code
    if as_json:
        asked = {name: value for name, value in asdict(order).items() if name not in ("models", "engine")}
        print_json({**found.to_dict(), "exit_code": code, "asked": asked, "notices": notices})
    elif greedy:
        print_comparison(console_for(), found)
    else:
        title, judged = sentences.IS_IT_EXACT.format(found.engine), code != 2
        print_checks(console_for(), title, found.checks, found.says, judged)
    print_warning(*notices)
    if code:
        raise typer.Exit(code)
