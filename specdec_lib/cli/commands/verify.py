"""``specdec verify``: is this pair exact? Every check of :mod:`specdec_lib.lossless`, with its power.

Exit code 0 says that nothing was rejected, 1 that something was. ``--mutant`` puts a decoder that is wrong
on purpose in the pair's place, to see the checks fail; ``--mutants`` tries the whole gallery on small table
models. It computes no statistic of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from specdec_lib.cli import options
from specdec_lib.cli.prompt import proof_rows
from specdec_lib.cli.selection import busy, selection_of
from specdec_lib.cli.terminal import (
    Prose,
    console_for,
    error_console,
    print_json,
    print_warning,
    safe_table,
    text,
)
from specdec_lib.cli.views.proofs.checks import print_checks
from specdec_lib.decoding.lengths import LengthSpec, read_length
from specdec_lib.decoding.lengths.specs import FixedSpec
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.sentences import gallery_says, mutant_unseen

if TYPE_CHECKING:
    from specdec_lib.lossless.mutants.mutant import Fate
    from specdec_lib.lossless.verdict import Check

NAME = "verify"
EXAMPLE = "specdec verify --pair pocket --samples 20000"
_HUNTS = ("mutant", "killed by", "smallest N", "mistake")
_PROMPTS = 30
_TOLD_EVERY = 10


def run(
    models: options.ModelOptions,
    threads: options.Threads = None,
    k: options.K = "4",
    verifier: options.BothVerifiers = "both",
    temperature: options.VerifyTemperature = 0.8,
    samples: options.Samples = 20_000,
    prompts: options.Prompts = None,
    num_prompts: options.NumPrompts = None,
    chat: options.Chat = False,
    num_tokens: options.VerifyTokens = 64,
    seed: options.VerifySeed = 0,
    mutant: options.MutantName = None,
    mutants: options.Mutants = False,
    seeds: options.Seeds = 1,
    as_json: options.Json = False,
) -> None:
    """Prove that a pair's output law is its target's: exact laws, p-values with their power, identity."""
    options.require_seed(seed)
    if mutants:
        _show_gallery(seed, seeds, as_json)
        return
    length = read_length(k)
    selection = selection_of(models, threads=threads)
    from specdec_lib.lossless.plan import ProofPlan

    trial = _trial_of(mutant, verifier, length)
    plan = ProofPlan(trial.verifiers, length.most, temperature, samples, num_tokens, seed)
    rows = proof_rows(prompts, num_prompts, _PROMPTS)
    plan.require_rounds(len(rows))
    selection.check()
    selection.check_chats((row.place or "--chat", row.turns) for row in rows if chat or row.is_chat)
    target, draft = selection.load()
    with_what = mutant or ("" if isinstance(length, FixedSpec) else str(length))
    name = f"{selection.pair.pair_name} with {with_what}" if with_what else selection.pair.pair_name
    with busy("verifying …") as report:
        from specdec_lib.lossless.prompts import proof_prompts
        from specdec_lib.lossless.proof import PairProof

        texts = proof_prompts(target, rows, plan.num_tokens, chat=chat)
        found = list(PairProof(target, draft, texts, plan, report=report, **trial.more).run())
    asked = {"plan": asdict(plan), "draft_length": str(length), "dtype": target.number_format}
    _show(name, asked, found, as_json)
    if any(check.rejected for check in found):
        raise typer.Exit(1)
    if trial.unseen:
        print_warning(trial.unseen)


# -- a pair ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trial:
    """Who is on trial: the library's verifiers, or one mutant."""

    verifiers: tuple[str, ...]
    more: dict[str, Any]
    unseen: str = ""
    """What is said where nothing rejects a mutant; "" where nothing is wrong on purpose."""


