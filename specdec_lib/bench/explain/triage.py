"""Where to look first: questions about one cell, in the order in which their answers matter.

The first question that is answered with no is where to look, and all behind it wait: a speedup of wrong
tokens means nothing, and a term of the formula means nothing while the formula does not describe the clock.
Where every answer is yes, the part that costs the cell most is what is left. Each question has a measured
number and a limit that it must keep, and the limits come from the law.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from specdec_lib.bench.explain.advice import VISIBLE
from specdec_lib.bench.explain.diagnosis import LARGE
from specdec_lib.bench.explain.explanation import Explanation
from specdec_lib.bench.explain.outlook import Outlook
from specdec_lib.bench.explain.report import Group, explain_session
from specdec_lib.bench.records.identity import EXACT_DTYPES
from specdec_lib.bench.records.runs import Run, runs_of, select
from specdec_lib.bench.records.schema import Record
from specdec_lib.bench.tables.summary import Table
from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.speedup import break_even_alpha, draft_cost_for, expected_tokens


@dataclass(frozen=True)
class Question:
    """One question of the tree, answered for one cell.

    Attributes:
        key: names it for programs.
        question: is answered with yes where nothing is wrong.
        measured, needed: the number and its limit, in words.
        holds: the answer; None where it was not measured.
        cause, remedy: what a no means, and what to do about it.
    """

    key: str
    question: str
    measured: str
    needed: str
    holds: bool | None
    cause: str
    remedy: str


@dataclass(frozen=True)
class Part:
    """One term of the formula as the place to work on.

    Attributes:
        measured, needed: its value, and where the cell would break even if nothing else changed.
        gain: speedup to be gained by the step that :mod:`specdec_lib.bench.explain.advice` takes with it.
        step: that step, in words.
    """

    key: str
    question: str
    measured: str
    needed: str
    gain: float
    step: str
    cause: str
    remedy: str


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

    def rows(self) -> Table:
        """Questions and parts as rows: kind ("question" or "part"), is_end, was_asked, and their fields."""
        table, ended = [], False
        for kind, places in (("question", self.questions), ("part", self.parts)):
            for place in places:
                is_end = place.key == self.end
                asked = not ended or (kind == "part" and self.end in {part.key for part in self.parts})
                table.append({"kind": kind, "is_end": is_end, "was_asked": asked, **asdict(place)})
                ended = ended or is_end
        return table


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
    cell = group.best if k is None else _of_length(group, k)
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
    parts = [_draft(cell), _width(cell), _overhead(cell), _acceptance(cell)]
    failed = next((question.key for question in questions if question.holds is False), None)
    end = failed or max(parts, key=lambda part: part.gain).key
    return Triage(temperature, cell.domain, cell.k, cell.measured, questions, parts, end)


def _of_length(group: Group, k: int) -> Explanation:
    found = next((cell for cell in group.cells if cell.k == k), None)
    if found is None:
        listed = ", ".join(str(cell.k) for cell in group.cells)
        raise InvalidArgument(f"triage: the session explains no K {k}; choose from {listed}")
    return found


# -- is the comparison right? ----------------------------------------------------------------------


def _tokens(records: Sequence[Record], k: int) -> Question:
    compared = [
        record
        for record in records
        if record["kind"] == "run"
        and record["config"]["K"] == k
        and record.get("first_difference") is not None
    ]
    same = sum(record["first_difference"] < 0 for record in compared)
    exact = all(record["models"]["target"].get("dtype") in EXACT_DTYPES for record in compared)
    holds = None if not compared or (same < len(compared) and not exact) else same == len(compared)
    measured = (
        f"{same} of {len(compared)} greedy runs emit the baseline's ids" if compared else "not compared"
    )
    return Question(
        "tokens",
        "Are the tokens right?",
        measured,
        "all of them" if exact else "all, or ties between logits where not",
        holds,
        "A verifier or a cache is wrong, and no speed counts.",
        "Run specdec verify.",
    )


def _length(runs: Sequence[Run]) -> Question:
    lengths = sorted({run.result.num_tokens for run in runs})
    return Question(
        "length",
        "Are all runs equally long?",
        f"{lengths[0]} tokens, every run" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]} tokens",
        "one length",
        len(lengths) == 1,
        "An arm that stops early spares itself the late, long context.",
        "Ignore the end of text and fix the length.",
    )


def _baseline(cell: Explanation) -> Question:
    """A load that slowed both arms alike cancels in the speedup; only what slowed one of them counts."""
    known = cell.accounted is not None and cell.step != cell.timed_step
    step = cell.timed_step / cell.step
    measured, holds = "not profiled", None
    if known:
        measured = f"a timed step takes {step:.2f} of its parts, a round {step / (1 + cell.unexplained):.2f}"
        holds = cell.said("unexplained") is None or abs(step - 1.0) <= LARGE
    return Question(
        "baseline",
        "Is the baseline a fair one?",
        measured,
        f"within {100 * LARGE:.0f} %, or both alike",
        holds,
        "A baseline that is slowed down flatters every speedup, and one that is spared belittles it.",
        "Time all arms in turns on a quiet machine, against the best plain decoding.",
    )


def _noise(cell: Explanation, runs: Sequence[Run]) -> Question:
    prompts = len({(run.config.prompt_domain, run.prompt_id) for run in runs})
    clear = not cell.low <= 1.0 <= cell.high
    measured = f"{cell.low:.2f} to {cell.high:.2f} on {prompts} prompts"
    return Question(
        "noise",
        "Is the interval clear of 1?",
        measured if cell.has_interval else "one prompt a domain has no interval",
        "above 1, or below it",
        clear if cell.has_interval else None,
        "Too few prompts to say whether it is faster or slower.",
        "Measure more prompts." if clear else f"Measure about {_prompts_needed(cell, prompts)} prompts.",
    )


def _prompts_needed(cell: Explanation, prompts: int) -> str:
    """How many prompts bring the interval's half down to the distance from 1: it shrinks with their root."""
    distance = abs(cell.measured - 1.0)
    if distance < VISIBLE:
        return "many more"
    return f"{math.ceil(prompts * ((cell.high - cell.low) / 2.0 / distance) ** 2)}"


