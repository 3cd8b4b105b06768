"""Where to look first: questions about one cell, in the order in which their answers matter.

The first question that is answered with no is where to look, and all behind it wait: a speedup of wrong
tokens means nothing, and a term of the formula means nothing while the formula does not describe the clock.
Where every answer is yes, the part that costs the cell most is what is left. Each question has a measured
number and a limit that it must keep, and the limits come from the law.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from specdec_lib.bench.explain import questions as words
from specdec_lib.bench.explain.cell import LARGE, Cell
from specdec_lib.bench.explain.outlook import Outlook
from specdec_lib.bench.explain.report import explain_session
from specdec_lib.bench.explain.sentences import VISIBLE
from specdec_lib.bench.explain.tree import Part, PlaceRow, Question
from specdec_lib.bench.records.identity import EXACT_DTYPES
from specdec_lib.bench.records.kinds import Record, RunRecord, of_kind
from specdec_lib.bench.records.runs import Run, runs_of, select
from specdec_lib.data.own_prompts import conversation_of
from specdec_lib.theory.speedup import break_even_alpha, draft_cost_for, expected_tokens
from specdec_lib.utils.numbers import apart, percent


@dataclass(frozen=True)
class Triage:
    """The questions of one cell, and where the way through them ends.

    Attributes:
        end: key of the first question that is answered with no, or else of the part with the largest gain.
    """

    temperature: float
    domain: str
    k: int
    speedup: float
    questions: list[Question]
    parts: list[Part]
    end: str

    @property
    def found(self) -> Question | Part:
        """Where the way ends."""
        return next(place for place in (*self.questions, *self.parts) if place.key == self.end)

    def rows(self) -> list[PlaceRow]:
        """The questions, then the parts."""
        places = [*self.questions, *self.parts]
        last = next((at for at, one in enumerate(self.questions) if one.key == self.end), len(places))
        return [
            PlaceRow(type(place).__name__.lower(), place.key == self.end, at <= last, **asdict(place))
            for at, place in enumerate(places)
        ]


def triage(
    records: Sequence[Record],
    *,
    temperature: float = 0.0,
    domain: str | None = None,
    k: int | None = None,
    draws: int = 2000,
) -> Triage:
    """Go through the questions for one cell of a session.

    Args:
        records: of one session, see :func:`~specdec_lib.bench.records.runs.newest_session`.
        domain: None: all domains together.
        k: None: the K with the largest measured speedup.
        draws: of the bootstrap behind the intervals.

    Raises:
        InvalidArgument: the session has no such cell.
        RecordError: as :func:`~specdec_lib.bench.explain.report.explain_session`.
    """
    report = explain_session(records, temperature=temperature, domain=domain, draws=draws)
    (group,) = report.groups
    cell = group.best if k is None else group.of_length(k)
    runs = select(runs_of(records), temperature, cell.domain)
    questions = [
        _tokens(records, cell.k),
        _length([run for run in runs if run.k in (0, cell.k)]),
        _baseline(cell),
        _noise(cell, runs),
        _sum(cell),
        _pays(cell, group.outlook),
        _draft_length(cell, group.outlook),
    ]
    parts = _parts(cell)
    failed = next((question.key for question in questions if question.holds is False), None)
    end = failed or max(parts, key=lambda part: part.gain).key
    return Triage(temperature, cell.domain, cell.k, cell.measured, questions, parts, end)


# -- is the comparison right? ----------------------------------------------------------------------


def _question(key: str, measured: str, needed: str, holds: bool | None, **instead: str) -> Question:
    """``instead`` replaces what is usually said of the cause or the remedy."""
    told = words.QUESTIONS[key]._replace(**instead)
    return Question(key, told.question, measured, needed, holds, told.cause, told.remedy)


def _tokens(records: Sequence[Record], k: int) -> Question:
    of_k = [r for r in of_kind(records, RunRecord) if k == r.config.K and not r.config.policy]
    compared = [record for record in of_k if record.was_compared]
    same = sum(record.is_identical for record in compared)
    exact = all(record.target_dtype in EXACT_DTYPES for record in compared)
    holds = None if not compared or (same < len(compared) and not exact) else same == len(compared)
    told = words.SAME_TOKENS.format(same, len(compared)) if compared else words.NOT_COMPARED
    return _question("tokens", told, words.ALL_OF_THEM if exact else words.OR_TIES, holds)


def _length(runs: Sequence[Run]) -> Question:
    lengths = {run.result.num_tokens for run in runs}
    told = (words.EVERY_RUN if len(lengths) == 1 else words.FROM_TO).format(min(lengths), max(lengths))
    return _question("length", told, words.ONE_LENGTH, len(lengths) == 1)


def _baseline(cell: Cell) -> Question:
    """A load that slowed both arms alike cancels in the speedup; only what slowed one of them counts."""
    needed = words.BOTH_ALIKE.format(percent(LARGE))
    if cell.unexplained is None or cell.step == cell.timed_step:
        return _question("baseline", words.NOT_PROFILED, needed, None)
    step = cell.timed_step / cell.step
    holds = cell.said("unexplained") is None or abs(step - 1.0) <= LARGE
    return _question(
        "baseline", words.STEP_AND_ROUND.format(step, step / (1 + cell.unexplained)), needed, holds
    )


def _noise(cell: Cell, runs: Sequence[Run]) -> Question:
    prompts = len({(run.config.prompt_domain, conversation_of(run.prompt_id)) for run in runs})
    clear = not cell.low <= 1.0 <= cell.high
    measured = words.INTERVAL.format(cell.low, cell.high, prompts) if cell.has_interval else words.NO_INTERVAL
    instead = {} if clear else {"remedy": words.MEASURE_ABOUT.format(_prompts_needed(cell, prompts))}
    return _question("noise", measured, words.CLEAR_OF_1, clear if cell.has_interval else None, **instead)


def _prompts_needed(cell: Cell, prompts: int) -> int | str:
    """How many prompts bring the interval's half down to the distance from 1: it shrinks with their root."""
    distance = abs(cell.measured - 1.0)
    if distance < VISIBLE:
        return words.MANY_MORE
    return math.ceil(prompts * ((cell.high - cell.low) / 2.0 / distance) ** 2)


