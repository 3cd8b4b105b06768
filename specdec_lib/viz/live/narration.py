"""The steps of an annotated generation in words: what a reader sees happen, one sentence at a time.

The step-through shows them under its picture and reads them out; together they are its transcript, for
those who do not see it. Token texts are untrusted: they are made visible, and escaped where shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from specdec_lib.lossless.replays.annotated import AnnotatedRound, AnnotatedTrace
from specdec_lib.viz.tokens import visible


@dataclass(frozen=True)
class Step:
    """One step: of which round, what happens, to which drafted token (from 0; −1 for none), in words."""

    round: int
    kind: str
    """"draft", "score", "judge", "follow" or "settle"."""
    place: int
    text: str


def narrate(trace: AnnotatedTrace) -> list[Step]:
    """All steps of ``trace``, in order."""
    return [step for index in range(len(trace.rounds)) for step in _round_steps(trace, index)]


def quoted(token: str) -> str:
    """A token's visible text in quotation marks."""
    return f"“{visible(token)}”"


def _round_steps(trace: AnnotatedTrace, index: int) -> Iterator[Step]:
    here, greedy = trace.rounds[index], trace.temperature == 0
    name = f"Round {index + 1} of {len(trace.rounds)}"
    if here.places:
        yield Step(index, "draft", -1, f"{name}. {_drafted(here)}")
    yield Step(index, "score", -1, _scored(here, "" if here.places else f"{name}. "))
    for place, judged in enumerate(here.places):
        if trace.verifier == "token" and judged.outcome == "dropped":
            break
        yield Step(index, "judge", place, _judged(trace, here, place, greedy))
    if here.following.kind != "ended":
        yield Step(index, "follow", here.num_accepted, _followed(trace, here, greedy))
    yield Step(index, "settle", -1, _settled(here))


def _drafted(here: AnnotatedRound) -> str:
    words = ", ".join(f"{quoted(place.token)} (q = {_number(place.q)})" for place in here.places)
    return f"The draft proposes {_count(len(here.places), 'token')}: {words}."


def _scored(here: AnnotatedRound, prefix: str) -> str:
    before, after, _ = here.target_cache
    fed = after - before
    if here.places:
        first = "the text's last token" if fed == len(here.places) + 1 else "the text"
        what = f"{first} and the {_count(len(here.places), 'draft token')}, {fed} in all,"
    else:
        what = _count(fed, "token")
    return f"{prefix}The target reads {what} in one forward. Its cache grows from {before} to {after} tokens."


def _judged(trace: AnnotatedTrace, here: AnnotatedRound, place: int, greedy: bool) -> str:
    judged = here.places[place]
    subject = f"Draft token {place + 1}, {quoted(judged.token)}"
    if greedy:
        own = max(judged.shares, key=lambda share: share.p if share.token != "…" else -1)
        if judged.outcome == "accepted":
            return f"{subject}, is what the target finds likeliest too: accepted."
        return f"{subject}, is not what the target finds likeliest, which is {quoted(own.token)}: rejected."
    numbers, draw = f"p = {_number(judged.p)}, q = {_number(judged.q)}", _number(judged.uniform)
    if trace.verifier == "block":
        return f"{subject}: {numbers}. {_block_test(here, place)}"
    test = f"min(1, p/q) = {_number(judged.threshold)}"
    relation, verdict = ("<", "accepted") if judged.outcome == "accepted" else ("≥", "rejected")
    return f"{subject}: {numbers}, so {test}. The draw is {draw} {relation} that: {verdict}."


def _block_test(here: AnnotatedRound, place: int) -> str:
    judged, i = here.places[place], place + 1
    passes = judged.uniform is not None and judged.uniform < judged.threshold
    weight = f"The prefix weighs p{_subscript(i)} = {_number(judged.prefix)}"
    test = f"passes below h{_subscript(i)} = {_number(judged.threshold)}"
    draw = f"The draw is {_number(judged.uniform)} {'<' if passes else '≥'} that"
    verdict = "it passes" if passes else "it does not pass"
    if not passes and judged.outcome == "accepted":
        verdict += ", but a longer prefix will"
    return f"{weight} and {test}. {draw}: {verdict}."


def _followed(trace: AnnotatedTrace, here: AnnotatedRound, greedy: bool) -> str:
    token, kept, drafted = quoted(here.following.token), here.num_accepted, len(here.places)
    if here.following.kind == "autoregressive":
        return f"Nothing was drafted, so this is a plain step: {token}."
    cut = ""
    if trace.verifier == "block" and not greedy:
        passed = f"The longest prefix that passed has {_count(kept, 'token')}"
        cut = f"{passed if kept else 'No prefix passed'}. "
    if here.following.kind == "bonus":
        stay = f"All {drafted} stay" if drafted > 1 else "The one draft token stays"
        return f"{stay}, and the target's last row adds a bonus for nothing: {token}."
    if greedy:
        return f"In its place comes what the target finds likeliest: {token}."
    law = "p" if trace.verifier == "token" or kept == 0 else f"p{_subscript(kept)} · p"
    return (
        f"{cut}The correction is drawn from what {law} has beyond q, a mass of "
        f"{_number(here.following.mass)} scaled up to 1: {token}."
    )


def _settled(here: AnnotatedRound) -> str:
    emitted = here.num_accepted + (here.following.kind != "ended")
    told = f"The round has emitted {_count(emitted, 'token')}."
    _, after, kept = here.target_cache
    if not here.places:
        return told
    _, draft_after, draft_kept = here.draft_cache
    target = f"The target's cache {_given_back(after - kept, 'keeps everything')}"
    whole = here.num_accepted == len(here.places)
    idle = "has yet to read its own last token" if whole else "has nothing to give back"
    draft = f"the draft's {_given_back(draft_after - draft_kept, idle)}"
    return f"{told} {target}, and {draft}: {kept} and {draft_kept} tokens remain."


def _given_back(number: int, otherwise: str) -> str:
    return f"gives {_count(number, 'token')} back" if number > 0 else otherwise


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _subscript(index: int) -> str:
    return str(index).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
