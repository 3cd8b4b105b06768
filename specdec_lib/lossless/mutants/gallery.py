"""The gallery: every mutant with its mistake, the scenario that shows it, and the trial that kills it.

Numbers in ``traps`` are those of the list in the book's chapter on mutants. Controls look odd and are
right; a test that rejects one of them is wrong. Run it all with ``specdec verify --mutants``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from specdec_lib.decoding.drafters.draft_model import DraftModel, DraftSource
from specdec_lib.decoding.rejection import PlanMaker, Verifier, plan_block, verify_by
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.mutants import drafters, loops, shipped, verifiers
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
        wrong = known_names(name, (mutant.name for mutant in MUTANTS))
        raise InvalidArgument(
            f"unknown mutant {name!r}; there are {wrong}; `specdec verify --mutants` tries and lists them all"
        )
    return found


# -- how a mutant is put together ---------------------------------------------------------------


def _with_verifier(verify: Verifier) -> Build:
    def build(target: CausalModel, draft: DraftSource, k: int) -> SpeculativeDecoder:
        decoder = SpeculativeDecoder(target, draft, k)
        decoder.verify = verify
        return decoder

    return build


def _with_drafter(drafter: type[DraftModel], loop: Build = SpeculativeDecoder) -> Build:
    def build(target: CausalModel, draft: DraftSource, k: int) -> SpeculativeDecoder:
        if not is_causal_model(draft):
            raise InvalidArgument(
                f"mutant {drafter.__name__} drafts with a model, and {draft.name} is a drafter of its own; "
                "give a --draft, or try a mutant that verifies wrongly"
            )
        return loop(target, drafter(draft), k)

    return build


def _verifier(name: str, *traps: int, **more: Any) -> Mutant:
    verify = getattr(verifiers, name)
    return Mutant(name, verify.mistake, _with_verifier(verify), traps=traps, **more)


def _plan(plan: PlanMaker) -> Mutant:
    name, build = plan.__name__.removeprefix("plan_"), _with_verifier(partial(verify_by, plan))
    return Mutant(name, _first_line(plan), build, trial="exact law", scenario=_BLOCK, plan=plan)


def _drafter(drafter: type[DraftModel], *traps: int, **more: Any) -> Mutant:
    name = _snake(drafter) if "is_control" in more else f"draft_{_snake(drafter)}"
    return Mutant(name, _first_line(drafter), _with_drafter(drafter), traps=traps, **more)


def _loop(loop: type[SpeculativeDecoder], *traps: int, name: str = "", **more: Any) -> Mutant:
    return Mutant(name or _snake(loop), _first_line(loop), more.pop("build", loop), traps=traps, **more)


def _shipped(mistaken: Callable[..., Any], *traps: int, **more: Any) -> Mutant:
    return Mutant(mistaken.__name__, _first_line(mistaken), more.pop("build"), traps=traps, **more)


def _by_equal_draws(target: CausalModel, draft: DraftSource, k: int) -> SpeculativeDecoder:
    return _with_verifier(verifiers.equal_to_the_targets_draw)(target, draft, k)


def _control(name: str, mistake: str, build: Build = SpeculativeDecoder, **more: Any) -> Mutant:
    return Mutant(name, mistake, build, is_control=True, **more)


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]


def _snake(kind: type) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)[1:]


# -- the gallery --------------------------------------------------------------------------------

_BLOCK = Scenario(k=4, length=5, draft_error=1.0)
_NUCLEUS = Scenario(params=SamplingParams(temperature=1.5, top_p=0.7))
_PENALTY = Scenario(params=SamplingParams(temperature=0.7, repetition_penalty=1.8))
_COOL = Scenario(params=SamplingParams(temperature=0.5))
_COARSE = Scenario(offset=200.0)
_SAME = Scenario(draft_error=0.0)
_CLOSE = Scenario(draft_error=0.3)
_WIDE = Scenario(vocab=6, length=4, draft_error=1.0)
_CONTESTED = Scenario(
    params=SamplingParams(), vocab=3, pattern=((0.1, 0.5, 0.4), (0.6, 0.35, 0.05))
)  # what a correction is drawn from holds the draft's second choice, and one that the draft never made
_NARROW = Scenario(vocab=6, context_length=10, k=4, draft_error=0.3)
_ENDING: dict[str, Any] = {
    "trial": "ending",
    "scenario": Scenario(vocab=6, eos_token_ids=(4, 5), k=4, draft_error=0.3),
}
_BLOCKS: dict[str, Any] = {"scenario": _BLOCK, "plan": plan_block}

MUTANTS: tuple[Mutant, ...] = (
    _loop(loops.TargetUnwarped, 1),
    _drafter(drafters.ReportsUnwarped, 1, issue="huggingface/transformers#47932"),
    _drafter(drafters.WarpsTwice, 1, trial="efficiency", scenario=_COOL),
    _drafter(drafters.ArgmaxWithSoftLaw, 2, issue="huggingface/transformers#32867"),
    _drafter(shipped.ArgmaxWithRawLogits, 1, 2, issue="huggingface/transformers#47932"),
    _drafter(shipped.LawInAnotherOrder),
    _verifier("residual_is_p", 3),
    _verifier("residual_is_absolute", 3),
    _verifier("residual_is_p_without_x", 3),
    _verifier("residual_is_not_clamped", 3),
    _verifier("one_uniform_a_round", 4, scenario=Scenario(k=3)),
    _verifier("correction_reuses_the_uniform", 4, scenario=_WIDE),
    _loop(loops.ReseedsEveryRound, 4),
    _shipped(shipped.accepts_by_the_drafts_uniform, 4, build=shipped.build_accepts_by_the_drafts_uniform),
    _shipped(
        shipped.corrects_by_the_drafts_noise,
        4,
        build=shipped.build_corrects_by_the_drafts_noise,
        scenario=_CONTESTED,
        needs="a draft that finds likely what replaces its rejected token",
        issue="vllm-project/vllm#54282",
    ),
    _verifier("residuals_of_all_rows", 5, scenario=_SAME, needs="a draft whose law is its target's"),
    _drafter(drafters.DropsImprobable, 6),
    _verifier("correction_from_the_draft"),
    _verifier("bonus_from_the_draft", 7),
    _verifier("bonus_from_the_previous_position", 7),
    _loop(
        loops.GreedyByRatio,
        8,
        build=_with_drafter(drafters.ArgmaxWithSoftLaw, loops.GreedyByRatio),
        trial="greedy identity",
    ),
    _drafter(
        drafters.DrawsInHalfPrecision,
        9,
        scenario=_COARSE,
        needs="logits in the hundreds, where half precision is coarse,",
        issue="deepseek-ai/DeepSpec#31",
    ),
    _verifier("smoothed_ratio", 10),
    _verifier("clamped_ratio", 10),
    _loop(loops.NucleusBeforeTemperature, 11, scenario=_NUCLEUS, needs="a nucleus (top-p)"),
    _loop(loops.PenaltyWithoutDraft, 12, scenario=_PENALTY, needs="a repetition penalty"),
    _loop(loops.MissesEosInABlock, 13, **_ENDING),
    _loop(loops.MissesStopInABlock, 13, **_ENDING),
    _loop(loops.MissesStopAcrossRounds, 13, **_ENDING),
    _loop(loops.CountsWhatWasCut, 13, **_ENDING),
    _loop(loops.KnowsOneEos, 14, **_ENDING),
    _loop(loops.OvershootsTheLimit, 15, **_ENDING),
    _loop(loops.EmitsOneForNone, 15, **_ENDING),
    _loop(loops.LooksBeyondTheContext, 16, trial="ending", scenario=_NARROW),
    _drafter(drafters.ForgetsItsLastToken, 17, trial="efficiency", scenario=_CLOSE),
    _loop(loops.TargetKeepsRejectedTokens, 18, name="keeps_rejected_tokens"),
    _loop(loops.RollsBackOneTooFew, 18),
    _drafter(drafters.KeepsRejectedTokens, 18, trial="efficiency", scenario=_CLOSE),
    _loop(loops.CutsByMinusZero, 19),
    _drafter(drafters.DraftsOneFewer, trial="efficiency"),
    _verifier("accepts_everything", issue="vllm-project/vllm-ascend#13730"),
    _verifier("draws_again_where_unequal"),
    _verifier("equal_to_the_targets_draw", trial="efficiency", issue="ml-explore/mlx-swift-lm#459"),
    _verifier("accepts_typical_tokens"),
    _verifier("ratio_is_upside_down"),
    _verifier("rows_are_off_by_one"),
    _verifier("block_breaks_early", **_BLOCKS),
    _plan(verifiers.plan_block_with_token_residual),
    _plan(verifiers.plan_block_with_prefix_thresholds),
    _verifier("block_without_clamp", **_BLOCKS),
    _shipped(
        shipped.block_by_products_of_uniforms,
        build=_with_verifier(shipped.block_by_products_of_uniforms),
        **_BLOCKS,
        issue="vllm-project/vllm-ascend#7807",
    ),
)
"""One mistake each."""

_BY_BLOCK = _BLOCKS | {"build": partial(SpeculativeDecoder, verifier="block")}

CONTROLS: tuple[Mutant, ...] = (
    _control("library_token_exact", "Token verification, enumerated.", trial="exact law"),
    _control("library_block_exact", "Block verification, enumerated.", trial="exact law", **_BY_BLOCK),
    _control("library_token", "The library's token verification."),
    _control("library_token_nucleus", "The same, with a nucleus.", scenario=_NUCLEUS),
    _control("library_token_penalty", "The same, with a repetition penalty.", scenario=_PENALTY),
    _control("library_token_coarse", "The same, with logits around 200.", scenario=_COARSE),
    _control("library_same_model", "The same, drafting with its own target.", scenario=_SAME),
    _control("library_greedy", "The library at temperature 0.", trial="greedy identity"),
    _control("library_ending", "The library, with ends of text.", **_ENDING),
    _control("library_context", "The library in a short context.", trial="ending", scenario=_NARROW),
    _control("library_efficiency", "The library's counts.", trial="efficiency"),
    _control("library_block", "The library's block verification.", **_BY_BLOCK),
    _control(
        "library_block_efficiency", "The counts of block verification.", **_BY_BLOCK, trial="efficiency"
    ),
    _verifier("correct", is_control=True),
    _verifier("block", is_control=True, **_BLOCKS),
    _drafter(drafters.TemperedDraft, is_control=True),
    _drafter(drafters.OneHotArgmaxDraft, is_control=True),
    _drafter(drafters.PausesAfterImprobable, is_control=True),
    _control(
        "reported_equal_draws",
        "Stays where the target draws the same token: reported as biased, and only slow.",
        _with_verifier(verifiers.equal_to_the_targets_draw),
        issue="ml-explore/mlx-swift-lm#459",
    ),
    _control(
        "reported_argmax_draft",
        "The same with the draft's argmax: reported as biased, and right.",
        _with_drafter(drafters.OneHotArgmaxDraft, _by_equal_draws),
        issue="z-lab/dflash#74",
    ),
)
"""Nothing wrong with them."""

GALLERY = MUTANTS + CONTROLS
