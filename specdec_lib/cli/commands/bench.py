"""``specdec bench``: measure a pair, append the records, print what came out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from specdec_lib.cli import measuring, options, sentences
from specdec_lib.cli.prompt import asked_prompts
from specdec_lib.cli.selection import selection_of
from specdec_lib.cli.terminal import console_for, print_json, print_warning, said_if_waiting
from specdec_lib.cli.views.peers import PeerSummary, comparison_of, show_comparison
from specdec_lib.cli.views.summary import show_session, summary_of
from specdec_lib.decoding.lengths import read_lengths
from specdec_lib.decoding.lengths.specs import FixedSpec
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.utils.numbers import written_real

if TYPE_CHECKING:
    from specdec_lib.bench.measure.engines.asked import WantedEngine

NAME = "bench"
EXAMPLE = "specdec bench --k 2,4 --temperatures 0 --prompts 2 --repeats 1"


def run(
    output: options.Output = None,
    resume: options.Resume = False,
    show: options.Show = None,
    in_process: options.InProcess = False,
    *,
    models: options.ModelOptions,
    threads: options.Threads = None,
    k_values: options.KValues = "1,2,4,8",
    prompts: options.Prompts = None,
    num_prompts: options.NumPrompts = None,
    chat: options.Chat = False,
    domains: options.Domains = None,
    temperatures: options.Temperatures = "0,0.8",
    max_new_tokens: options.RunTokens = 64,
    repeats: options.Repeats = 2,
    seed: options.GridSeed = 42,
    no_profile: options.NoProfile = False,
    peers: options.Peers = False,
    engines: options.Engines = None,
    engines_folder: options.EnginesFolder = Path(".peers"),
    compile: options.Compile = None,
    as_json: options.Json = False,
) -> None:
    """Measure speculative against autoregressive decoding, or --peers; append one record a run."""
    if show is not None:
        _report(show, as_json, peers, strict=True)
        return
    selection = selection_of(models, threads=threads)
    if peers and selection.drafter is not None:
        raise InvalidArgument("--peers hands the draft to Hugging Face's generate; give a --draft model")
    others = _engines(engines, engines_folder, peers)
    number, file = asked_prompts(prompts, num_prompts)
    lengths = [spec.k if isinstance(spec, FixedSpec) else str(spec) for spec in read_lengths(k_values)]
    policy = next((length for length in lengths if isinstance(length, str)), None)
    if peers and policy is not None:
        raise InvalidArgument(f"--peers compares fixed draft lengths, and --k holds {policy}; give numbers")
    axes = {
        "k_values": lengths,
        "temperatures": _numbers("--temperatures", temperatures),
        "max_new_tokens": max_new_tokens,
        "repeats": repeats,
        "seed": seed,
    }
    from specdec_lib.bench.measure.prompts import grid_of, prompt_set

    texts = prompt_set(file, chat)
    axes["domains"] = None if domains is None else texts.named(domains)
    grid = grid_of(texts, number, pair=selection.pair.pair_name, **axes)
    if output is None:
        kind = "-peers" if peers else "-compiled" if compile else ""
        output = Path("runs", f"{selection.pair.pair_name}{kind}.jsonl")
    selection.check()
    selection.check_chats((one.place or "--chat", one.to_its_end) for one in texts.chats(grid.domains))
    compiled = compile is not False if peers else bool(compile)
    lines = measuring.ProgressLines()
    order = measuring.Order(grid, texts, selection, output, compiled, resume, lines, others, engines_folder)
    with measuring.kept(output):
        if measuring.has_notebook() and not in_process:
            parameters = axes | asdict(models)
            parameters |= {"prompts": file, "chat": chat, "num_prompts": number, "threads": threads}
            parameters |= {"compile": compiled, "resume": resume}
            if peers:
                del parameters["drafter"]
                parameters |= {"engines": engines or [], "engines_folder": str(engines_folder.resolve())}
            else:
                parameters["profile"] = not no_profile
            measuring.measure_in_notebook(order, parameters, peers)
        elif peers:
            measuring.measure_peers(order)
        else:
            measuring.measure(order, profile=not no_profile)
    _report(output, as_json, peers)


def _engines(listed: list[str] | None, folder: Path, peers: bool) -> list[WantedEngine]:
    """What ``--engines`` lists, each of which is there."""
    if not listed:
        return []
    from specdec_lib.bench.measure.engines.asked import read_engines, require_engines
    from specdec_lib.bench.measure.engines.sentences import WITHOUT_PEERS

    if not peers:
        raise InvalidArgument(WITHOUT_PEERS)
    engines = read_engines(listed)
    require_engines(engines, folder)
    return engines


def _numbers(option: str, listed: str) -> list[float]:
    """``"0,0.8"`` as numbers; what is none is refused with the option's name."""
    numbers = [number for part in listed.split(",") if (number := written_real(part)) is not None]
    if len(numbers) <= listed.count(","):
        raise InvalidArgument(f"{option} is '{listed}'; give numbers with commas between, such as 1,2")
    return numbers


def _report(path: Path, as_json: bool, peers: bool = False, strict: bool = False) -> None:
    """Print the newest session of a results file; ``strict``: a bad line is an error, after the good ones."""
    from specdec_lib.bench.records.reading import read_records

    with said_if_waiting(path):
        records, problems = read_records(path)
    try:
        summary = (comparison_of if peers else summary_of)(path, records, problems)
    except RecordError:
        print_warning(*problems)
        raise
    if as_json:
        print_json(summary.to_dict())
    elif isinstance(summary, PeerSummary):
        show_comparison(console_for(), summary)
    else:
        show_session(console_for(), summary)
    if strict and problems:
        print_warning(*problems)
        raise RecordError(sentences.lines_above(path, len(problems), "summarised"))
