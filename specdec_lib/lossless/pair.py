"""Is this pair exact? Every check on a pair of real models, one after the other, cheapest first.

What is proved is the loop as users run it: the decoder, its drafter, its verifier, its sampling. Where a
check needs more samples than real forwards could pay for, the forwards alone are remembered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.rejection import PLANS, PlanMaker
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless import checks
from specdec_lib.lossless.caches import CheckedModel
from specdec_lib.lossless.checks import Check
from specdec_lib.lossless.remembering import RememberingModel
from specdec_lib.lossless.replay import ReplayedRound, replay
from specdec_lib.lossless.small_law import SmallLaw
from specdec_lib.models.wrapper import ModelWrapper

LEVEL = 1e-4
"""A check rejects below this p-value; with a dozen checks a false alarm has a chance of about 1 in 1 000."""
Build = Callable[[ModelWrapper, ModelWrapper, int, str], Decoder]


@dataclass(frozen=True)
class ProofPlan:
    """What to run.

    Attributes:
        verifiers: of "token" and "block".
        k: draft tokens a round. temperature: of everything that is sampled.
        num_samples: continuations that the joint law is counted from, for each verifier.
        num_tokens: tokens of every longer text. seed: everything random follows from it.
        joint_tokens, joint_k, joint_top_k: size of the joint law; ``joint_top_k`` ** ``joint_tokens`` cells.
    """

    verifiers: tuple[str, ...] = ("token", "block")
    k: int = 4
    temperature: float = 0.8
    num_samples: int = 20_000
    num_tokens: int = 64
    seed: int = 0
    level: float = LEVEL
    joint_tokens: int = 3
    joint_k: int = 2
    joint_top_k: int = 4
    joint_prompt: int = 16

    def __post_init__(self) -> None:
        if not self.verifiers or not set(self.verifiers) <= set(PLANS):
            raise InvalidArgument(f"verify: verifiers are {self.verifiers}; choose from {list(PLANS)}")
        if not 0 < self.temperature < math.inf or self.num_samples < 1 or self.num_tokens < 2 or self.k < 1:
            raise InvalidArgument(
                f"verify: temperature {self.temperature}, {self.num_samples} samples, {self.num_tokens} "
                f"tokens, k = {self.k}; pass a temperature above 0, 1 sample, 2 tokens and k = 1 at least"
            )


def library_decoder(target: ModelWrapper, draft: ModelWrapper, k: int, verifier: str) -> Decoder:
    """The decoder that is on trial unless another is named."""
    return SpeculativeDecoder(target, draft, k, verifier)


class PairProof:
    """The checks of one pair.

    Args:
        target, draft: the models.
        prompts: token ids; the more and the more varied, the more the longer texts see.
        plan: what to run.
        build: makes the decoder on trial from target, draft, k and the verifier's name.
        make_plan: the verifier's plan by name, which the exact checks enumerate.
        report: called with a line of progress now and then.

    Raises:
        InvalidArgument: no prompts, or an empty one.
    """

    def __init__(
        self,
        target: ModelWrapper,
        draft: ModelWrapper,
        prompts: Sequence[Sequence[int]],
        plan: ProofPlan | None = None,
        *,
        build: Build = library_decoder,
        make_plan: Callable[[str], PlanMaker] = PLANS.__getitem__,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        if not prompts or not all(len(prompt) for prompt in prompts):
            raise InvalidArgument(f"verify: {len(prompts)} prompts; pass at least one, each with a token")
        self.target, self.draft = target, draft
        self.plan = plan or ProofPlan()
        self.prompts = [list(prompt) for prompt in prompts]
        self._build, self._make_plan, self._report = build, make_plan, report
        self._params = SamplingParams(self.plan.temperature)

    def run(self) -> Iterator[Check]:
        """All checks, each as soon as it is done."""
        yield from self._exact()
        yield self._caches()
        yield self._greedy()
        for verifier in self.plan.verifiers:
            yield from self._joint_law(verifier)
            yield from self._long_texts(verifier)

    def _exact(self) -> Iterator[Check]:
        self._report("exact laws")
        for verifier in self.plan.verifiers:
            yield checks.check_tables(verifier, self._make_plan(verifier), seed=self.plan.seed)
        for verifier in self.plan.verifiers:
            yield checks.check_small_law(
                verifier, self._make_plan(verifier), self._small_law, self.plan.joint_k
            )
        yield checks.check_one_position(self.target, self.draft, self.prompts[:8], self._params)

    @property
    def _joint_prompt(self) -> list[int]:
        return self.prompts[0][-self.plan.joint_prompt :]

    @cached_property
    def _remembering(self) -> list[RememberingModel]:
        return [RememberingModel(model) for model in (self.target, self.draft)]

    @cached_property
    def _small_law(self) -> SmallLaw:
        params = SamplingParams(self.plan.temperature, top_k=self.plan.joint_top_k)
        return SmallLaw(*self._remembering, self._joint_prompt, self.plan.joint_tokens, params)

    def _caches(self) -> Check:
        self._report("caches")
        models = [CheckedModel(model) for model in (self.target, self.draft)]
        decoder = self._build(*models, self.plan.k, self.plan.verifiers[0])
        return checks.check_caches(decoder, self.prompts[-1], self.plan.num_tokens // 2, models)

    def _greedy(self) -> Check:
        decoder = self._build(self.target, self.draft, self.plan.k, self.plan.verifiers[0])
        return checks.check_greedy(decoder, self.prompts[:12], self.plan.num_tokens, self._report)

    def _joint_law(self, verifier: str) -> Iterator[Check]:
        law, plan = self._small_law, self.plan
        decoder = self._build(*self._remembering, plan.joint_k, verifier)
        return checks.check_joint_law(
            verifier, decoder, law, self._joint_prompt, plan.num_samples, plan.seed, plan.level, self._report
        )

    def _long_texts(self, verifier: str) -> Iterator[Check]:
        rounds = list(self._replayed(verifier))
        exact = self.target.dtype in checks.EXACT_DTYPES
        yield checks.check_uniformity(verifier, rounds, self.plan.seed, self.plan.level, exact)
        yield checks.check_efficiency(verifier, rounds, self.plan.level)

    def _replayed(self, verifier: str) -> Iterator[ReplayedRound]:
        decoder = self._build(self.target, self.draft, self.plan.k, verifier)
        for index, prompt in enumerate(self.prompts):
            self._report(f"{verifier}: long texts, prompt {index + 1} of {len(self.prompts)}")
            result = decoder.generate(
                prompt,
                self.plan.num_tokens,
                self.plan.temperature,
                ignore_eos=True,
                seed=self.plan.seed * 1_000_003 + index,
                trace=True,
            )
            yield from replay(self.target, self.draft, result.trace, self._params)


def sentence(name: str, found: Sequence[Check]) -> str:
    """What the checks say of the pair, with the power behind it, in one sentence."""
    failed = [
        f"{check.test}{f' ({check.verifier})' if check.verifier else ''}"
        for check in found
        if not check.passed
    ]
    if failed:
        return f"{name} is not exact: {', '.join(failed)} rejected."
    joint = [check for check in found if check.test == "joint law" and check.catches is not None]
    bounds = [check.bound for check in found if check.test == "distance" and check.bound is not None]
    power = ""
    if joint and bounds:
        worst = max(check.catches for check in joint)
        power = (
            f": a joint law that is off by {worst:.3f} in total variation would have been rejected with 99 % "
            f"probability, and no event is off by more than {max(bounds):.3f} with {1 - LEVEL:.2%} confidence"
        )
    return f"{name} is exact, as far as {len(found)} checks can see{power}."