def _trial_of(mutant: str | None, verifier: str, length: LengthSpec) -> _Trial:
    if verifier not in ("token", "block", "both"):
        raise InvalidArgument(f"unknown verifier '{verifier}'; choose token, block or both")
    if mutant is None:
        return _Trial(("token", "block") if verifier == "both" else (verifier,), _by_policy(length))
    if not isinstance(length, FixedSpec):
        raise InvalidArgument(f"--mutant {mutant} drafts K tokens a round; --k is {length}, give a number")
    from specdec_lib.lossless.mutants.gallery import find_mutant
    from specdec_lib.lossless.mutants.judges import judge_of

    found = find_mutant(mutant)
    if verifier not in ("both", found.verifier):
        raise InvalidArgument(
            f"--mutant {mutant} is judged as the {found.verifier} verifier, and --verifier is {verifier}; "
            "leave --verifier out"
        )
    more = {
        "build": lambda target, draft, k, verifier: found.build(target, draft, k),
        "judge_of": partial(judge_of, found),
        "draft_law": "proposal" if found.is_control else "model",  # a control may draft in a way of its own
        "breaks": (Exception,),
    }
    unseen = "" if found.is_control else mutant_unseen(mutant, found.needs, found.trial)
    return _Trial((found.verifier,), more, unseen)


def _by_policy(length: LengthSpec) -> dict[str, Any]:
    """What a proof is told of a draft length that is no number: no cost decides whether a text is exact, so
    one that goes by costs is told some, and nothing is measured."""
    if isinstance(length, FixedSpec):
        return {}
    from specdec_lib.decoding.speculative import SpeculativeDecoder

    return {
        "build": lambda target, draft, k, verifier: SpeculativeDecoder(
            target, draft, length.open(most=k), verifier
        ),
        "fixed_length": False,
    }


def _show(name: str, asked: dict[str, Any], found: list[Check], as_json: bool) -> None:
    """The verdict and the checks behind it; of what was ``asked`` only the document tells."""
    from specdec_lib.lossless.verdict import WASTE, verdict_on

    verdict = verdict_on(name, found)
    if as_json:
        print_json(
            {
                "pair": name,
                "exact": not any(check.rejected and check.test != WASTE for check in found),
                "sentence": verdict,
                **asked,
                "checks": [asdict(check) | {"verdict": check.verdict} for check in found],
            }
        )
        return
    print_checks(console_for(), f"Is {name} exact?", found, verdict)


# -- the gallery -----------------------------------------------------------------------------------


def _show_gallery(first_seed: int, num_seeds: int, as_json: bool) -> None:
    console = console_for(as_json)
    fates = list(_fates(range(first_seed, first_seed + num_seeds)))
    wrong = [fate.mutant.name for fate in fates if not fate.as_it_should]
    if as_json:
        print_json({"seeds": num_seeds, "wrong": wrong, "mutants": [_document(fate) for fate in fates]})
    else:
        console.print(safe_table("Wrong on purpose", _HUNTS, "llrl", map(_fate_row, fates)))
        right = {
            control: [fate.as_it_should for fate in fates if fate.mutant.is_control == control]
            for control in (False, True)
        }
        console.print(Prose(gallery_says(right[False], right[True], num_seeds), "bold"))
    if wrong:
        raise typer.Exit(1)


def _fates(seeds: range) -> Iterator[Fate]:
    from specdec_lib.lossless.mutants.gallery import GALLERY
    from specdec_lib.lossless.mutants.mutant import Fate, hunt

    with busy("verifying …") as report:
        for number, mutant in enumerate(GALLERY, start=1):
            hunts = []
            for seed in seeds:
                told = f"{mutant.name} ({number} of {len(GALLERY)}), seed {seed}"
                report(told)
                if number % _TOLD_EVERY == 1 and not error_console().is_terminal:  # a log has no spinner
                    error_console().print(text(told, "dim"), soft_wrap=True)
                hunts.append(hunt(mutant, seed))
            yield Fate(mutant, hunts)


def _fate_row(fate: Fate) -> list[Any]:
    mutant, killed = fate.mutant, sorted(set(fate.killed_at))
    most = "–".join(str(n) for n in (*killed[:1], *killed[1:][-1:])) or "–"
    title = f"{mutant.name} (control)" if mutant.is_control else mutant.name
    mistake = f"{mutant.mistake} [{mutant.issue}]" if mutant.issue else mutant.mistake
    return [text(title, "" if fate.as_it_should else "bold red"), mutant.trial, most, mistake]


def _document(fate: Fate) -> dict[str, Any]:
    told = ("name", "mistake", "traps", "trial", "is_control", "issue")
    hunts = [
        {"seed": one.seed, "killed_at": one.killed_at, "looks": [asdict(look) for look in one.looks]}
        for one in fate.hunts
    ]
    return {name: getattr(fate.mutant, name) for name in told} | {"hunts": hunts}
