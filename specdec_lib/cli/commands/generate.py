"""``specdec generate``: continue a prompt, and show where each token came from.

The text streams while it is made; the summary says how fast, and how often the draft was right.
It refuses to know how a round works: it shows what :class:`specdec_lib.decoding.trace.Round` says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import options
from specdec_lib.cli.selection import Selection, select
from specdec_lib.cli.terminal import console_for, print_error, print_json, print_warning, text
from specdec_lib.cli.views.compare import Comparison, result_document, warm_up
from specdec_lib.cli.views.prompt import Prompt, given_text, read_prompt
from specdec_lib.cli.views.stream import RoundPrinter
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.numbers import counted

if TYPE_CHECKING:
    from rich.console import Console

    from specdec_lib.decoding.decoder import Decoder
    from specdec_lib.decoding.generation import Generation
    from specdec_lib.models.wrapper import ModelWrapper
    from specdec_lib.profiling.metrics import GenerationResult

NAME = "generate"
EXAMPLE = "specdec generate 'def fibonacci(n):' --k 8 --temperature 0.8 --seed 1"


def run(
    prompt: options.Prompt = None,
    prompt_file: options.PromptFile = None,
    pair: options.Pair = None,
    target: options.Target = None,
    draft: options.Draft = None,
    dtype: options.Dtype = None,
    draft_dtype: options.DraftDtype = None,
    drafter: options.Drafter = None,
    device: options.Device = None,
    threads: options.Threads = None,
    k: options.K = 4,
    verifier: options.Verifier = "token",
    autoregressive: options.Autoregressive = False,
    temperature: options.Temperature = 0.0,
    top_k: options.TopK = None,
    top_p: options.TopP = None,
    min_p: options.MinP = None,
    repetition_penalty: options.RepetitionPenalty = None,
    seed: options.Seed = None,
    max_new_tokens: options.MaxNewTokens = 128,
    stop: options.Stop = None,
    ignore_eos: options.IgnoreEos = False,
    chat: options.Chat = False,
    system: options.System = None,
    compare: options.Compare = False,
    compile: options.CompileModels = False,
    steps: options.Steps = None,
    as_json: options.Json = False,
) -> None:
    """Continue a prompt; accepted, corrected and bonus tokens are marked as they stream."""
    selection = select(
        pair,
        target,
        draft,
        dtype,
        device,
        needs_draft=not autoregressive,
        draft_dtype=draft_dtype,
        drafter=drafter,
        threads=threads,
    )
    given = Prompt(
        read_prompt(prompt, prompt_file),
        chat=chat or system is not None,
        system=None if system is None else given_text(system, "--system text"),
    )
    stops = _stops(stop)
    _check_choices(verifier, seed)
    sampling = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
    }
    _check_sampling(sampling)
    _check_compare(compare, autoregressive, steps)
    if steps is not None:
        _check_steps(steps, autoregressive, repetition_penalty, drafter)
    selection.check_chats([("--chat", given.messages)] if given.chat else [])
    decoder = _decoder(selection, k, verifier, compile)
    _say_what_is_not_applied(decoder.target, sampling)
    prompt_ids = given.encode(decoder.target)
    options = {**sampling, "stop_strings": stops or None, "ignore_eos": ignore_eos, "seed": seed}
    baseline = _baseline(decoder) if compare else None
    if baseline is not None:
        warm_up([decoder, baseline], prompt_ids, max_new_tokens, options)
    recorded = {"trace": steps is not None, "profile": steps is not None}
    generation = decoder.start(prompt_ids, max_new_tokens, **options, **recorded)
    console = console_for(as_json)
    printer = RoundPrinter(console, decoder.target.decode)
    _show(printer, given.shown, prompt_ids, generation, with_legend=not autoregressive)
    result = generation.result()
    is_full = result.finish_reason == "length" and result.num_tokens < max_new_tokens
    _summarise(console, result, is_full, drafts=not autoregressive)
    if is_full:
        _say_that_it_is_full(decoder.target, result.num_tokens, max_new_tokens)
    comparison = None
    if baseline is not None:
        alone = baseline.generate(prompt_ids, max_new_tokens, **options)
        comparison = Comparison(result, alone, greedy=temperature == 0)
        _print_lines(console, comparison.lines())
    if steps is not None:
        _write_steps(steps, decoder, prompt_ids, generation.rounds, sampling, verifier, k, seed)
        console.print(text(f"every step: {steps}", "dim"), soft_wrap=True)
    if as_json:
        print_json(
            {
                "pair": selection.pair.pair_name,
                "decoder": decoder.label,
                **given.to_dict(),
                "prompt_ids": prompt_ids,
                "text": decoder.target.continuation(prompt_ids, result.generated_ids),
                "result": result_document(result, recorded["profile"]),
                **({} if comparison is None else {"comparison": comparison.to_dict()}),
            }
        )


def _stops(given: Sequence[str] | None) -> list[str]:
    stops = [given_text(stop, "--stop text") for stop in given or ()]
    if "" in stops:
        raise InvalidArgument("--stop is empty; give the text to end after")
    return stops


def _check_choices(verifier: str, seed: int | None) -> None:
    if verifier not in ("token", "block"):
        raise InvalidArgument(f"unknown verifier '{verifier}'; choose token or block")
    options.require_seed(seed)


def _check_sampling(sampling: dict[str, Any]) -> None:
    """Refuse what the decoder would refuse, before a model is loaded."""
    from specdec_lib.decoding.sampling import SamplingParams

    SamplingParams(**sampling)


def _check_compare(compare: bool, autoregressive: bool, steps: Path | None) -> None:
    if compare and autoregressive:
        raise InvalidArgument("--compare sets a draft against --autoregressive; leave one of them out")
    if compare and steps is not None:
        raise InvalidArgument("--steps measures every phase, which slows the run that --compare times")


def _check_steps(
    path: Path, autoregressive: bool, repetition_penalty: float | None, drafter: str | None
) -> None:
    if drafter is not None:
        raise InvalidArgument(
            "--steps shows the laws of two models, and --drafter is none; leave one of them out"
        )
    if autoregressive:
        raise InvalidArgument("--steps shows how drafts are judged, and --autoregressive drafts nothing")
    if repetition_penalty not in (None, 1.0):
        raise InvalidArgument("--steps cannot show a run with --repetition-penalty; leave one of them out")
    if path.is_dir():
        raise InvalidArgument(f"--steps: {path} is a folder; name a file in it")
    if path.exists() and not path.is_file():  # a pipe that nobody reads would be waited for without a word
        raise InvalidArgument(f"--steps: {path} is a pipe or a device; name a file")
    if not path.parent.is_dir():
        raise InvalidArgument(f"--steps: there is no folder {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidArgument(f"--steps: {path} cannot be written; name another file")


def _write_steps(path: Path, decoder, prompt_ids, rounds, sampling, verifier: str, k: int, seed) -> None:
    """The page of a generation, with what both models say about every token of it."""
    from specdec_lib.decoding.sampling import SamplingParams
    from specdec_lib.decoding.trace import Trace
    from specdec_lib.lossless.replays.annotation import annotate
    from specdec_lib.viz.live.step_through import StepThrough

    if not rounds:
        raise InvalidArgument("--steps: nothing was generated, so there is nothing to show")
    target, draft = decoder.target, decoder.drafter.model
    trace = Trace(list(prompt_ids), list(rounds))
    title = f"{target.name} with {draft.name}, {verifier} verification, T = {sampling['temperature']:g}"
    about = {"k": k, "seed": seed, "dtype": target.number_format}
    told = annotate(
        target, draft, trace, SamplingParams(**sampling), verifier=verifier, title=title, about=about
    )
    path.write_text(StepThrough(told).to_page(), encoding="utf8")


def _decoder(selection: Selection, k: int, verifier: str, compile: bool = False) -> Decoder:
    from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
    from specdec_lib.decoding.speculative import SpeculativeDecoder

    target, draft = selection.load(compile)
    return (
        AutoregressiveDecoder(target)
        if draft is None
        else SpeculativeDecoder(target, draft, k=k, verifier=verifier)
    )


def _baseline(decoder: Decoder) -> Decoder:
    from specdec_lib.decoding.autoregressive import AutoregressiveDecoder

    return AutoregressiveDecoder(decoder.target)


def _say_what_is_not_applied(target: ModelWrapper, sampling: Mapping[str, Any]) -> None:
    """Decoding takes its settings from the options alone; what a checkpoint asks for beyond them is said."""
    from specdec_lib.models.files.checkpoint import unapplied_requests

    given = {f"{name}={value}" for name, value in sampling.items()}
    given |= {"do_sample=True"} if sampling["temperature"] else set()
    asked = [request for request in unapplied_requests(target) if request not in given]
    if asked:
        print_warning(
            f"{target.name} asks for {', '.join(asked)} in its generation settings; only what the options of "
            "this command say is applied"
        )


def _show(printer: RoundPrinter, prompt: str, prompt_ids, generation: Generation, with_legend: bool) -> None:
    """Print rounds while they come; an interrupt ends the line and passes."""
    if with_legend:
        printer.legend()
    printer.prompt(prompt, prompt_ids)
    try:
        for step in generation:
            printer.round(step)
    except BaseException as error:
        with suppress(OSError):  # its reader may be what went away
            printer.end()
        if isinstance(error, KeyboardInterrupt):
            emitted = sum(len(step.token_ids) for step in generation.rounds)
            print_error(f"interrupted after {counted(emitted, 'token')}")
        raise
    printer.end()


def _summarise(console: Console, result: GenerationResult, is_full: bool, drafts: bool) -> None:
    console.print(text(f"\n{result.summary()}", "bold"), soft_wrap=True)
    full = ", the context is full" if is_full else ""
    _print_lines(console, [" · ".join([*_rates(result, drafts), f"finished: {result.finish_reason}{full}"])])


def _say_that_it_is_full(target: ModelWrapper, made: int, asked: int) -> None:
    """Also where standard output is a document, in which "length" alone would say that all were made."""
    print_warning(
        f"{made} of {counted(asked, 'token')}: prompt and text fill the context of {target.name}, "
        f"{target.context_length} positions; give a shorter prompt or a smaller -n"
    )


def _rates(result: GenerationResult, drafts: bool) -> list[str]:
    """What "accept" divides, and α beside it: one counts every draft token, the other those judged."""
    if drafts and not result.is_speculative:
        return ["nothing was drafted, so the target ran alone"]
    if result.alpha_hat is None:
        return []
    accepted, drafted = result.num_accepted_draft_tokens, result.num_draft_tokens
    counts = " ".join(f"{n}×{count}" for n, count in enumerate(result.acceptance_histogram))
    return [
        f"accept = accepted ÷ drafted: {accepted} of {drafted}",
        f"α = {result.alpha_hat:.2f}, of the tokens judged",
        f"{result.tokens_per_step:.2f} tokens a target forward",
        f"accepted a round: {counts}",
    ]


def _print_lines(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(text(line, "dim"), soft_wrap=True)
