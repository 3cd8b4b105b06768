"""One engine against what it has to keep: the texts at temperature 0, and the joint law of a few tokens.

The law is read from the same weights here, in float32; plain decoding of the same engine, with the same
seeds, is the control.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from specdec_lib.data.sources import DOMAINS, builtin_texts
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.lossless.audit.engines import AskedEngine, EngineRequest
from specdec_lib.lossless.audit.peers import sentences
from specdec_lib.lossless.audit.peers.table import PeerAudit
from specdec_lib.lossless.audit.sampled.counting import audit_by_counting
from specdec_lib.lossless.audit.sampled.report import AuditReport
from specdec_lib.lossless.audit.sampled.weights import WeightsLaw
from specdec_lib.lossless.audit.servers.asking import ask_side_by_side
from specdec_lib.models.wrapper import ModelWrapper

PROMPT = "def fibonacci(n):"
"""Behind it `pocket` is neither certain nor at a loss: 9 500 outcomes of three tokens make up 97 %."""
REPEATING_PROMPT = "def fibonacci(n):\n    return n\n\ndef fibonacci(n):"
"""The same for what drafts from the text itself, which finds how it went on before."""
_LONGEST_PROMPT = 64
_AT_A_TIME = 8


@dataclass(frozen=True)
class PeerPlan:
    """How much is asked of an engine.

    Attributes:
        samples: answers of it, and as many of its control; ``num_tokens`` tokens each.
        deadline: seconds after which what was counted is judged.
        texts: compared at temperature 0; ``text_tokens`` tokens each.
        level: probability below which an engine that keeps the law is called inexact.
    """

    samples: int = 4_000
    num_tokens: int = 3
    deadline: float = 600.0
    texts: int = 30
    text_tokens: int = 128
    level: float = 1e-4


@dataclass(frozen=True)
class PeerEngine:
    """Whose engine, in which version and way."""

    engine: str
    version: str
    mode: str
    options: str
    asked: AskedEngine
    control: AskedEngine
    at_once: int = 1
    """Requests that each answers at a time, both side by side; 1: one after the other, in this process."""


@dataclass(frozen=True)
class GreedyText:
    """A prompt and what the target's own greedy decoding makes of it, without the end's id."""

    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    ended: bool


def greedy_texts(target: ModelWrapper, number: int, num_tokens: int) -> list[GreedyText]:
    """The target's own texts behind prompts that come with the library, of every domain in turn."""
    decoder, ends, found = AutoregressiveDecoder(target), set(target.eos_token_ids), []
    for prompt in _prompts(target, number):
        ids = decoder.generate(list(prompt), num_tokens, temperature=0.0).generated_ids
        ended = bool(ids) and ids[-1] in ends
        found.append(GreedyText(prompt, tuple(ids[:-1] if ended else ids), ended))
    return found


def _prompts(target: ModelWrapper, number: int) -> list[tuple[int, ...]]:
    by_domain = [builtin_texts(domain) for domain in DOMAINS]
    texts = [texts[place] for place in range(min(map(len, by_domain))) for texts in by_domain]
    return [tuple(target.encode(text)[:_LONGEST_PROMPT]) for text in texts[:number]]


def num_equal_texts(engine: AskedEngine, texts: Sequence[GreedyText], num_tokens: int) -> int:
    """Texts that an engine gives at temperature 0 as they should be, to the last id and the end."""
    answers = (engine.answer(EngineRequest(num_tokens, text.prompt, temperature=0.0)) for text in texts)
    return sum(
        answer.ids == text.ids and answer.ended == text.ended
        for answer, text in zip(answers, texts, strict=True)
    )


def audit_peer(
    peer: PeerEngine,
    target: ModelWrapper,
    pair: str,
    plan: PeerPlan,
    texts: Sequence[GreedyText],
    report: Callable[[str], None] = lambda line: None,
) -> PeerAudit:
    """Compare greedy texts, count sampled ones, and put both into a line of the table.

    Args:
        target: the weights that the engine runs, in float32.
        pair: by which they are known.
        texts: the target's own, of ``plan.text_tokens`` tokens.

    Raises:
        SpecDecError: whatever the engine answers that cannot be used.
    """
    report(sentences.GREEDY.format(len(texts), peer.asked.name))
    equal = num_equal_texts(peer.asked, texts, plan.text_tokens)
    prompt = REPEATING_PROMPT if "lookup" in peer.mode else PROMPT
    request = EngineRequest(plan.num_tokens, tuple(target.encode(prompt)), prompt)
    law = WeightsLaw(target)
    options: dict[str, Any] = {"deadline": plan.deadline, "report": report}
    if peer.at_once > 1:
        options |= {"ask": partial(ask_side_by_side, at_once=peer.at_once)}
        options["at_a_time"] = _AT_A_TIME * peer.at_once
    found = audit_by_counting(peer.asked, peer.control, law, request, plan.samples, plan.level, **options)
    return _line(peer, pair, plan, equal, found)


def _line(peer: PeerEngine, pair: str, plan: PeerPlan, equal: int, found: AuditReport) -> PeerAudit:
    joint = next((check for check in found.checks if check.test == "joint law"), None)
    variation = found.variation
    return PeerAudit(
        engine=peer.engine,
        version=peer.version,
        mode=peer.mode,
        options=peer.options,
        pair=pair,
        date=datetime.now(UTC).date().isoformat(),
        greedy_equal=equal,
        greedy_texts=plan.texts,
        greedy_tokens=plan.text_tokens,
        verdict=found.verdict,
        says=found.says,
        num_samples=found.num_samples,
        num_tokens=plan.num_tokens,
        p_value=None if joint is None else joint.p_value,
        catches=found.catches,
        low=None if variation is None else variation.low,
        high=None if variation is None else variation.high,
        confidence=None if variation is None else variation.confidence,
        num_drafted=found.num_drafted,
        num_accepted=found.num_accepted,
    )
