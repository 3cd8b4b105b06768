"""Is a mode of ``generate`` exact? Its law over every random branch, against the target's own, summed too.

The target's law comes from forwards of its whole text without a cache, in float64 from the logits on. Plain
decoding by ``generate`` is the control.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.lossless.audit.hugging_face import sentences
from specdec_lib.lossless.audit.hugging_face.mode import Mode
from specdec_lib.lossless.audit.hugging_face.modes import PLAIN
from specdec_lib.lossless.audit.hugging_face.trial import ModeTrial
from specdec_lib.lossless.audit.replay_report import ReplayCase, ReplayReport
from specdec_lib.lossless.audit.replayed import Progress, audit_by_replaying
from specdec_lib.models.source import quiet


@torch.inference_mode()
def target_law_of(trial: ModeTrial) -> dict[tuple[int, ...], float]:
    """The joint law of the trial's tokens, from one forward a prefix, without a cache."""
    model, params = trial.make_target(), SamplingParams(trial.temperature, top_k=trial.top_k)
    law: dict[tuple[int, ...], float] = {(): 1.0}
    for _ in range(trial.num_tokens):
        longer: dict[tuple[int, ...], float] = {}
        for prefix, mass in law.items():
            ids = torch.tensor([[*trial.prompt, *prefix]], device=model.device)
            logits = model(ids, use_cache=False).logits[0, -1].double()
            for token, chance in enumerate(probs_from_logits(logits, params).tolist()):
                if chance:
                    longer[(*prefix, token)] = mass * chance
        law = longer
    return law


def audit_mode(
    mode: Mode,
    trials: Sequence[ModeTrial],
    *,
    seconds: float | None = None,
    most_replays: int = 100_000,
    report: Progress = lambda line: None,
) -> ReplayReport:
    """Sum the law of ``mode`` on every trial, and say whether it is the target's.

    The arguments are those of :func:`~specdec_lib.lossless.audit.replayed.audit_by_replaying`.

    Raises:
        InvalidArgument: no trial.
    """
    import transformers

    engine = sentences.ENGINE.format(transformers.__version__, mode.name)
    cases = [_case(mode, trial) for trial in trials]
    limits: dict[str, Any] = {"seconds": seconds, "most_replays": most_replays, "report": report}
    with quiet():
        found = audit_by_replaying(engine, cases, is_lossy=mode.is_lossy, **limits)
    told = mode.told()
    return replace(found, says=f"{found.says} {told}") if told else found


def _case(mode: Mode, trial: ModeTrial) -> ReplayCase:
    return ReplayCase(
        trial.says,
        trial.num_tokens,
        lambda: (target_law_of(trial), 0.0),
        partial(mode.generate, trial),
        partial(PLAIN.generate, trial),
        trial.label,
    )