# -- does the formula describe it? -----------------------------------------------------------------


def _sum(cell: Explanation) -> Question:
    if cell.accounted is None:
        measured, holds = "not profiled", None
    else:
        measured = f"parts {cell.accounted:.2f}×, clock {cell.measured:.2f}×"
        holds = cell.said("unexplained") is None
    names = [a.key.removeprefix("check_") for a in cell.advice if a.key.startswith("check_")]
    return Question(
        "sum",
        "Do the parts add up?",
        measured,
        f"inside the interval, or within {100 * LARGE:.0f} %",
        holds,
        f"Two clocks disagree: {', '.join(names)}." if names else "Two clocks disagree.",
        "specdec explain says which two numbers differ; measure those again.",
    )


def _pays(cell: Explanation, outlook: Outlook) -> Question:
    possible = [row for row in outlook.curve if row["break_even_alpha"] is not None]
    least = min(possible, key=lambda row: row["break_even_alpha"], default=outlook.curve[0])
    limit = least["break_even_alpha"]
    holds = limit is not None and outlook.alpha >= limit
    return Question(
        "pays",
        "Can any K pay?",
        f"α = {outlook.alpha:.2f}",
        "no α is enough" if limit is None else f"at least {limit:.2f}, at K = {least['k']}",
        holds,
        "The draft is too slow, or too often wrong, for this target.",
        "Another draft, or none." if holds else _affordable(cell, outlook.alpha, least),
    )


