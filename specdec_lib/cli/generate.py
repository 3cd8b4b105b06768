"""``specdec generate``: continue a prompt, and show where each token came from.

The text streams while it is made; the summary says how fast, and how often the draft was right.
It refuses to know how a round works: it shows what :class:`specdec_lib.decoding.trace.Round` says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import options
from specdec_lib.cli.selection import Selection, select
from specdec_lib.cli.stream import RoundPrinter
from specdec_lib.cli.terminal import console_for, print_error, print_json, text
from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    from rich.console import Console

    from specdec_lib.decoding.decoder import Decoder
    from specdec_lib.decoding.trace import Round
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
    given = read_prompt(prompt, prompt_file)
    _check_choices(verifier, seed)
    sampling = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
    }
    _check_sampling(sampling)
    if steps is not None:
        _check_steps(steps, autoregressive, repetition_penalty)
    decoder = _decoder(selection, k, verifier, compile)
    stops = [given_text(text, "--stop text") for text in stop or ()]
    ending = {"stop_strings": stops or None, "ignore_eos": ignore_eos}
    prompt_ids = decoder.target.encode(given)
    recorded = {"trace": steps is not None, "profile": steps is not None}
    rounds = decoder.stream_rounds(prompt_ids, max_new_tokens, seed=seed, **sampling, **ending, **recorded)
    console = console_for(as_json)
    printer = RoundPrinter(console, decoder.target.decode)
    kept = _show(printer, given, prompt_ids, rounds, with_legend=not autoregressive)
    result = result_of(kept, finish_reason(decoder, kept, stops, ignore_eos), _peak_memory_mb(decoder))
    _summarise(console, result)
    if steps is not None:
        _write_steps(steps, decoder, prompt_ids, kept, sampling, verifier, k, seed)
        console.print(text(f"every step: {steps}", "dim"), soft_wrap=True)
    if as_json:
        print_json(
            {
                "pair": selection.pair.pair_name,
                "decoder": decoder.label,
                "prompt": given,
                "prompt_ids": prompt_ids,
                "text": decoder.target.decode(result.generated_ids),
                "result": result.to_dict(),
            }
        )


def read_prompt(prompt: str | None, prompt_file: Path | None, stdin: Any = None) -> str:
    """The prompt, from wherever it was given; a file and standard input as they are, to the last line break.

    Raises:
        InvalidArgument: none or two were given, it is empty, or it is not UTF-8.
    """
    if prompt_file is not None:
        if prompt is not None:
            raise InvalidArgument("a PROMPT and a --prompt-file were given; choose one")
        return _checked(_decoded(prompt_file.read_bytes(), f"prompt in {prompt_file}"))
    if prompt not in (None, "-"):
        return _checked(given_text(prompt, "prompt"))
    stdin = sys.stdin if stdin is None else stdin
    if prompt is None and stdin.isatty():
        raise InvalidArgument("there is no prompt; give a PROMPT, a --prompt-file, or text on standard input")
    return _checked(_decoded(stdin.buffer.read(), "prompt in standard input"))


def given_text(argument: str, what: str) -> str:
    """An argument of the command line as the UTF-8 that was typed, whatever the locale made of its bytes.

    Raises:
        InvalidArgument: it is not UTF-8.
    """
    try:
        argument.encode()
        return argument
    except UnicodeEncodeError:  # bytes that the locale does not know arrive as lone surrogates
        return _decoded(os.fsencode(argument), what)


def _decoded(content: bytes, what: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidArgument(
            f"the {what} is not UTF-8 text (byte {error.start}); convert it first"
        ) from error


def _checked(prompt: str) -> str:
    if not prompt:
        raise InvalidArgument("the prompt is empty; give at least one character")
    return prompt


def _check_choices(verifier: str, seed: int | None) -> None:
    if verifier not in ("token", "block"):
        raise InvalidArgument(f"unknown verifier '{verifier}'; choose token or block")
    if seed is not None and not 0 <= seed <= options.LARGEST_SEED:
        raise InvalidArgument(f"the seed is {seed}; give a whole number from 0 to {options.LARGEST_SEED}")


def _check_sampling(sampling: dict[str, Any]) -> None:
    """Refuse what the decoder would refuse, before a model is loaded."""
    from specdec_lib.decoding.sampling import SamplingParams

    SamplingParams(**sampling)


def _check_steps(path: Path, autoregressive: bool, repetition_penalty: float | None) -> None:
    if autoregressive:
        raise InvalidArgument("--steps shows how drafts are judged, and --autoregressive drafts nothing")
    if repetition_penalty not in (None, 1.0):
        raise InvalidArgument("--steps cannot show a run with --repetition-penalty; leave one of them out")
    if not path.parent.is_dir():
        raise InvalidArgument(f"--steps: there is no folder {path.parent}; make it first")


def _write_steps(path: Path, decoder, prompt_ids, rounds, sampling, verifier: str, k: int, seed) -> None:
    """The page of a generation, with what both models say about every token of it."""
    from specdec_lib.decoding.sampling import SamplingParams
    from specdec_lib.decoding.trace import Trace
    from specdec_lib.lossless.annotation import annotate
    from specdec_lib.viz.step_through import StepThrough

    if not rounds:
        raise InvalidArgument("--steps: nothing was generated, so there is nothing to show")
    target, draft = decoder.target, decoder.drafter.model
    trace = Trace(list(prompt_ids), list(rounds))
    title = f"{target.name} with {draft.name}, {verifier} verification, T = {sampling['temperature']:g}"
    about = {"k": k, "seed": seed, "dtype": str(target.dtype).removeprefix("torch.")}
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


def _show(printer: RoundPrinter, prompt: str, prompt_ids, rounds, with_legend: bool) -> list[Round]:
    """Print rounds while they come; an interrupt ends the line and passes."""
    kept: list[Round] = []
    if with_legend:
        printer.legend()
    printer.prompt(prompt, prompt_ids)
    try:
        for step in rounds:
            kept.append(step)
            printer.round(step)
    except KeyboardInterrupt:
        printer.end()
        print_error(f"interrupted after {sum(len(step.token_ids) for step in kept)} tokens")
        raise
    printer.end()
    return kept


def result_of(rounds: Sequence[Round], reason: str, peak_memory_mb: float = 0.0) -> GenerationResult:
    """The result of streamed rounds: what ``generate`` returns, with the time of decoding alone."""
    from specdec_lib.profiling.metrics import GenerationResult

    drafted = [step for step in rounds if step.draft_ids]
    return GenerationResult(
        generated_ids=[token for step in rounds for token in step.token_ids],
        per_token_latencies=[step.seconds / len(step.token_ids) for step in rounds for _ in step.token_ids],
        total_time=sum(step.seconds for step in rounds),
        peak_memory_mb=peak_memory_mb,
        time_to_first_token=rounds[0].seconds if rounds else 0.0,
        drafted_per_round=[len(step.draft_ids) for step in drafted],
        accepted_per_round=[step.num_accepted for step in drafted],
        finish_reason=reason,
    )


def finish_reason(decoder: Decoder, rounds: Sequence[Round], stops: Sequence[str], ignore_eos: bool) -> str:
    """Why a stream ended, read off what it emitted."""
    ids = [token for step in rounds for token in step.token_ids]
    emitted = decoder.target.decode(ids) if stops else ""
    if any(stop in emitted for stop in stops):
        return "stop"
    return "eos" if ids and not ignore_eos and ids[-1] in decoder.target.eos_token_ids else "length"


def _peak_memory_mb(decoder: Decoder) -> float:
    import torch

    device = decoder.target.device
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else 0.0


def _summarise(console: Console, result: GenerationResult) -> None:
    console.print(text(f"\n{result.summary()}", "bold"), soft_wrap=True)
    details = [f"finished: {result.finish_reason}"]
    if result.alpha_hat is not None:
        details = [
            f"α = {result.alpha_hat:.2f}",
            f"{result.tokens_per_step:.2f} tokens a target forward",
            *details,
        ]
    if result.acceptance_histogram:
        counts = " ".join(f"{n}×{count}" for n, count in enumerate(result.acceptance_histogram))
        details.append(f"accepted a round: {counts}")
    console.print(text(" · ".join(details), "dim"), soft_wrap=True)
