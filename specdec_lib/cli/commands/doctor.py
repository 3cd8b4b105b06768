"""``specdec doctor``: what this machine has, and which pairs run on it.

Every check ends by itself: those that ask another machine run beside each other and are given up
after a moment, so that the command answers offline too. Only the embedded pair must be there;
everything else is a fact to report.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import typer

from specdec_lib.cli import options
from specdec_lib.cli.selection import busy, choose_models, select
from specdec_lib.cli.terminal import console_for, print_json, table, text
from specdec_lib.cli.views import fit
from specdec_lib.errors import InvalidArgument, ModelUnavailable, SpecDecError
from specdec_lib.models.registry import REGISTRY, ModelPair
from specdec_lib.utils.numbers import counted, short_count

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from specdec_lib.cli.views.pair_check import PairReport

NAME = "doctor"
EXAMPLE = "specdec doctor"
PATIENCE = 4.0
"""Seconds to wait for other machines, all together."""

_SIGNS = {"ok": ("✓", "green"), "note": ("·", "dim"), "bad": ("✗", "bold red")}


@dataclass(frozen=True)
class Check:
    """One line of the report: ``status`` is ok, note (worth knowing) or bad (must be put right)."""

    name: str
    status: str
    detail: str


NOT_TRIED = Check("drafter", "note", "not tried: it is made with the target, which does not run here")


def run(
    pair: options.DoctorPair = None,
    target: options.Target = None,
    draft: options.Draft = None,
    dtype: options.Dtype = None,
    draft_dtype: options.DraftDtype = None,
    drafter: options.Drafter = None,
    device: options.Device = None,
    autoregressive: options.Autoregressive = False,
    as_json: options.Json = False,
) -> None:
    """Say what this machine has and which pairs fit in its memory; or of one pair, whether it runs here."""
    models = {"pair": pair, "target": target, "draft": draft, "dtype": dtype, "draft_dtype": draft_dtype}
    if drafter is not None or autoregressive:
        _report_target(models, drafter, device, autoregressive, as_json)
        return
    if pair is not None or target is not None or draft is not None:
        chosen = choose_models(**models)
        with busy(f"looking at {chosen.pair_name} …"):
            from specdec_lib.cli.views.pair_check import examine_pair

            report = examine_pair(chosen, device)
        _show_pair(report, as_json)
        return
    if dtype is not None or draft_dtype is not None or device is not None:
        raise InvalidArgument(
            "--dtype, --draft-dtype and --device need a pair: give --pair or --target, --draft"
        )
    with busy("looking around …"):
        checks, memory, rows = examine()
    if as_json:
        print_json({"checks": [asdict(check) for check in checks], "memory": memory, "pairs": rows})
    else:
        _show(console_for(), checks, memory, rows)
    if any(check.status == "bad" for check in checks):
        raise typer.Exit(1)


def _report_target(
    models: dict[str, str | None], drafter: str | None, device: str | None, alone: bool, as_json: bool
) -> None:
    """A target that no draft model drafts for: alone, or with a drafter of somebody's own."""
    selection = select(**models, device=device, needs_draft=not alone, drafter=drafter)
    with busy(f"looking at {selection.pair.pair_name} …"):
        from specdec_lib.cli.views.drafter_check import check_drafter
        from specdec_lib.cli.views.pair_check import examine_target

        report = examine_target(selection.pair, device)
        if drafter is not None:
            runs = all(check.status == "ok" for check in report.checks)
            report.checks.append(check_drafter(selection) if runs else NOT_TRIED)
    _show_pair(report, as_json)


def _show_pair(report: PairReport, as_json: bool) -> None:
    if as_json:
        print_json(report.to_dict())
    else:
        console = console_for()
        console.print(text(report.pair.pair_name, "bold"))
        console.print(_checks_grid(report.checks))
    if any(check.status == "bad" for check in report.checks):
        raise typer.Exit(1)


def examine() -> tuple[list[Check], dict[str, Any], list[dict[str, Any]]]:
    """All checks, the memory that models would run in, and what each pair needs of it."""
    asked = _ask({"hub": check_hub, "Ollama": check_ollama})
    checks = [*_environment(), check_compiler(), check_embedded(), *asked]
    memory = free_memory()
    reachable = next(check.status == "ok" for check in asked if check.name == "hub")
    return checks, memory, [_fit(pair, memory["free_gib"], reachable) for pair in REGISTRY.values()]


# -- checks ----------------------------------------------------------------------------------------


def _environment() -> list[Check]:
    from specdec_lib import __version__
    from specdec_lib.utils.reproducibility import environment_fingerprint

    found = environment_fingerprint()
    int4 = found["bitsandbytes"]
    return [
        Check("specdec", "ok", __version__),
        Check("Python", "ok", f"{found['python']} on {found['os']}"),
        Check("torch", "ok", f"{found['torch']}, {counted(found['threads'], 'thread')}"),
        Check("transformers", "ok", found["transformers"]),
        Check("int4", "ok", f"bitsandbytes {int4}")
        if int4
        else Check("int4", "note", "not possible without bitsandbytes: pip install bitsandbytes"),
        Check("processor", "ok", f"{found['cpu']}, {counted(found['cores'], 'core')}"),
        _gpu(found),
    ]


def _gpu(found: dict[str, Any]) -> Check:
    if not found["gpu"]:
        return Check("GPU", "note", "none that CUDA can use")
    memory = f"{found['gpu_memory_mb'] / 1024:.0f} GiB"
    return Check("GPU", "ok", f"{found['gpu']}, {memory}, CUDA {found['cuda']}")


