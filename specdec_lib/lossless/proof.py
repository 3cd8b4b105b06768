"""Is this pair exact? Every check on a pair of real models, one after the other, cheapest first.

What is proved is the loop as users run it: the decoder, its drafter, its verifier, its sampling. Where a
check needs more samples than real forwards could pay for, the forwards alone are remembered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, Literal

import torch

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.drafters.draft_model import DraftSource, translated
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless import checks, sentences
from specdec_lib.lossless.checks.exact import judge_in
from specdec_lib.lossless.checks.identity import EXACT_DTYPES
from specdec_lib.lossless.doubles.base import DraftReader
from specdec_lib.lossless.doubles.checked import CheckedModel
from specdec_lib.lossless.doubles.ending import EndingModel
from specdec_lib.lossless.doubles.remembering import RememberingModel
from specdec_lib.lossless.laws.enumeration import Judge
from specdec_lib.lossless.laws.small_law import SmallLaw
from specdec_lib.lossless.plan import LEVEL, ProofPlan, fewest_rounds
from specdec_lib.lossless.prompts import cut_to_room, special_lead
from specdec_lib.lossless.replays.proposals import FixedDrafts, recorded
from specdec_lib.lossless.replays.replay import ReplayedRound, replay, short_drafts
from specdec_lib.lossless.verdict import Check, not_applicable, verdict_on
from specdec_lib.models.base import CausalModel, is_causal_model, logits_dtype, require_model
from specdec_lib.models.vocabulary import ForeignDraft

__all__ = ["LEVEL", "PairProof", "ProofPlan", "fewest_rounds", "library_decoder", "verdict_on"]

_ENDED, _ENDED_PROMPTS = 24, 2
"""Tokens of the texts that are ended at every place, and how many there are."""
BuildDecoder = Callable[[CausalModel, DraftSource, int, str], Decoder]


library_decoder: BuildDecoder = SpeculativeDecoder
"""The decoder that is on trial unless another is named."""


class PairProof:
    """The checks of one pair.

    Args:
        target: the model whose law the output has to have.
        draft: the draft model, also one of another vocabulary, or any drafter.
        prompts: token ids; the more and the more varied, the more the longer texts see.
        plan: what to run.
        build: makes the decoder on trial from target, draft, k and the verifier's name.
        judge_of: the rule by which such a decoder judges drafts, which the exact checks sum over; None
            where it cannot be read.
        draft_law: where q of the longer texts comes from: "model" computes it anew, so that a draft which
            is not what its model says is seen; "proposal" takes what the drafter said, as is always done for
            a drafter that is no model.
        fixed_length: whether the decoder on trial drafts K tokens wherever there is room for them; of one
            that goes by a policy a shorter draft is no waste.
        breaks: what the decoder on trial may raise and be rejected for; anything else is an error.
        report: called with a line of progress now and then.

    Raises:
        InvalidArgument: no prompts, an empty one, or so few and short that nothing could be counted.
    """

    def __init__(
        self,
        target: CausalModel,
        draft: DraftSource | ForeignDraft,
        prompts: Sequence[Sequence[int]],
        plan: ProofPlan | None = None,
        *,
        build: BuildDecoder = library_decoder,
        judge_of: Callable[[Decoder], Judge | None] = judge_in,
        draft_law: Literal["model", "proposal"] = "model",
        fixed_length: bool = True,
        breaks: tuple[type[Exception], ...] = (),
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        if not prompts or not all(len(prompt) for prompt in prompts):
            raise InvalidArgument(f"verify: {len(prompts)} prompts; pass at least one, each with a token")
        self.target = require_model(target, "verify")
        self.draft: DraftSource = translated(draft)
        self.plan = plan or ProofPlan()
        self.plan.require_rounds(len(prompts))
        self.prompts = [list(prompt) for prompt in prompts]
        self._build, self._judge_of, self._breaks, self._report = build, judge_of, breaks, report
        self._fixed_length = fixed_length
        self._replays_draft = draft_law == "model" and is_causal_model(self.draft)
        self._params = SamplingParams(self.plan.temperature)

    @torch.inference_mode()
    def run(self) -> Iterator[Check]:
        """All checks, each as soon as it is done."""
        yield from self._exact()
        yield from self._tried("caches", "", self._caches)
        yield from self._tried("greedy identity", "", self._greedy)
        yield from self._tried("endings", "", self._endings)
        for verifier in self.plan.verifiers:
            yield from self._tried("joint law", verifier, partial(self._joint_law, verifier))
            yield from self._tried("uniformity", verifier, partial(self._long_texts, verifier))

    def _tried(self, test: str, verifier: str, run: Callable[[], Iterator[Check]]) -> Iterator[Check]:
        """The checks of ``run``; a decoder that breaks in it, where it may, is rejected by ``test``."""
        try:
            yield from run()
        except self._breaks as error:
            why = sentences.BREAKING_SAYS.format(type(error).__name__, error)
            yield Check(test, verifier, sentences.BROKE, 0, "texts", False, why, bound=0.0)

    def _exact(self) -> Iterator[Check]:
        self._report("exact laws")
        plan = self.plan
        models = (self.target, self.draft)
        judges = {name: self._judge_of(self._build(*models, plan.k, name)) for name in plan.verifiers}
        for name, judge in judges.items():
            yield checks.check_tables(name, judge, seed=plan.seed)
        for name, judge in judges.items():
            yield checks.check_small_law(name, judge, self._small_law, plan.joint_k)
        for name, judge in judges.items():
            yield checks.check_one_position(*models, self.prompts[:8], self._params, name, judge)

    @cached_property
    def _joint_prompt(self) -> list[int]:
        lead = special_lead(self.prompts[0], getattr(self.target, "tokenizer", None))
        return cut_to_room(self.prompts[0], self.plan.joint_prompt + lead, lead)

    @cached_property
    def _remembering(self) -> tuple[CausalModel, DraftSource]:
        draft = self.draft
        return RememberingModel(self.target), (RememberingModel(draft) if is_causal_model(draft) else draft)

    @cached_property
    def _small_law(self) -> SmallLaw:
        plan, prompt = self.plan, self._joint_prompt
        params = SamplingParams(plan.temperature, top_k=plan.joint_top_k)
        target, draft = self._remembering
        drafts = DraftReader(draft) if is_causal_model(draft) else FixedDrafts(draft, prompt, params)
        return SmallLaw(target, drafts, prompt, plan.joint_tokens, params, plan.joint_k)

    def _caches(self) -> Iterator[Check]:
        self._report("caches")
        draft, models = self.draft, [CheckedModel(self.target)]
        if is_causal_model(draft):
            draft = CheckedModel(DraftReader(draft))
            models.append(draft)
        decoder = self._build(models[0], draft, self.plan.k, self.plan.verifiers[0])
        yield checks.check_caches(decoder, self.prompts[-1], self.plan.num_tokens // 2, models)

    def _greedy(self) -> Iterator[Check]:
        decoder = self._build(self.target, self.draft, self.plan.k, self.plan.verifiers[0])
        yield checks.check_greedy(decoder, self.prompts[:12], self.plan.num_tokens, self._report)

    def _endings(self) -> Iterator[Check]:
        target, draft = self._remembering
        decoder = self._build(EndingModel(target), draft, self.plan.k, self.plan.verifiers[0])
        length = min(_ENDED, self.plan.num_tokens)
        yield checks.check_endings(decoder, self.prompts[:_ENDED_PROMPTS], length, self._report)

    def _joint_law(self, verifier: str) -> Iterator[Check]:
        law, plan = self._small_law, self.plan
        if law.is_broad:
            for test in ("joint law", "distance"):
                yield not_applicable(test, verifier, law.why_broad, "samples")
            return
        decoder = self._build(*self._remembering, plan.joint_k, verifier)
        yield from checks.check_joint_law(
            verifier, decoder, law, self._joint_prompt, plan.num_samples, plan.seed, plan.level, self._report
        )

    def _long_texts(self, verifier: str) -> Iterator[Check]:
        plan = self.plan
        texts, short = zip(*self._replayed(verifier), strict=True)
        rounds = [round_ for text in texts for round_ in text]
        exact = logits_dtype(self.target) in EXACT_DTYPES
        yield checks.check_uniformity(verifier, rounds, plan.seed, plan.level, exact)
        yield checks.check_independence(verifier, texts, plan.seed, plan.level)
        yield checks.check_efficiency(verifier, rounds, plan.level, sum(short))

    def _replayed(self, verifier: str) -> Iterator[tuple[list[ReplayedRound], int]]:
        """The rounds of each longer text, and how many of them drafted fewer tokens than were of use."""
        plan, limit = self.plan, self.target.context_length or sys.maxsize
        decoder = self._build(self.target, self.draft, plan.k, verifier)
        said = None if self._replays_draft else recorded(decoder)
        for index, prompt in enumerate(self.prompts):
            self._report(f"{verifier}: long texts, prompt {index + 1} of {len(self.prompts)}")
            options: Any = {"ignore_eos": True, "seed": plan.seed * 1_000_003 + index, "trace": True}
            trace = decoder.generate(prompt, plan.num_tokens, plan.temperature, **options).trace
            draft: Any = self.draft if said is None else said.made
            end = min(len(prompt) + plan.num_tokens, limit)
            counted = said is None and self._fixed_length
            short = short_drafts(trace, plan.k, end, self.draft.context_length) if counted else 0
            yield list(replay(self.target, draft, trace, self._params)), short
