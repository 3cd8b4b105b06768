"""Which check sees which mistake? The checks of a pair as a ladder of tiers, climbed by wrong decoders.

Each mutant is tried in the small world of its scenario by everything that ``specdec verify`` does to a pair
of real models, and each tier says whether it rejected. No tier sees everything: so there are several.
``python -m specdec_lib.lossless.mutants.ladder FILE`` writes what the book shows. It draws nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from specdec_lib.lossless import sentences
from specdec_lib.lossless.checks.exact import ONE_POSITION, check_tables, emitted_at_one_position
from specdec_lib.lossless.laws.enumeration import Judge
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.mutants.gallery import Mutant, find_mutant
from specdec_lib.lossless.mutants.judges import judge_of
from specdec_lib.lossless.proof import PairProof, ProofPlan
from specdec_lib.lossless.verdict import Check, bounded_check, not_applicable
from specdec_lib.utils.entry_point import OneLineParser, exit_code

TIERS = ("enumeration", "one position", "caches", "greedy identity", "joint law", "uniformity", "efficiency")
"""From what is proved to what is sampled."""
SHOWN = (
    "library_token",
    "residual_is_p",
    "smoothed_ratio",
    "one_uniform_a_round",
    "bonus_from_the_draft",
    "block_with_token_residual",
    "draft_argmax_with_soft_law",
    "draft_reports_unwarped",
    "keeps_rejected_tokens",
    "rolls_back_one_too_few",
    "draft_keeps_rejected_tokens",
    "misses_eos_in_a_block",
)
"""One or two of each kind: a control, rules, drafts, caches, an ending."""

_TIER_OF = {"distance": "joint law"}  # of the others the test is the tier
_PROMPTS = 12


@dataclass(frozen=True)
class Rung:
    """What one tier said of one mutant; ``passed`` is None where it could not be asked."""

    name: str
    is_control: bool
    tier: str
    passed: bool | None
    told: str


def climb(mutant: Mutant, seed: int = 0, num_samples: int = 1500) -> list[Rung]:
    """Every tier on one mutant, in the order of :data:`TIERS`.

    Args:
        seed: of the scenario's tables and of everything that is drawn.
        num_samples: texts that the joint law is counted from.
    """
    scenario = replace(mutant.scenario, seed=seed)
    judge = judge_of(mutant, mutant.build(*scenario.models, scenario.k))
    found = list(_proof(mutant, scenario, num_samples).run())
    ran = [[check for check in found if _TIER_OF.get(check.test, check.test) == tier] for tier in TIERS[2:]]
    return [
        Rung(mutant.name, mutant.is_control, tier, _passed(checks), _told(checks[0]))
        for tier, checks in zip(TIERS, [*_summed(judge, scenario), *ran], strict=True)
    ]


def _proof(mutant: Mutant, scenario: Scenario, num_samples: int) -> PairProof:
    rng = np.random.default_rng(scenario.seed)
    prompts = rng.integers(scenario.vocab, size=(_PROMPTS, 4)).tolist()
    plan = ProofPlan(
        (mutant.verifier,),
        k=scenario.k,
        temperature=scenario.params.temperature,
        num_samples=num_samples,
        num_tokens=96,
        seed=scenario.seed,
        joint_tokens=4,
        joint_k=scenario.k,
        joint_top_k=scenario.vocab,
    )
    return PairProof(
        *scenario.models,
        prompts,
        plan,
        build=lambda target, draft, k, verifier: mutant.build(target, draft, k),
        judge_of=lambda decoder: judge_of(mutant, decoder),
    )


def _summed(judge: Judge | None, scenario: Scenario) -> Iterator[list[Check]]:
    """The two tiers that draw nothing: chained rounds in a world of their own, one position of this one."""
    if judge is None:
        yield from ([not_applicable(tier, "", sentences.WHY_DICE_OF_A_MUTANT)] for tier in TIERS[:2])
        return
    yield [check_tables("", judge, num_tables=1, seed=scenario.seed)]
    target, draft = (scenario.warped(model) for model in scenario.models)
    law = emitted_at_one_position(judge, target, draft)
    error = max(abs(a - b) for a, b in zip(law, target, strict=True))
    yield [bounded_check("one position", "", error, ONE_POSITION, len(law), "drafts", "")]


def _passed(checks: Sequence[Check]) -> bool | None:
    """Whether all that could be asked passed; None where nothing could."""
    asked = [check.passed for check in checks if check.passed is not None]
    return all(asked) if asked else None


def _told(check: Check) -> str:
    if check.passed is None:
        return check.says
    seen, p_value = check.statistic, check.p_value
    return seen if p_value is None else sentences.WITH_P_VALUE.format(seen, p_value)


# -- the recording ---------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m specdec_lib.lossless.mutants.ladder FILE``."""
    prefix = "[ladder] "
    parser = OneLineParser(prefix, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _record(options.output), prefix)


def _record(output: Path) -> None:
    torch.set_num_threads(1)  # tables of four words: threads would only wait for each other
    rungs = []
    for name in SHOWN:
        climbed = climb(find_mutant(name))
        rejecting = [rung.tier for rung in climbed if rung.passed is False]
        print(f"[ladder] {name}: {', '.join(rejecting) or 'nothing'} rejected", flush=True)
        rungs += [asdict(rung) for rung in climbed]
    lines = ",\n ".join(json.dumps(rung, ensure_ascii=False) for rung in rungs)
    output.write_text(f"[{lines}]\n", encoding="utf8")


if __name__ == "__main__":
    sys.exit(main())