def _affordable(cell: Explanation, alpha: float, row: Mapping[str, Any]) -> str:
    c = draft_cost_for(1.0 / cell.step, alpha, row["k"], row["v"], row["overhead"])
    if c is None:
        return "Do not speculate with it: even a free draft would not pay."
    return f"Another draft, or none: at this α it may cost c = {c:.2f}, and it costs {cell.c:.2f}."


def _draft_length(cell: Explanation, outlook: Outlook) -> Question:
    here = next(row["speedup"] for row in outlook.curve if row["k"] == cell.k)
    best = max(outlook.curve, key=lambda row: row["speedup"])
    hidden = max(VISIBLE, (cell.high - cell.low) / 2.0 if cell.has_interval else 0.0)
    holds = best["speedup"] - here < hidden
    too_long = "Drafts beyond the likely end of a round are paid for and thrown away."
    too_short = "Rounds end while further drafts were likely to stay."
    return Question(
        "k",
        "Is this the right K?",
        f"by the law {here:.2f}× at K = {cell.k}, {best['speedup']:.2f}× at K = {best['k']}",
        f"less than {hidden:.2f}× to gain",
        holds,
        "The draft is too long or too short." if holds else too_long if best["k"] < cell.k else too_short,
        "Take the K that the law names." if holds else f"Take K = {best['k']}.",
    )


# -- which part costs most? ------------------------------------------------------------------------


def _gain(cell: Explanation, key: str) -> float:
    advice = cell.said(key)
    return 0.0 if advice is None or advice.gain is None else max(0.0, advice.gain)


def _limit(value: float | None, what: str) -> str:
    return f"pays up to {what} = {value:.2f}" if value is not None and value > 0.0 else "pays at no value"


def _round_worth(cell: Explanation) -> float:
    """Forwards that a round may cost before plain steps are as fast: the tokens it yields."""
    return cell.step * expected_tokens(cell.alpha, cell.k)


def _draft(cell: Explanation) -> Part:
    limit = draft_cost_for(1.0 / cell.step, cell.alpha, cell.k, cell.v, cell.overhead or 0.0)
    return Part(
        "draft",
        "Is the draft too slow?",
        f"c = {cell.c:.3f}, {cell.k * cell.c:.2f} forwards a round",
        _limit(limit, "c"),
        _gain(cell, "draft"),
        "at half of c",
        "Its forwards are Python and dispatch, or it is too large.",
        "Fewer layers, compile it, a smaller draft, a smaller K.",
    )


def _width(cell: Explanation) -> Part:
    limit = _round_worth(cell) - cell.k * cell.c - (cell.overhead or 0.0)
    return Part(
        "width",
        "Is the wide forward too wide?",
        f"v({cell.k}) = {cell.v:.2f}",
        _limit(limit, "v"),
        _gain(cell, "width"),
        "at v = 1",
        "A full batch, a long context, or a kernel that is slow for few rows.",
        "A smaller batch, another kernel, a smaller K.",
    )


def _overhead(cell: Explanation) -> Part:
    limit = _round_worth(cell) - cell.k * cell.c - cell.v
    known = cell.overhead is not None
    return Part(
        "overhead",
        "Is the overhead too high?",
        f"o = {cell.overhead:.2f}" if known else "not profiled",
        _limit(limit, "o"),
        _gain(cell, "overhead"),
        "at o = 0",
        "Waiting for the device, copies to the host, a tokenizer in the loop.",
        "Profile the phases; keep ids and laws on the device until the verdict.",
    )


def _acceptance(cell: Explanation) -> Part:
    limit = break_even_alpha(
        cell.k, cell.c / cell.step, cell.v / cell.step, (cell.overhead or 0.0) / cell.step
    )
    return Part(
        "acceptance",
        "Is acceptance too low?",
        f"α = {cell.alpha:.2f}",
        "pays at no value" if limit is None else f"pays from α = {limit:.2f}",
        _gain(cell, "acceptance"),
        "with half of the rejections",
        "Another domain or temperature, warpers on one side, a stale draft cache.",
        "Acceptance by domain and by position; a draft made for this text.",
    )
