"""Is a mode of ``generate`` exact? Its law over every random branch, against the target's own, summed too.

The target's law comes from forwards of its whole text without a cache, in float64 from the logits on. Plain
decoding by ``generate`` is the control: where that is off already, nothing is said of the mode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.errors import in_one_line
from specdec_lib.lossless.audit.branches.replaying import ReplayedLaw, law_of
from specdec_lib.lossless.audit.hugging_face import sentences
from specdec_lib.lossless.audit.hugging_face.modes import PLAIN, Mode, Trial
from specdec_lib.lossless.verdict import Check
from specdec_lib.models.source import quiet
from specdec_lib.utils.numbers import counted

ROUNDING = 1e-5
"""Total variation that float32 forwards of other widths may leave between two summed laws."""
_TIMES_CONTROL = 4
SMALL = 0.05
"""Mass not visited that still leaves something to be said: no event can be off by more."""
ReplayVerdict = Literal["exact", "exact as far as seen", "not exact", "open", "not askable"]


@dataclass(frozen=True)
class ReplayReport:
    """What all trials of a mode found.

    Attributes:
        engine: library, version and mode. verdict: ``why`` says what a sentence is about where it has one.
        checks: a line a trial, and one for its control. distance: the largest that is proved.
        open_mass: the largest mass that no replay visited. num_replays: decodings in all.
        is_lossy: whether the mode is documented to change the law.
    """

    engine: str
    mode: str
    verdict: ReplayVerdict
    says: str
    checks: tuple[Check, ...]
    distance: float
    open_mass: float
    num_replays: int
    is_lossy: bool = False

    @property
    def exit_code(self) -> int:
        """0: exact, or all but a little of it is; 1: not exact; 2: it could not be asked, or settled."""
        return {"exact": 0, "exact as far as seen": 0, "not exact": 1}.get(self.verdict, 2)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, texts and lists, for JSON."""
        checks = [asdict(check) | {"verdict": check.verdict} for check in self.checks]
        return asdict(self) | {"checks": checks, "exit_code": self.exit_code}


@torch.inference_mode()
def target_law_of(trial: Trial) -> dict[tuple[int, ...], float]:
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
    trials: Sequence[Trial],
    *,
    seconds: float | None = None,
    most_replays: int = 100_000,
    report: Callable[[str], None] = lambda line: None,
) -> ReplayReport:
    """Sum the law of ``mode`` on every trial, and say whether it is the target's.

    Args:
        seconds: of all trials together, shared evenly; what is left then stays open, and is said.
        most_replays: of one trial.
        report: called with a line of progress now and then.
    """
    import transformers

    engine = sentences.ENGINE.format(transformers.__version__, mode.name)
    each = None if seconds is None else seconds / max(1, len(trials))
    found: list[_Found] = []
    for trial in trials:
        with quiet():
            found.append(_tried(mode, trial, each, most_replays, report))
        if found[-1].raised:
            break
    return _report_on(engine, mode, found)


@dataclass(frozen=True)
class _Found:
    """One trial: least and largest distance of the mode, and the control's."""

    trial: Trial
    bound: float
    control: float
    least: float = 0.0
    largest: float = 0.0
    law: ReplayedLaw | None = None
    plain: ReplayedLaw | None = None
    raised: str = ""

    @property
    def passed(self) -> bool | None:
        if self.law is None or self.control > ROUNDING:
            return None
        if self.least > self.bound:
            return False
        return True if self.largest <= max(self.bound, SMALL) else None


def _tried(
    mode: Mode, trial: Trial, seconds: float | None, most_replays: int, report: Callable[[str], None]
) -> _Found:
    def told(replays: int, unvisited: float) -> None:
        if replays % 20 == 0:
            report(f"{mode.name}, {trial.says}: {replays} replays, {unvisited:.1e} not visited")

    law = target_law_of(trial)
    plain = law_of(lambda: PLAIN.generate(trial), most_replays=most_replays, seconds=seconds)
    control = max(plain.distance_to(law)[0], 0.0)
    bound = max(ROUNDING, _TIMES_CONTROL * control)
    if control > ROUNDING or mode is PLAIN:
        return _Found(trial, bound, control, *plain.distance_to(law), plain, plain)
    try:
        ours = law_of(
            lambda: mode.generate(trial), most_replays=most_replays, seconds=seconds, enough=1e-7, report=told
        )
    except Exception as error:  # a mode that breaks is told, whatever it raises
        return _Found(trial, bound, control, raised=in_one_line(error))
    return _Found(trial, bound, control, *ours.distance_to(law), ours, plain)


def _report_on(engine: str, mode: Mode, found: Sequence[_Found]) -> ReplayReport:
    checks = [check for one in found for check in _checks_of(one)]
    worst = max(found, key=lambda one: one.least)
    open_mass = max((one.law.unvisited for one in found if one.law), default=1.0)
    replays = sum(one.law.num_replays for one in found if one.law)
    control = max(one.control for one in found)
    raised = next((one.raised for one in found if one.raised), "")
    verdict: ReplayVerdict
    if any(one.passed is False for one in found):
        verdict, says = "not exact", sentences.NOT_EXACT.format(engine, worst.least)
        says = sentences.LOSSY.format(says) if mode.is_lossy else says
    elif control > ROUNDING:
        verdict, says = "not askable", sentences.CONTROL_FAILS.format(engine, control)
    elif raised:
        verdict, says = "not askable", sentences.RAISED.format(engine, raised)
    elif all(one.largest <= one.bound for one in found):
        bound = 10 ** math.ceil(math.log10(max(one.largest for one in found) or 1e-16))
        verdict, says = "exact", sentences.EXACT.format(engine, bound)
    elif open_mass <= SMALL:
        verdict, says = "exact as far as seen", sentences.BOUNDED.format(engine, open_mass, replays)
    else:
        verdict, says = "open", sentences.OPEN.format(engine, open_mass, replays)
    return ReplayReport(
        engine, mode.name, verdict, says, tuple(checks), worst.least, open_mass, replays, mode.is_lossy
    )


def _checks_of(found: _Found) -> list[Check]:
    trial, law = found.trial, found.law
    if law is None:
        says = sentences.BROKE.format(trial.says, found.raised)
        return [Check(sentences.EXACT_LAW, "", "–", 0, "replays", None, says)]
    closed = found.largest - found.least < ROUNDING
    seen = sentences.DISTANCE.format(found.largest)
    if not closed:
        seen = sentences.BETWEEN.format(found.least, found.largest)
    choices = counted(law.num_choices, "choice")
    says = sentences.LAW_SAYS.format(trial.says, trial.num_tokens, f"up to {choices}", "a text")
    own = Check(
        sentences.EXACT_LAW, "", seen, law.num_replays, "replays", found.passed, says, bound=found.bound
    )
    control = Check(
        sentences.CONTROL_LAW,
        "",
        sentences.DISTANCE.format(found.control),
        found.plain.num_replays if found.plain else 0,
        "replays",
        found.control <= ROUNDING,
        trial.says,
        bound=ROUNDING,
    )
    return [own, control]
