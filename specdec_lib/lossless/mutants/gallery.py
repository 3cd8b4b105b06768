"""The gallery: every mutant with its mistake, the scenario that shows it, and the trial that kills it.

Numbers in ``traps`` are those of the list in the book's chapter on mutants. Controls look odd and are
right; a test that rejects one of them is wrong. Run it all with ``specdec verify --mutants``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from specdec_lib.decoding.drafters.draft_model import DraftModel, DraftSource
from specdec_lib.decoding.rejection import PlanMaker, Verifier, plan_block, verify_by
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.mutants import drafters, loops, verifiers
from specdec_lib.lossless.mutants.mutant import Build, Mutant
from specdec_lib.models.base import CausalModel, is_causal_model
from specdec_lib.utils.names import known_names


def find_mutant(name: str) -> Mutant:
    """The mutant or control of that name.

    Raises:
        InvalidArgument: there is none.
    """
    found = next((mutant for mutant in GALLERY if mutant.name == name), None)
    if found is None:
        raise InvalidArgument(
            f"unknown mutant {name!r}; there are {known_names(name, (mutant.name for mutant in GALLERY))}; "
            "`specdec verify --mutants` tries and lists them all"
        )
    return found


# -- how a mutant is put together ---------------------------------------------------------------


def _with_verifier(verify: Verifier) -> Build:
    def build(target: CausalModel, draft: DraftSource, k: int) -> SpeculativeDecoder:
        decoder = SpeculativeDecoder(target, draft, k)
        decoder.verify = verify
        return decoder

    return build


def _with_drafter(drafter: type[DraftModel], loop: type[SpeculativeDecoder] = SpeculativeDecoder) -> Build:
    def build(target: CausalModel, draft: DraftSource, k: int) -> SpeculativeDecoder:
        if not is_causal_model(draft):
            raise InvalidArgument(
                f"mutant {drafter.__name__} drafts with a model, and {draft.name} is a drafter of its own; "
                "give a --draft, or try a mutant that verifies wrongly"
            )
        return loop(target, drafter(draft), k)

    return build


def _with_loop(loop: type[SpeculativeDecoder], verifier: str = "token") -> Build:
    return lambda target, draft, k: loop(target, draft, k, verifier)


def _broken_verifier(verify: Verifier, *traps: int, k: int = 2, **more: Any) -> Mutant:
    scenario = more.pop("scenario", Scenario(k=k))
    return Mutant(
        verify.__name__, _first_line(verify), _with_verifier(verify), traps=traps, scenario=scenario, **more
    )


def _broken_plan(plan: PlanMaker) -> Mutant:
    name = plan.__name__.removeprefix("plan_")
    build = _with_verifier(partial(verify_by, plan))
    return Mutant(name, _first_line(plan), build, trial="exact law", scenario=_BLOCK, plan=plan)


def _broken_drafter(drafter: type[DraftModel], *traps: int, name: str = "", **more: Any) -> Mutant:
    loop = more.pop("loop", SpeculativeDecoder)
    title = name or f"draft_{_snake(drafter.__name__)}"
    what = _first_line(drafter if loop is SpeculativeDecoder else loop)
    return Mutant(title, what, _with_drafter(drafter, loop), traps=traps, **more)


def _broken_loop(loop: type[SpeculativeDecoder], *traps: int, name: str = "", **more: Any) -> Mutant:
    return Mutant(name or _snake(loop.__name__), _first_line(loop), _with_loop(loop), traps=traps, **more)


def _control(name: str, mistake: str, build: Build, **more: Any) -> Mutant:
    return Mutant(name, mistake, build, is_control=True, **more)


def _block_control(name: str, mistake: str, build: Build | None = None, **more: Any) -> Mutant:
    build = build or _with_loop(SpeculativeDecoder, "block")
    return _control(name, mistake, build, scenario=_BLOCK, plan=plan_block, **more)


def _odd_draft(drafter: type[DraftModel]) -> Mutant:
    return _control(_snake(drafter.__name__), _first_line(drafter), _with_drafter(drafter))


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


# -- the gallery --------------------------------------------------------------------------------

_BLOCK = Scenario(k=4, length=5, draft_error=1.0)
_NUCLEUS = Scenario(params=SamplingParams(temperature=1.5, top_p=0.7))
_PENALTY = Scenario(params=SamplingParams(temperature=0.7, repetition_penalty=1.8))
_COOL = Scenario(params=SamplingParams(temperature=0.5))
_COARSE = Scenario(offset=200.0)
_SAME = Scenario(draft_error=0.0)
_CLOSE = Scenario(draft_error=0.3)
_WIDE = Scenario(vocab=6, length=4, draft_error=1.0)
_ENDS = Scenario(vocab=6, eos_token_ids=(4, 5), k=4, draft_error=0.3)
_NARROW = replace(_ENDS, eos_token_ids=(), context_length=10)

MUTANTS: tuple[Mutant, ...] = (
    _broken_loop(loops.TargetUnwarped, 1),
    _broken_drafter(drafters.ReportsUnwarped, 1),
    _broken_drafter(drafters.WarpsTwice, 1, trial="efficiency", scenario=_COOL),
    _broken_drafter(drafters.ArgmaxWithSoftLaw, 2),
    _broken_verifier(verifiers.residual_is_p, 3),
    _broken_verifier(verifiers.residual_is_absolute, 3),
    _broken_verifier(verifiers.residual_is_p_without_x, 3),
    _broken_verifier(verifiers.residual_is_not_clamped, 3),
    _broken_verifier(verifiers.one_uniform_a_round, 4, k=3),
    _broken_verifier(verifiers.correction_reuses_the_uniform, 4, scenario=_WIDE),
    _broken_loop(loops.ReseedsEveryRound, 4),
    _broken_verifier(
        verifiers.residuals_of_all_rows, 5, scenario=_SAME, needs="a draft whose law is its target's"
    ),
    _broken_drafter(drafters.DropsImprobable, 6),
    _broken_verifier(verifiers.bonus_from_the_draft, 7),
    _broken_verifier(verifiers.bonus_from_the_previous_position, 7),
    _broken_drafter(
        drafters.ArgmaxWithSoftLaw,
        8,
        name="greedy_by_ratio",
        loop=loops.GreedyByRatio,
        trial="greedy identity",
    ),
    _broken_drafter(
        drafters.DrawsInHalfPrecision,
        9,
        scenario=_COARSE,
        needs="logits in the hundreds, where half precision is coarse,",
    ),
    _broken_verifier(verifiers.smoothed_ratio, 10),
    _broken_verifier(verifiers.clamped_ratio, 10),
    _broken_loop(loops.NucleusBeforeTemperature, 11, scenario=_NUCLEUS, needs="a nucleus (top-p)"),
    _broken_loop(loops.PenaltyWithoutDraft, 12, scenario=_PENALTY, needs="a repetition penalty"),
    _broken_loop(loops.MissesEosInABlock, 13, trial="ending", scenario=_ENDS),
    _broken_loop(loops.MissesStopInABlock, 13, trial="ending", scenario=_ENDS),
    _broken_loop(loops.MissesStopAcrossRounds, 13, trial="ending", scenario=_ENDS),
    _broken_loop(loops.CountsWhatWasCut, 13, trial="ending", scenario=_ENDS),
    _broken_loop(loops.KnowsOneEos, 14, trial="ending", scenario=_ENDS),
    _broken_loop(loops.OvershootsTheLimit, 15, trial="ending", scenario=_ENDS),
    _broken_loop(loops.EmitsOneForNone, 15, trial="ending", scenario=_ENDS),
    _broken_loop(loops.LooksBeyondTheContext, 16, trial="ending", scenario=_NARROW),
    _broken_drafter(drafters.ForgetsItsLastToken, 17, trial="efficiency", scenario=_CLOSE),
    _broken_loop(loops.TargetKeepsRejectedTokens, 18, name="keeps_rejected_tokens"),
    _broken_loop(loops.RollsBackOneTooFew, 18),
    _broken_drafter(drafters.KeepsRejectedTokens, 18, trial="efficiency", scenario=_CLOSE),
    _broken_loop(loops.CutsByMinusZero, 19),
    _broken_drafter(drafters.DraftsOneFewer, trial="efficiency"),
    _broken_verifier(verifiers.accepts_everything),
    _broken_verifier(verifiers.accepts_typical_tokens),
    _broken_verifier(verifiers.ratio_is_upside_down),
    _broken_verifier(verifiers.rows_are_off_by_one),
    _broken_verifier(verifiers.block_breaks_early, scenario=_BLOCK, plan=plan_block),
    _broken_plan(verifiers.plan_block_with_token_residual),
    _broken_plan(verifiers.plan_block_with_prefix_thresholds),
    _broken_verifier(verifiers.block_without_clamp, scenario=_BLOCK, plan=plan_block),
)
"""One mistake each."""

_LIBRARY = _with_loop(SpeculativeDecoder)

CONTROLS: tuple[Mutant, ...] = (
    _control("library_token_exact", "Token verification, enumerated.", _LIBRARY, trial="exact law"),
    _block_control("library_block_exact", "Block verification, enumerated.", trial="exact law"),
    _control("library_token", "The library's token verification.", _LIBRARY),
    _control("library_token_nucleus", "The same, with a nucleus.", _LIBRARY, scenario=_NUCLEUS),
    _control("library_token_penalty", "The same, with a repetition penalty.", _LIBRARY, scenario=_PENALTY),
    _control("library_token_coarse", "The same, with logits around 200.", _LIBRARY, scenario=_COARSE),
    _control("library_same_model", "The same, drafting with its own target.", _LIBRARY, scenario=_SAME),
    _control("library_greedy", "The library at temperature 0.", _LIBRARY, trial="greedy identity"),
    _control("library_ending", "The library, with ends of text.", _LIBRARY, trial="ending", scenario=_ENDS),
    _control(
        "library_context", "The library in a short context.", _LIBRARY, trial="ending", scenario=_NARROW
    ),
    _control("library_efficiency", "The library's counts.", _LIBRARY, trial="efficiency"),
    _block_control("library_block", "The library's block verification."),
    _block_control("library_block_efficiency", "The counts of block verification.", trial="efficiency"),
    _control("correct", _first_line(verifiers.correct), _with_verifier(verifiers.correct)),
    _block_control("block", _first_line(verifiers.block), _with_verifier(verifiers.block)),
    _odd_draft(drafters.TemperedDraft),
    _odd_draft(drafters.OneHotArgmaxDraft),
    _odd_draft(drafters.PausesAfterImprobable),
)
"""Nothing wrong with them."""

GALLERY = MUTANTS + CONTROLS
