"""A text, tried out: what a reader asked for, and what happens then, one event after the other.

The speculative text comes first, and is timed alone: nothing is traced in it. The baseline follows, for as
many tokens. Short texts are then written once more from the same seed, every step noted. No widget is known.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from specdec_lib.decoding.drafters.grammar.pairs import AskedPair, asked_pair
from specdec_lib.decoding.lengths import LengthSpec, read_length
from specdec_lib.decoding.lengths.specs import CostAwareSpec
from specdec_lib.errors import InvalidArgument
from specdec_lib.viz.live.panels import sentences
from specdec_lib.viz.live.panels.shelf import Held, ModelShelf, Told, taken

if TYPE_CHECKING:
    from specdec_lib.decoding.decoder import Decoder
    from specdec_lib.lossless.replays.annotated import AnnotatedTrace
    from specdec_lib.profiling.metrics import GenerationResult

MOST_STEPPED = 64
"""Tokens of the longest text of which every step is shown."""
OpenLength = Callable[[LengthSpec, Any, Any, Sequence[int]], Any]
"""Makes a policy of a length, a target, a draft and a text's ids: ``bench.measure.costs.open_length``."""
_EACH = 4  # tokens of the baseline between two words about it


@dataclass(frozen=True)
class Wish:
    """What a reader asked for, read and checked as far as that goes without the models."""

    asked: AskedPair
    length: LengthSpec
    prompt: str
    temperature: float = 0.0
    verifier: str = "token"
    num_tokens: int = 64
    seed: int = 0


@dataclass(frozen=True)
class Written:
    """The tokens of one round: each its text and its kind, accepted, corrected, bonus or autoregressive."""

    pieces: tuple[tuple[str, str], ...]
    num_drafted: int
    num_accepted: int
    num_tokens: int
    seconds: float


@dataclass(frozen=True)
class Compared:
    """How far the baseline is."""

    num_tokens: int
    seconds: float
    is_done: bool


@dataclass(frozen=True)
class Stepped:
    """Every step of the text; or why there are none."""

    trace: AnnotatedTrace | None
    why: str = ""


def read_wish(
    pair: str | None,
    target: str | None,
    draft: str | None,
    k: str,
    prompt: str,
    temperature: float = 0.0,
    verifier: str = "token",
    num_tokens: int = 64,
    seed: int = 0,
) -> Wish:
    """What was typed; an empty field is one that was left alone. A target goes before the pair.

    Raises:
        SpecDecError: an unknown pair, a draft or a length that cannot be read, no prompt, no tokens.
    """
    target, draft = ((name or "").strip() or None for name in (target, draft))
    asked = asked_pair(None if target else pair, target, draft)
    if not prompt:
        raise InvalidArgument(sentences.EMPTY_PROMPT)
    if num_tokens < 1:
        raise InvalidArgument(sentences.NO_TOKENS.format(num_tokens))
    return Wish(asked, read_length(k), prompt, temperature, verifier, num_tokens, seed)


def try_out(
    wish: Wish, shelf: ModelShelf, stopped: threading.Event, open_length: OpenLength | None = None
) -> Iterator[Told | Held | Written | Compared | Stepped]:
    """What happens, while it does.

    Raises:
        SpecDecError: as loading and decoding do.
    """
    if shelf.is_in_use:
        yield Told(sentences.WAITING)
    with shelf.turn(stopped):
        held: Any = None
        for held in taken(shelf, wish.asked, stopped):
            yield held
        ids = held.target.encode(wish.prompt)
        if isinstance(wish.length, CostAwareSpec):
            yield Told(sentences.MEASURING_COSTS if open_length else sentences.COSTS_NOT_MEASURED)
        if open_length is None:
            length = wish.length.open()
        else:
            length = open_length(wish.length, held.target, held.draft, ids)
        yield from _decoded(wish, held, ids, length)


