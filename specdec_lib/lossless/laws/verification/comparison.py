"""Rules of verification side by side, on one pair of tables and with one way of counting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.enumeration import Model, Prefix, target_law, total_variation
from specdec_lib.lossless.laws.reference import judge_block, judge_tokens
from specdec_lib.lossless.laws.verification.hierarchical import (
    NaiveHierarchicalRule,
    judge_hierarchical,
    judge_hierarchical_as_released,
)
from specdec_lib.lossless.laws.verification.optimum import optimal_accepted
from specdec_lib.lossless.laws.verification.paths import judge_best_path
from specdec_lib.lossless.laws.verification.rules import (
    ChainRule,
    VerificationRule,
    law_of_rounds,
    round_means,
)
from specdec_lib.lossless.laws.verification.siblings import (
    judge_matching,
    judge_siblings,
    judge_siblings_without,
)
from specdec_lib.lossless.laws.verification.traversal import judge_traversal, judge_traversal_without
from specdec_lib.lossless.laws.verification.trees import TreeRule
from specdec_lib.lossless.laws.verification.vocabularies import judge_exact_match

SINGLE_PATH: dict[str, VerificationRule] = {
    "exact match": ChainRule(judge_exact_match),
    "token": ChainRule(judge_tokens),
    "block": ChainRule(judge_block),
    "hierarchical, capped": ChainRule(judge_hierarchical),
    "hierarchical, released": ChainRule(judge_hierarchical_as_released),
    "hierarchical, naive": NaiveHierarchicalRule(),
}
"""Rules for one path of K tokens."""
TWO_PATHS: dict[str, VerificationRule] = {
    "matching": TreeRule(judge_matching, is_bundle=True),
    "siblings": TreeRule(judge_siblings, is_bundle=True),
    "best path": TreeRule(judge_best_path, is_bundle=True),
    "traversal": TreeRule(judge_traversal, is_bundle=True),
}
"""Rules for two independent paths of K tokens."""
TWO_CHILDREN: dict[str, VerificationRule] = {
    "matching": TreeRule(judge_matching, replacement=False),
    "siblings": TreeRule(judge_siblings_without, replacement=False),
    "siblings, as if with": TreeRule(judge_siblings, replacement=False),
    "traversal": TreeRule(judge_traversal_without, replacement=False),
}
"""Rules for a tree of K levels, two children a node without replacement; one judges as if with."""


@dataclass(frozen=True)
class RuleRow:
    """A rule on one pair of tables.

    Attributes:
        rule: its name.
        error: total variation between what it emits and the target, over K + 1 tokens; 0 where it is exact.
        accepted, emitted, forwards: of a round, on average: draft tokens that stay, tokens in all, forwards
            of the target.
        optimum: the most that an exact rule accepts of such drafts, unless it binds later rounds; float64.
    """

    rule: str
    error: Any
    accepted: Any
    emitted: Any
    forwards: Any
    optimum: float

    @property
    def tokens_per_forward(self) -> Any:
        """Tokens emitted for each forward of the target, in the long run of rounds like this one."""
        return self.emitted / self.forwards


def compare_rules(
    target: Model, draft: Model, k: int, rules: Mapping[str, VerificationRule] | None = None
) -> list[RuleRow]:
    """Exact laws and exact expectations of each rule, behind the empty prefix, drafting ``k`` tokens.

    Args:
        target, draft: laws by prefix, in floats or, for a proof, Fractions.
        k: draft tokens on a path, 1 or more.
        rules: by name; :data:`SINGLE_PATH` where none are given.

    Raises:
        InvalidArgument: no draft tokens.
    """
    if k < 1:
        raise InvalidArgument(f"compare rules: {k} draft tokens; take 1 or more")
    law = target_law(target, k + 1)
    optima: dict[frozenset, float] = {}
    rows = []
    for name, rule in (SINGLE_PATH if rules is None else rules).items():
        drawn: defaultdict[frozenset[Prefix], Any] = defaultdict(int)
        for prefixes, chance in rule.drawn(draft, k):
            drawn[prefixes] += chance
        key = frozenset(drawn.items())  # rules that draft alike share their optimum
        if key not in optima:
            optima[key] = optimal_accepted(target, drawn.items(), k)
        error = total_variation(law_of_rounds(rule, target, draft, k + 1, k), law)
        means = round_means(rule, target, draft, k)
        rows.append(RuleRow(name, error, *means, optima[key]))
    return rows
