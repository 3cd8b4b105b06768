"""Mutants audited in a process of their own: the suite's shape checks would make them some times slower."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace

import torch

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.lossless.audit.engines import EngineRequest
from specdec_lib.lossless.audit.sampled.callables import CallableEngine
from specdec_lib.lossless.audit.sampled.counting import audit_by_counting
from specdec_lib.lossless.audit.sampled.report import AuditReport
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.mutants.gallery import GALLERY

SEED = 5
Asked = tuple[str, int, bool]
"""A mutant's name, answers at most, and whether the law is told."""


class ScenarioLaw:
    """What a server would tell of a scenario's target."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def next_law(self, request: EngineRequest, continuation: tuple[int, ...]) -> dict[int | None, float]:
        target, _ = self._scenario.models
        return dict(enumerate(self._scenario.warped(target, continuation)))


def somebodys(decoder: Decoder, params: SamplingParams, name: str) -> CallableEngine:
    """A function of a prompt, a number of tokens and a seed."""

    def generate(prompt_ids, num_tokens, seed):
        options = asdict(params) | {"seed": seed, "ignore_eos": True}
        return decoder.generate(prompt_ids, num_tokens, **options).generated_ids

    return CallableEngine(generate, name)


def audited(name: str, num_samples: int, told: bool) -> AuditReport:
    """The audit of the mutant of that name in its scenario; it knows nothing but what comes back."""
    torch.set_num_threads(1)
    mutant = next(one for one in GALLERY if one.name == name)
    scenario = replace(mutant.scenario, seed=SEED)
    target, draft = scenario.models
    engine = somebodys(mutant.build(target, draft, scenario.k), scenario.params, name)
    control = somebodys(AutoregressiveDecoder(target), scenario.params, "plain")
    law = ScenarioLaw(scenario) if told else None
    request = EngineRequest(scenario.length, scenario.prompt)
    return audit_by_counting(engine, control, law, request, num_samples, seed=SEED, mass=1.0)


def audit_all(asked: Sequence[Asked]) -> dict[Asked, AuditReport]:
    """:func:`audited` for each, in a process that imports the library as users run it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return dict(zip(asked, pool.map(audited, *zip(*asked, strict=True)), strict=True))