def _decoded(wish: Wish, held: Held, ids: list[int], length: Any) -> Iterator[Any]:
    from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
    from specdec_lib.decoding.speculative import SpeculativeDecoder

    decoder = SpeculativeDecoder(held.target, held.draft, k=length, verifier=wish.verifier)
    yield Told(sentences.WRITING)
    result = yield from _written(wish, held, decoder, ids)
    if not result.num_tokens:
        return
    baseline = yield from _compared(wish, AutoregressiveDecoder(held.target), ids, result)
    yield from _stepped(wish, held, decoder, ids, (result, baseline))


def _written(wish: Wish, held: Held, decoder: Decoder, ids: list[int]) -> Iterator[Any]:
    """The text, round by round; the result is returned."""
    from specdec_lib.models.text.ids import TokenText

    text = TokenText(held.target.decode, ids)
    with closing(decoder.start(ids, wish.num_tokens, wish.temperature, seed=wish.seed)) as rounds:
        for round_ in rounds:
            kinds = ("accepted" if n < round_.num_accepted else round_.kind for n in range(wish.num_tokens))
            pieces = [(text.add(i), kind) for i, kind in zip(round_.token_ids, kinds, strict=False)]
            if rounds.finish_reason is not None and (rest := text.flush()):
                pieces.append((rest, pieces[-1][1]))
            counts = len(round_.draft_ids), round_.num_accepted, len(round_.token_ids)
            yield Written(tuple(pieces), *counts, round_.seconds)
        result = rounds.result()
    if result.finish_reason == "length" and result.num_tokens < wish.num_tokens:
        yield Told(sentences.CONTEXT_FULL.format(result.num_tokens))
    return result


def _compared(wish: Wish, decoder: Decoder, ids: list[int], result: GenerationResult) -> Iterator[Any]:
    """The baseline, for as many tokens; its result is returned."""
    wanted, seconds = result.num_tokens, 0.0
    more: dict[str, Any] = {"ignore_eos": True, "seed": wish.seed}
    with closing(decoder.start(ids, wanted, wish.temperature, **more)) as rounds:
        for number, round_ in enumerate(rounds, start=1):
            seconds += round_.seconds
            if number % _EACH == 0 or number == wanted:
                yield Told(sentences.BASELINE.format(number, wanted))
                yield Compared(number, seconds, number == wanted)
        return rounds.result()


def _stepped(
    wish: Wish,
    held: Held,
    decoder: Decoder,
    ids: list[int],
    results: tuple[GenerationResult, GenerationResult],
) -> Iterator[Any]:
    """The text once more, every step noted."""
    from specdec_lib.models.base import is_causal_model

    result, baseline = results
    if result.num_tokens > MOST_STEPPED:
        yield Stepped(None, sentences.STEPS_TOO_LONG.format(MOST_STEPPED, result.num_tokens))
        return
    if not is_causal_model(held.draft):
        yield Stepped(None, sentences.STEPS_OF_NO_MODEL.format(held.draft.name))
        return
    more: dict[str, Any] = {"seed": wish.seed, "trace": True, "profile": True}
    with closing(decoder.start(ids, wish.num_tokens, wish.temperature, **more)) as rounds:
        for _ in rounds:
            yield Told(sentences.STEPPING)
        again = rounds.result()
    if again.generated_ids != result.generated_ids:
        yield Stepped(None, sentences.STEPS_OF_ANOTHER)
        return
    yield Stepped(_annotated(wish, held, again, baseline))


def _annotated(
    wish: Wish, held: Held, result: GenerationResult, baseline: GenerationResult
) -> AnnotatedTrace:
    from specdec_lib.decoding.sampling import SamplingParams
    from specdec_lib.lossless.replays.annotation import annotate

    draft: Any = held.draft
    about = {"k": wish.length.most, "seed": wish.seed, "dtype": held.target.number_format}
    title = sentences.STEPS_TITLE.format(draft.name, held.target.name, wish.verifier, wish.temperature)
    return annotate(
        held.target,
        draft,
        result.trace,
        SamplingParams(wish.temperature),
        verifier=wish.verifier,
        title=title,
        about=about,
        baseline_ms=1e3 * baseline.latency_p50,
        baseline_first_ms=1e3 * baseline.time_to_first_token,
    )