# -- does the formula describe it? -----------------------------------------------------------------


def _sum(cell: Cell) -> Question:
    measured, holds = words.NOT_PROFILED, None
    if cell.accounted is not None:
        measured = words.PARTS_AND_CLOCK.format(cell.accounted, cell.measured)
        holds = cell.said("unexplained") is None
    checks = [a.key.removeprefix("check_") for a in cell.advice if a.key.startswith("check_")]
    instead = {"cause": words.CLOCKS.format(", ".join(checks))} if checks else {}
    return _question("sum", measured, words.INSIDE.format(percent(LARGE)), holds, **instead)


def _pays(cell: Cell, outlook: Outlook) -> Question:
    least = outlook.least_needed or outlook.curve[0]
    limit = least.break_even_alpha
    holds = limit is not None and outlook.alpha >= limit
    alpha, *limits = apart(outlook.alpha, *(() if limit is None else (limit,)))
    needed = words.ALPHA_NEEDED.format(*limits, least.k) if limits else words.NO_ALPHA
    instead = {}
    if not holds:
        c = draft_cost_for(1.0 / cell.step, outlook.alpha, least.k, least.v, least.overhead)
        instead = {"remedy": words.HOPELESS if c is None else words.AFFORDABLE.format(*apart(c, cell.c))}
    return _question("pays", words.ALPHA.format(alpha), needed, holds, **instead)


def _draft_length(cell: Cell, outlook: Outlook) -> Question:
    here = next(row.speedup for row in outlook.curve if row.k == cell.k)
    best = max(outlook.curve, key=lambda row: row.speedup)
    hidden = max(VISIBLE, (cell.high - cell.low) / 2.0 if cell.has_interval else 0.0)
    measured = words.BY_THE_LAW.format(here, cell.k, best.speedup, best.k)
    holds, cause = best.speedup - here < hidden, words.TOO_LONG if best.k < cell.k else words.TOO_SHORT
    instead = {} if holds else {"cause": cause, "remedy": words.TAKE.format(best.k)}
    return _question("k", measured, words.LESS_TO_GAIN.format(hidden), holds, **instead)


# -- which part costs most? ------------------------------------------------------------------------


def _part(key: str, cell: Cell, measured: str, needed: str) -> Part:
    told, advice = words.QUESTIONS[key], cell.said(key)
    gain = 0.0 if advice is None or advice.gain is None else max(0.0, advice.gain)
    return Part(key, told.question, measured, needed, gain, words.STEPS[key], told.cause, told.remedy)


def _parts(cell: Cell) -> list[Part]:
    """Each term of the formula, and where the cell would break even if nothing else changed."""
    c, v, o, step = cell.c, cell.v, cell.overhead or 0.0, cell.step
    worth = step * expected_tokens(cell.alpha, cell.k)  # forwards that a round may cost: the tokens it yields
    dearest = draft_cost_for(1.0 / step, cell.alpha, cell.k, v, o)
    least = break_even_alpha(cell.k, c / step, v / step, o / step)
    pays_from = words.PAYS_NOWHERE if least is None else words.PAYS_FROM.format(least)
    overhead = words.NOT_PROFILED if cell.overhead is None else words.OVERHEAD.format(o)
    return [
        _part("draft", cell, words.DRAFT.format(c, cell.k * c), _up_to("c", dearest)),
        _part("width", cell, words.WIDTH.format(cell.k, v), _up_to("v", worth - cell.k * c - o)),
        _part("overhead", cell, overhead, _up_to("o", worth - cell.k * c - v)),
        _part("acceptance", cell, words.ALPHA.format(f"{cell.alpha:.2f}"), pays_from),
    ]


def _up_to(what: str, limit: float | None) -> str:
    is_possible = limit is not None and limit > 0.0
    return words.PAYS_UP_TO.format(what, limit) if is_possible else words.PAYS_NOWHERE
