"""What the commands say to people, beyond labels: numbers in, words out.

Nothing here prints, reads or decides; a refusal stands with the check that makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from specdec_lib.utils.numbers import counted, short_count

if TYPE_CHECKING:
    from specdec_lib.profiling.metrics import GenerationResult

# -- pairs -----------------------------------------------------------------------------------------

HOW_TO_NAME = "A name goes in with --pair, models of your own with --target and --draft."

# -- doctor: the machine ---------------------------------------------------------------------------

NO_INT4 = "not possible without bitsandbytes: pip install bitsandbytes"
NO_GPU = "none that CUDA can use"
NO_COMPILER = "no C++ compiler: training needs --no-compile"
HUB_IS_OFF = "switched off by HF_HUB_OFFLINE"
HUB_IS_AWAY = "cannot be reached; models that were downloaded before still load"
MEMORY_LEGEND = "GiB (2^30 bytes) that weights and a fifth more take; ✓ fits, ✗ does not."


def embedded_is_missing(model_id: str) -> str:
    return f"{model_id} is missing; restore data/models"


def no_answer(seconds: float) -> str:
    return f"no answer within {seconds:g} s"


def pairs_title(free_gib: float, total_gib: float, device: str) -> str:
    return f"Pairs in {free_gib:.1f} GiB free of {total_gib:.1f} GiB on {device}"


# -- doctor: a pair --------------------------------------------------------------------------------

ONE_MODEL = "where both have one format, one model serves as both:"
TARGET_ITSELF = "the target itself: every draft is right, and nothing is gained"
NOT_TRIED = "not tried: it is made with the target, which does not run here"


def model_line(
    model_id: str,
    where: str,
    parameters: int | None,
    stored: str | None,
    loaded: str | None,
    context: int | None,
    has_template: bool | None,
) -> str:
    """All that is known of a model before it is loaded."""
    size = "size unknown" if parameters is None else f"{short_count(parameters)} parameters"
    limit = "no limit of context" if context is None else f"context {context:,}"
    template = "a chat template" if has_template else "no chat template"
    kept = f"stored in {stored}" + (f" and loaded as {loaded}" if loaded != stored else "")
    return f"{model_id}: {size}, {kept}, {limit}, {template}; {where}"


def memory_line(needs: Mapping[str, float], free_gib: float, device: str, where: str) -> str:
    """What a pair needs of what there is: ``needs`` in GiB, first as asked for, then by dtype.

    Args:
        where: leads to the other dtypes, such as "in" or "with both in".
    """
    free = f"{free_gib:.1f} GiB free on {device}"
    if not needs:
        return f"unknown need, {free}"
    (_, asked), *others = needs.items()
    told = ", ".join(f"{dtype} {memory_in_words(gib)}" for dtype, gib in others)
    return f"{memory_in_words(asked)} of {free}; {where} {told}"


def memory_in_words(gib: float) -> str:
    """GiB, 2^30 bytes each; of a tiny model MiB, so that what is there is not shown as nothing.

    >>> memory_in_words(14.96), memory_in_words(0.0001)
    ('14.96 GiB', '0.10 MiB')
    """
    return f"{gib:.2f} GiB" if gib >= 0.01 else f"{1024 * gib:.2f} MiB"


def draft_ends(context: int) -> str:
    return f"beyond {context:,} tokens there is no draft"


def drafter_raised(what: object) -> str:
    return f"the drafter raised {what}"


def drafter_proposed(name: str, drafted: int, rounds: int, text: str) -> str:
    """What a drafter of somebody's own did with a text."""
    if not drafted:
        return f"'{name}' can be asked, and proposed nothing for '{text}'"
    return f"'{name}' proposes: {counted(drafted, 'token')} in {counted(rounds, 'round')}"


# -- generate --------------------------------------------------------------------------------------


def not_applied_line(model: str, requests: Iterable[str]) -> str:
    return (
        f"{model} asks for {', '.join(requests)} in its generation settings; only what the options of "
        "this command say is applied"
    )


def interrupted_after(tokens: int) -> str:
    return f"interrupted after {counted(tokens, 'token')}"


def context_full_line(model: str, context: int | None, made: int, asked: int) -> str:
    return (
        f"{made} of {counted(asked, 'token')}: prompt and text fill the context of {model}, "
        f"{context} positions; give a shorter prompt or a smaller -n"
    )


def outcome_line(result: GenerationResult, is_full: bool, drafts: bool) -> str:
    """The counts of a generation, and why it ended."""
    full = ", the context is full" if is_full else ""
    return " · ".join([*_rates(result, drafts), f"finished: {result.finish_reason}{full}"])


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