def check_compiler() -> Check:
    """Whether ``torch.compile`` finds a C++ compiler."""
    compiler = find_compiler()
    if compiler:
        return Check("compiler", "ok", f"{compiler}, for torch.compile")
    return Check("compiler", "note", "no C++ compiler: training needs --no-compile")


def find_compiler() -> str | None:
    """The C++ compiler that ``torch.compile`` would call; None where there is none."""
    return os.environ.get("CXX") or next(filter(shutil.which, ("g++", "clang++", "c++", "cl")), None)


def check_embedded() -> Check:
    """Whether both models of the default pair are there and readable."""
    pair, sizes = REGISTRY[options.DEFAULT_PAIR], []
    for model_id in (pair.target_model_id, pair.draft_model_id):
        try:
            parameters = fit.parameters_of(model_id)
        except ModelUnavailable as error:
            return Check("embedded pair", "bad", str(error))
        if parameters is None:
            return Check("embedded pair", "bad", f"{model_id} is missing; restore data/models")
        sizes.append(short_count(parameters))
    return Check("embedded pair", "ok", f"target {sizes[0]}, draft {sizes[1]} parameters")


def check_hub() -> Check:
    """Whether the Hugging Face hub answers."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return Check("hub", "note", "switched off by HF_HUB_OFFLINE")
    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=PATIENCE).close()
    except (OSError, ValueError, HTTPException):
        return Check("hub", "note", "cannot be reached; models that were downloaded before still load")
    return Check("hub", "ok", f"{constants.ENDPOINT} answers")


def check_ollama() -> Check:
    """Whether an Ollama server runs, and how many models it has."""
    from specdec_lib.models.ollama_loader import OllamaClient

    try:
        client = OllamaClient(timeout=PATIENCE / 2)
        version, models = client.version(), client.list_models()
        return Check("Ollama", "ok", f"{version} at {client.url}, {counted(len(models), 'model')}")
    except SpecDecError as error:
        return Check("Ollama", "note", str(error))


def _ask(checks: dict[str, Callable[[], Check]]) -> list[Check]:
    """The checks that wait for others, beside each other; one that takes too long is given up."""
    answers: dict[str, Check] = {}

    def answer(name: str, check: Callable[[], Check]) -> None:
        answers[name] = check()

    threads = [threading.Thread(target=answer, args=item, daemon=True) for item in checks.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return [answers.get(name) or Check(name, "note", f"no answer within {PATIENCE:g} s") for name in checks]


# -- memory ----------------------------------------------------------------------------------------


def free_memory(device_name: str | None = None) -> dict[str, Any]:
    """The device that models run on by default, and its memory: ``total_gib`` and ``free_gib``."""
    import psutil
    import torch

    from specdec_lib.models.loader import choose_device

    device = choose_device(device_name)
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
    else:
        memory = psutil.virtual_memory()
        free, total = memory.available, memory.total
    return {"device": str(device), "total_gib": total / fit.GIB, "free_gib": free / fit.GIB}


def _fit(pair: ModelPair, free_gib: float, hub_reachable: bool) -> dict[str, Any]:
    try:
        sizes = [fit.size_of(model_id) for model_id in (pair.target_model_id, pair.draft_model_id)]
    except ModelUnavailable:  # check_embedded says so
        sizes = [None]
    needs = [] if None in sizes else fit.needs(pair, *sizes)
    return {
        "pair": pair.pair_name,
        "needs_gib": {need.dtype: round(need.gib, 3) for need in needs},
        "fits": {need.dtype: need.gib <= free_gib for need in needs},
        "state": _state(pair, None not in sizes, hub_reachable),
    }


def _state(pair: ModelPair, known: bool, hub_reachable: bool) -> str:
    if not pair.shares_vocabulary:
        return "needs translation"
    if pair.pair_name.startswith(options.DEFAULT_PAIR):
        return "ready" if known else "missing"
    if all(map(is_cached, (pair.target_model_id, pair.draft_model_id))):
        return "downloaded"
    if not hub_reachable:
        return "hub not reached"
    return "gated, to fetch" if pair.gated else "to fetch"


def is_cached(model_id: str) -> bool:
    """Whether weights of a hub model lie in its local cache."""
    from huggingface_hub import try_to_load_from_cache

    names = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
    return any(isinstance(try_to_load_from_cache(model_id, name), str) for name in names)


# -- the report ------------------------------------------------------------------------------------


def _show(console: Console, checks: list[Check], memory: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    console.print(_checks_grid(checks))
    console.print()
    free, total = memory["free_gib"], memory["total_gib"]
    title = f"Pairs in {free:.1f} GiB free of {total:.1f} GiB on {memory['device']}"
    columns = [
        ("pair", "left"),
        *((name, "right") for name in ("as listed", "float32", "16 bit", "int4")),
        ("", "left"),
    ]
    console.print(table(title, columns, map(_row, rows)))
    console.print(text("GiB (2^30 bytes) that weights and a fifth more take; ✓ fits, ✗ does not.", "dim"))


def _checks_grid(checks: list[Check]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for check in checks:
        sign, style = _SIGNS[check.status]
        grid.add_row(
            text(sign, style), text(check.name, "bold"), text(check.detail, "dim" * (check.status == "note"))
        )
    return grid


def _row(row: dict[str, Any]) -> list[Text]:
    cells = [_cell(need, row["fits"][dtype]) for dtype, need in row["needs_gib"].items()]
    cells += [text("?")] * (4 - len(cells))
    return [text(row["pair"], "bold"), *cells, text(row["state"])]


def _cell(need: float, fits: bool) -> Text:
    sign, style = _SIGNS["ok" if fits else "bad"]
    return text(f"{need:.2f} {sign}" if need < 1 else f"{need:.1f} {sign}", style if not fits else "green")
