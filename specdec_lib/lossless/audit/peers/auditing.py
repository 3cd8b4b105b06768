"""One engine against what it has to keep: the texts at temperature 0, and the joint law of a few tokens.

The law is read from the same weights here, in float32; plain decoding of the same engine, with the same
seeds, is the control.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from specdec_lib.data.sources import DOMAINS, builtin_texts
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.lossless.audit.engines import Engine, Request
from specdec_lib.lossless.audit.peers import sentences
from specdec_lib.lossless.audit.peers.table import PeerAudit
from specdec_lib.lossless.audit.sampled.counting import audit_by_counting
from specdec_lib.lossless.audit.sampled.report import AuditReport
from specdec_lib.lossless.audit.sampled.weights import WeightsLaw
from specdec_lib.models.wrapper import ModelWrapper

PROMPT = "def fibonacci(n):"
"""Behind it `pocket` is neither certain nor at a loss: 9 500 outcomes of three tokens make up 97 %."""
_LONGEST_PROMPT = 64


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
    asked: Engine
    control: Engine


def audit_peer(
    peer: PeerEngine,
    target: ModelWrapper,
    pair: str,
    plan: PeerPlan,
    report: Callable[[str], None] = lambda line: None,
) -> PeerAudit:
    """Compare greedy texts, count sampled ones, and put both into a line of the table.

    Args:
        target: the weights that the engine runs, in float32.
        pair: by which they are known.

    Raises:
        SpecDecError: whatever the engine answers that cannot be used.
    """
    report(sentences.GREEDY.format(plan.texts, peer.asked.name))
    equal = num_equal_texts(peer.asked, target, greedy_prompts(target, plan.texts), plan.text_tokens)
    request = Request(plan.num_tokens, tuple(target.encode(PROMPT)), PROMPT)
    found = audit_by_counting(
        peer.asked,
        peer.control,
        WeightsLaw(target),
        request,
        plan.samples,
        plan.level,
        deadline=plan.deadline,
        report=report,
    )
    return _line(peer, pair, plan, equal, found)


def greedy_prompts(target: ModelWrapper, number: int) -> list[list[int]]:
    """The prompts that come with the library, of every domain in turn, their first tokens."""
    by_domain = [builtin_texts(domain) for domain in DOMAINS]
    texts = [texts[place] for place in range(max(map(len, by_domain))) for texts in by_domain]
    return [target.encode(text)[:_LONGEST_PROMPT] for text in texts[:number]]


def num_equal_texts(
    engine: Engine, target: ModelWrapper, prompts: Sequence[Sequence[int]], num_tokens: int
) -> int:
    """Texts at temperature 0 that are the target's own, to the last id."""
    decoder, ends = AutoregressiveDecoder(target), set(target.eos_token_ids)
    equal = 0
    for prompt in prompts:
        meant = decoder.generate(list(prompt), num_tokens, temperature=0.0).generated_ids
        answer = engine.answer(Request(num_tokens, tuple(prompt), temperature=0.0))
        ended = bool(meant) and meant[-1] in ends
        equal += answer.ids == tuple(meant[:-1] if ended else meant) and answer.ended == ended
    return equal


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