def speed_line(speedup: float | None, with_draft: float, alone: float) -> str:
    """One speculative run beside the target alone, both in tokens a second, and what that is worth."""
    if speedup is None:
        told = "the two runs have no ratio of speeds, since one of them was too short to be timed"
    else:
        told = (
            f"with the draft this run was {speedup:.2f} times as fast as the target alone "
            f"({with_draft:.1f} against {alone:.1f} tokens/s, one run each)"
        )
    return f"{told}; `specdec bench` measures many runs"


def same_texts_line(greedy: bool, tokens: int, first_difference: int | None) -> str:
    """Whether two texts are one, where they have to be; ``tokens`` is the length of either."""
    if not greedy:
        return "both texts are sampled, so they differ by chance"
    if first_difference is None:
        return f"both runs gave the same {counted(tokens, 'token id')}"
    return (
        f"the ids of the two runs differ from token {first_difference + 1} on: a near tie that a "
        "forward of several tokens rounds otherwise, or a fault; `specdec verify` tells which"
    )


def steps_title(target: str, draft: str, verifier: str, temperature: float) -> str:
    return f"{target} with {draft}, {verifier} verification, T = {temperature:g}"


# -- bench -----------------------------------------------------------------------------------------


def measuring_line(runs: int, tokens: int) -> str:
    return f"measuring {counted(runs, 'run')} of {counted(tokens, 'token')} …"


def interrupted_keeping(output: Path, grown: bool) -> str:
    kept = f"what was measured is in {output}" if grown else f"nothing was added to {output}"
    return f"interrupted; {kept}"


def lines_above(path: Path, bad_lines: int, done: str) -> str:
    return f"{path}: {bad_lines} of its lines named above; the good records are {done}"


# -- results: what bench and report show, and explain tells ---------------------------------------

ALPHA_IN_WORDS = (
    "α: share of judged draft tokens that were accepted, those behind a rejection not counted; accepted ÷ "
    "drafted counts them, so it is less and falls with K"
)
SPEEDUP_LEGEND = "★ best K of the domain; (…) 95 % interval over prompts; tokens: a target forward"
NO_SPEEDUP = "No speedup: the session has no prompt that both decoders ran."
NO_ARM_TIMED = "No arm of the comparison was timed."
PEERS_LEGEND = "★ fastest; (…) 95 % interval over prompts; total tokens over total time of all domains"


def runs_line(results: str, runs: int, target: Mapping[str, str], *more: str) -> str:
    """How many runs lie where, of which model; ``more`` stands behind its dtype and its device."""
    facts = ", ".join([target["dtype"], target["device"], *more])
    return f"{counted(runs, 'run')} of {target['name']} ({facts}) in {results}"


def explained_by(session: str, path: Path) -> str:
    return (
        "predicted: E / (K·c + v + o); measured: without the first round, which reads the prompt. A gain "
        f"changes the predicted part alone. Session {session} of {path}."
    )


def compiled_in_the_clock(runs: int, arm: str) -> str:
    return f"compiled inside the clock: {counted(runs, 'timed run')} of {arm}"


def tokens_that_agree(identical: int, compared: int) -> str:
    return f"exact: {identical} of {compared} speculative runs at temperature 0 gave the baseline's tokens"


def ids_that_agree(identical: int, compared: int) -> str:
    return f"exact: {identical} of {compared} runs at temperature 0 gave the same ids"


def ids_that_differ(names: str, place: str, logit_gap: float | None, tied: bool | None) -> str:
    """Two runs that should be one; with the gap of the two best logits there, where it is known."""
    if logit_gap is None:
        return f"{names} {place}"
    judged = "a tie within rounding" if tied else "no tie"
    return f"{names} {place}: logits {logit_gap:.2g} apart, {judged}"


# -- train -----------------------------------------------------------------------------------------


def interrupted_training(work: Path) -> str:
    return f"interrupted; the same command resumes from the last checkpoint in {work}"


def checkpoint_has_no_room(work: Path) -> str:
    return f"a checkpoint in {work} cannot be written; make room, then run the same command again"


def training_line(
    loss: float, averages: Mapping[str, float], learning_rate: float, tokens_per_second: float
) -> str:
    """Loss, other averages, learning rate and speed, in a few characters each."""
    more = [f"{name} {value:.2f}" for name, value in averages.items()]
    rate = [f"lr {learning_rate:.1e}", f"{tokens_per_second:,.0f} tokens/s"]
    return " · ".join([f"loss {loss:.3f}", *more, *rate])


def time_left_line(seconds: float) -> str:
    return f" · {timedelta(seconds=round(seconds))} left"
