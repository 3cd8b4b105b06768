"""Which prompts a benchmark runs, as the target's token ids.

Texts come from :mod:`specdec_lib.data.prompts`; what is decided here is which of them leave room
in the context for the tokens to come, and that the chosen ones are spread over the data set.
"""

from __future__ import annotations

from dataclasses import dataclass

from specdec_lib.bench.grid import Grid
from specdec_lib.data.prompts import PromptDataset
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper


@dataclass(frozen=True)
class TokenisedPrompt:
    """A prompt as the target's token ids."""

    prompt_id: str
    ids: list[int]


def choose_prompts(
    grid: Grid, target: ModelWrapper, dataset: PromptDataset
) -> dict[str, list[TokenisedPrompt]]:
    """``num_prompts`` prompts of each domain, spread evenly over those that leave room to generate.

    Raises:
        InvalidArgument: a domain holds too few prompts that fit the context with ``max_new_tokens``.
    """
    room = None if target.context_length is None else target.context_length - grid.max_new_tokens
    chosen = {}
    for domain in grid.domains:
        encoded = [
            TokenisedPrompt(p.prompt_id, target.encode(p.raw_text)) for p in dataset.get_by_domain(domain)
        ]
        fitting = [p for p in encoded if p.ids and (room is None or len(p.ids) <= room)]
        if len(fitting) < grid.num_prompts:
            raise InvalidArgument(
                f"benchmark prompts: {domain} has {len(fitting)} prompts with room for {grid.max_new_tokens} "
                f"new tokens, {grid.num_prompts} are asked for; lower num_prompts or max_new_tokens"
            )
        chosen[domain] = [fitting[i * len(fitting) // grid.num_prompts] for i in range(grid.num_prompts)]
    return chosen
