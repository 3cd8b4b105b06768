"""``specdec generate --steps``: a page (HTML) on which every decision can be walked through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from specdec_lib.cli import sentences
from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    from specdec_lib.cli.selection import Models
    from specdec_lib.decoding.sampling import SamplingParams
    from specdec_lib.decoding.trace import Round


def steps_page(
    models: Models,
    prompt_ids: Sequence[int],
    rounds: Sequence[Round],
    params: SamplingParams,
    verifier: str,
    about: Mapping[str, object],
) -> str:
    """The page of a generation, with what both models say about every token of it.

    Raises:
        InvalidArgument: no rounds.
    """
    from specdec_lib.decoding.trace import Trace
    from specdec_lib.lossless.replays.annotation import annotate
    from specdec_lib.viz.live.step_through import StepThrough

    target, draft = models
    if not rounds:
        raise InvalidArgument("--steps: nothing was generated, so there is nothing to show")
    trace = Trace(list(prompt_ids), list(rounds))
    title = sentences.steps_title(target.name, draft.name, verifier, params.temperature)
    told = annotate(target, draft, trace, params, verifier=verifier, title=title, about=dict(about))
    return StepThrough(told).to_page()
