"""``specdec doctor --drafter module:Class``: is it found, can it be made, and does it propose?

A class can only be asked: it is called with the loaded target and drafts for a short text that repeats
itself, as lookups like it: once greedily, and once where its distributions count. What the decoder would
refuse is the check's line, and so is what the class raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from specdec_lib.cli import sentences
from specdec_lib.cli.checks import Finding
from specdec_lib.errors import SpecDecError, is_out_of_memory

if TYPE_CHECKING:
    from specdec_lib.cli.selection import Selection

_TEXT = "the cat sat on the mat and the cat sat on the"
_TOKENS = 8
_TEMPERATURES = (0.0, 0.7)
"""At 0 nobody reads the rows of ``probs``."""

NOT_TRIED = Finding("drafter", "note", sentences.NOT_TRIED)


def check_drafter(selection: Selection) -> Finding:
    """The drafter of a selection, loaded with its target and asked for drafts; its faults are said."""
    from specdec_lib.decoding.drafters.own import failure
    from specdec_lib.decoding.speculative import SpeculativeDecoder

    try:
        target, drafter = selection.load()
        ids, context = target.encode(_TEXT), target.context_length
        if context is not None:  # as much of the text as leaves room for the tokens to come
            ids = ids[-max(1, context - _TOKENS) :]
        decoder = SpeculativeDecoder(target, drafter)
        results = [
            decoder.generate(ids, _TOKENS, temperature=temperature, seed=0, ignore_eos=True)
            for temperature in _TEMPERATURES
        ]
    except SpecDecError as error:
        return Finding("drafter", "bad", str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever somebody's class raises
        if is_out_of_memory(error):
            raise
        return Finding("drafter", "bad", sentences.drafter_raised(failure(error)))
    drafted = sum(result.num_draft_tokens or 0 for result in results)
    rounds = sum(result.num_speculation_rounds or 0 for result in results)
    told = sentences.drafter_proposed(drafter.name, drafted, rounds, _TEXT)
    return Finding("drafter", "ok" if drafted else "note", told)
