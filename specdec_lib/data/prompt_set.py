"""Prompts as they were written, by domain: this project's, or those of a file. No model has read them yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from specdec_lib.data.own_prompts import RawPrompt, prompts_hash
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.names import known_names

BUILTIN = "builtin"


@dataclass(frozen=True)
class PromptSet:
    """Prompts as they were written.

    Attributes:
        source: the name of their file. chat: whether texts are a user's turns.
        is_own: whether they are somebody's own, whose domains have free names.
    """

    prompts: tuple[RawPrompt, ...]
    source: str = BUILTIN
    chat: bool = False
    is_own: bool = False

    @property
    def domains(self) -> list[str]:
        """The domains there are, in the order of the prompts."""
        return list(dict.fromkeys(prompt.domain for prompt in self.prompts))

    def get_by_domain(self, domain: str) -> list[RawPrompt]:
        """The prompts of one domain. Raises InvalidArgument for one that there is not."""
        if domain not in self.domains:
            raise InvalidArgument(
                f"benchmark prompts: {self.source} has no domain '{domain}'; it has "
                f"{known_names(domain, self.domains)}"
            )
        return [prompt for prompt in self.prompts if prompt.domain == domain]

    def named(self, listed: str) -> list[str]:
        """The domains of a list with commas between, of which a domain's own name may hold some.

        The longest name that there is counts: "a,b" is the domain of that name before it is two.
        """
        parts, names = listed.split(","), []
        while parts:
            ends = range(len(parts), 1, -1)
            end = next((end for end in ends if ",".join(parts[:end]).strip() in self.domains), 1)
            names.append(",".join(parts[:end]).strip())
            parts = parts[end:]
        return names

    def chats(self, domains: Sequence[str]) -> list[RawPrompt]:
        """The prompts of ``domains`` that the target's chat template puts into words."""
        return [p for domain in domains for p in self.get_by_domain(domain) if self.chat or p.is_chat]

    def counts(self, domains: Sequence[str], limit: int | None = None) -> dict[str, int]:
        """How many prompts of each of ``domains`` there are, at most ``limit`` each; a chat is one."""
        counts = {domain: len(self.get_by_domain(domain)) for domain in domains}
        return counts if limit is None else {domain: min(limit, n) for domain, n in counts.items()}

    def describe(self) -> dict[str, Any]:
        """What a record says of them: ``source``, ``hash`` of all prompts of the set, ``chat``."""
        return {"source": self.source, "hash": prompts_hash(self.prompts), "chat": self.chat}
