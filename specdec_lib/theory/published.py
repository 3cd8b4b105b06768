"""What papers measured, as data: to hold the law against, and to draw beside one's own points.

Leviathan et al. 2023 give alpha, K and c with each speedup, so the law can predict it; what a wide forward
and the rest of a round cost there, v and o, is not known. Chen et al. 2023 give times and speedups alone.
Spec-Bench compares nine kinds of draft by what a round brings and by speedup.
"""

from __future__ import annotations

from dataclasses import dataclass

from specdec_lib.theory.drafts import implied_round_cost


@dataclass(frozen=True)
class PublishedRun:
    """One line of a paper's table.

    Attributes:
        source: the paper, as a reader would cite it.
        task: what was decoded; ``draft``: the draft model; ``decoding``: how a token was chosen ("" where
            nothing hangs on it).
        k: draft tokens a round, the papers' gamma and K.
        speedup: over autoregressive decoding, as the paper states it.
        alpha, c: as the paper states them, None where it does not.
        plain_ms, speculative_ms: milliseconds a token, None where they are not used here.
    """

    source: str
    task: str
    draft: str
    decoding: str
    k: int
    speedup: float
    alpha: float | None = None
    c: float | None = None
    plain_ms: float | None = None
    speculative_ms: float | None = None

    @property
    def name(self) -> str:
        """Task, draft and decoding in one line."""
        return ", ".join(filter(None, (self.task, self.draft, self.decoding)))


_T5 = "Leviathan et al. 2023"
_C = {"T5-small": 0.02, "T5-base": 0.04, "T5-large": 0.11}
_T5_TABLE = {  # task, temperature: draft, K, alpha, speedup
    ("En-De", "T = 0"): (("T5-small", 7, 0.75, 3.4), ("T5-base", 7, 0.80, 2.8), ("T5-large", 7, 0.82, 1.7)),
    ("En-De", "T = 1"): (("T5-small", 7, 0.62, 2.6), ("T5-base", 5, 0.68, 2.4), ("T5-large", 3, 0.71, 1.4)),
    ("CNN/DM", "T = 0"): (("T5-small", 5, 0.65, 3.1), ("T5-base", 5, 0.73, 3.0), ("T5-large", 3, 0.74, 2.2)),
    ("CNN/DM", "T = 1"): (("T5-small", 5, 0.53, 2.3), ("T5-base", 3, 0.55, 2.2), ("T5-large", 3, 0.56, 1.7)),
}

LEVIATHAN_2023: tuple[PublishedRun, ...] = tuple(
    PublishedRun(_T5, task, draft, decoding, k, speedup, alpha=alpha, c=_C[draft])
    for (task, decoding), lines in _T5_TABLE.items()
    for draft, k, alpha, speedup in lines
)
"""T5-XXL (11B) on one TPU-v4, batch 1: English to German, and summaries of CNN/DM."""

_CHINCHILLA = "Chen et al. 2023"

CHEN_2023: tuple[PublishedRun, ...] = (
    PublishedRun(_CHINCHILLA, "XSum", "", "nucleus", 4, 1.92, plain_ms=14.1, speculative_ms=7.52),
    PublishedRun(_CHINCHILLA, "XSum", "", "greedy", 4, 2.01),
    PublishedRun(_CHINCHILLA, "HumanEval", "", "", 4, 2.46),
)
"""Chinchilla (70B), K = 4. The quotient of the two times is 1.875 where the paper says 1.92."""


@dataclass(frozen=True)
class PublishedDraft:
    """One line of a comparison of drafts: how it drafts, of which kind, tokens a round, and the speedup."""

    method: str
    kind: str
    tokens: float
    speedup: float

    @property
    def round_cost(self) -> float:
        """What a round cost, in units of T_target(1)."""
        return implied_round_cost(self.tokens, self.speedup)


_UNTRAINED, _TRAINED = "nothing is trained", "a draft is trained"

SPEC_BENCH_2024: tuple[PublishedDraft, ...] = (
    PublishedDraft("prompt lookup", _UNTRAINED, 1.75, 1.66),
    PublishedDraft("lookahead", _UNTRAINED, 1.64, 1.34),
    PublishedDraft("REST", _UNTRAINED, 1.82, 1.48),
    PublishedDraft("token recycling", _UNTRAINED, 2.73, 2.22),
    PublishedDraft("Medusa", _TRAINED, 2.31, 1.71),
    PublishedDraft("small model", _TRAINED, 2.28, 1.52),
    PublishedDraft("Hydra", _TRAINED, 3.26, 2.07),
    PublishedDraft("EAGLE", _TRAINED, 3.58, 2.10),
    PublishedDraft("EAGLE-2", _TRAINED, 4.34, 2.36),
)
"""Xia et al. 2024, the leaderboard of Spec-Bench: Vicuna-7B on one A100, temperature 0, batch 1, overall."""
