"""``specdec generate``: continue a prompt, and show where each token came from.

The text streams while it is made; the summary says how fast, and how often the draft was right.
It refuses to know how a round works: it shows what :class:`specdec_lib.decoding.trace.Round` says.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from specdec_lib.cli import options, sentences
from specdec_lib.cli.prompt import given_prompt, given_text
from specdec_lib.cli.selection import Models, busy, selection_of
from specdec_lib.cli.terminal import Prose, console_for, print_error, print_json, print_warning, text
from specdec_lib.cli.views.generation import Comparison, result_document, steps_page
from specdec_lib.cli.views.stream import RoundPrinter
from specdec_lib.decoding.lengths import LengthSpec, read_length
from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    from specdec_lib.decoding.decoder import Decoder
    from specdec_lib.decoding.draft_length import DraftLength
    from specdec_lib.decoding.generation import Generation
    from specdec_lib.decoding.sampling import SamplingParams
    from specdec_lib.models.wrapper import ModelWrapper

NAME = "generate"
EXAMPLE = "specdec generate 'def fibonacci(n):' --k 8 --temperature 0.8 --seed 1"
WARM_UP = 16
"""Tokens of the runs before those that ``--compare`` times: neither pays for cold memory or a compiler."""


def run(
    prompt: options.PromptText = None,
    prompt_file: options.PromptFile = None,
    *,
    models: options.ModelOptions,
    threads: options.Threads = None,
    k: options.K = "4",
    verifier: options.OneVerifier = "token",
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
    length = read_length(k)
    selection = selection_of(models, not autoregressive, threads)
    given = given_prompt(prompt, prompt_file, chat, system)
    stops = _stops(stop)
    if verifier not in ("token", "block"):
        raise InvalidArgument(f"unknown verifier '{verifier}'; choose token or block")
    options.require_seed(seed)
    from specdec_lib.decoding.sampling import SamplingParams

    params = SamplingParams(temperature, top_k, top_p, min_p, repetition_penalty)
    drafter = None if selection.drafter is None else models.draft or "--drafter"
    _check_extras(compare, steps, autoregressive, params, drafter)
    asked_by = "--chat" if system is None else "--system"
    selection.check_chats([(asked_by, given.messages)] if given.chat else [])
    loaded = selection.load(compile)
    _say_what_is_not_applied(loaded.target, params)
    prompt_ids = given.encode(loaded.target)
    decoder = _decoder(loaded, _opened(length, loaded, prompt_ids), verifier)
    request = (prompt_ids, max_new_tokens, params)
    more = {"stop_strings": stops or None, "ignore_eos": ignore_eos, "seed": seed}
    baseline = _decoder(Models(loaded.target, None), None, verifier) if compare else None
    for one in (decoder, baseline) if baseline is not None else ():
        one.generate(prompt_ids, min(max_new_tokens, WARM_UP), params, **more)
    profiled = steps is not None
    generation = decoder.start(*request, **more, trace=profiled, profile=profiled)
    console = console_for(as_json)
    printer = RoundPrinter(console, loaded.target.decode)
    _show(printer, given.shown, prompt_ids, generation, with_legend=not autoregressive)
    result = generation.result()
    is_full = result.finish_reason == "length" and result.num_tokens < max_new_tokens
    console.print(Prose(f"\n{result.summary()}", "bold"))
    console.print(Prose(sentences.outcome_line(result, is_full, drafts=not autoregressive), "dim"))
    if is_full:  # also where standard output is a document, in which "length" would say that all were made
        limit = loaded.target.context_length
        said = sentences.context_full_line(loaded.target.name, limit, result.num_tokens, max_new_tokens)
        print_warning(said)
    comparison = None
    if baseline is not None:
        comparison = Comparison(result, baseline.generate(*request, **more), params.is_greedy)
        console.print(Prose("\n".join(comparison.lines()), "dim"))
    if steps is not None:
        about = {"k": length.most, "seed": seed, "dtype": loaded.target.number_format}
        about |= {} if str(length) == str(length.most) else {"draft_length": str(length)}
        page = steps_page(loaded, prompt_ids, generation.rounds, params, verifier, about)
        steps.write_text(page, encoding="utf8")
        console.print(text(f"every step: {steps}", "dim"), soft_wrap=True)
    if as_json:
        print_json(
            {
                "pair": selection.pair.pair_name,
                "decoder": decoder.label,
                **given.to_dict(),
                "prompt_ids": prompt_ids,
                "text": loaded.target.continuation(prompt_ids, result.generated_ids),
                "result": result_document(result, profiled),
                **({} if comparison is None else {"comparison": comparison.to_dict()}),
            }
        )


def _stops(given: Sequence[str] | None) -> list[str]:
    stops = [given_text(stop, "--stop text") for stop in given or ()]
    if "" in stops:
        raise InvalidArgument("--stop is empty; give the text to end after")
    return stops


def _check_extras(
    compare: bool, steps: Path | None, autoregressive: bool, params: SamplingParams, drafter: str | None
) -> None:
    """Raises InvalidArgument: --compare or --steps does not go with the rest, or the page has no place."""
    if compare and autoregressive:
        raise InvalidArgument("--compare sets a draft against --autoregressive; leave one of them out")
    if compare and steps is not None:
        raise InvalidArgument("--steps measures every phase, which slows the run that --compare times")
    if steps is None:
        return
    if drafter is not None:
        raise InvalidArgument(
            f"--steps shows the laws of two models, and {drafter} is none; leave one of them out"
        )
    if autoregressive:
        raise InvalidArgument("--steps shows how drafts are judged, and --autoregressive drafts nothing")
    if params.needs_history:
        raise InvalidArgument("--steps cannot show a run with --repetition-penalty; leave one of them out")
    if steps.is_dir():
        raise InvalidArgument(f"--steps: {steps} is a folder; name a file in it")
    if steps.exists() and not steps.is_file():  # a pipe that nobody reads would be waited for without a word
        raise InvalidArgument(f"--steps: {steps} is a pipe or a device; name a file")
    if not steps.parent.is_dir():
        raise InvalidArgument(f"--steps: there is no folder {steps.parent}; make it first")
    if not os.access(steps if steps.exists() else steps.parent, os.W_OK):
        raise InvalidArgument(f"--steps: {steps} cannot be written; name another file")


def _opened(length: LengthSpec, models: Models, prompt_ids: Sequence[int]) -> DraftLength | None:
    """The draft length, its costs measured behind the prompt where it goes by costs; None without a draft."""
    if models.draft is None:
        return None
    from specdec_lib.bench.measure.costs import open_length

    with busy("measuring what a draft costs …"):
        return open_length(length, models.target, models.draft, prompt_ids)


def _decoder(models: Models, length: DraftLength | None, verifier: str) -> Decoder:
    from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
    from specdec_lib.decoding.speculative import SpeculativeDecoder

    if models.draft is None or length is None:
        return AutoregressiveDecoder(models.target)
    return SpeculativeDecoder(models.target, models.draft, k=length, verifier=verifier)


def _say_what_is_not_applied(target: ModelWrapper, params: SamplingParams) -> None:
    """Decoding takes its settings from the options alone; what a checkpoint asks for beyond them is said."""
    from specdec_lib.models.files.checkpoint import unapplied_requests

    given = {f"{name}={value}" for name, value in asdict(params).items()}
    given |= set() if params.is_greedy else {"do_sample=True"}
    asked = [request for request in unapplied_requests(target) if request not in given]
    if asked:
        print_warning(sentences.not_applied_line(target.name, asked))


def _show(
    printer: RoundPrinter, prompt: str, prompt_ids: list[int], generation: Generation, with_legend: bool
) -> None:
    """Print rounds while they come; an interrupt ends the line and passes."""
    if with_legend:
        printer.legend()
    printer.prompt(prompt, prompt_ids)
    try:
        for round_ in generation:
            printer.round(round_)
    except BaseException as error:
        with suppress(OSError):  # its reader may be what went away
            printer.end()
        if isinstance(error, KeyboardInterrupt):
            emitted = sum(len(round_.token_ids) for round_ in generation.rounds)
            print_error(sentences.interrupted_after(emitted))
        raise
    printer.end()
