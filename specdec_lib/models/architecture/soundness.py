"""Logits that are no numbers: found where they leave a model, and what then becomes of them.

Damaged weights, or an overflow of float16, make logits NaN or infinite. An argmax, a threshold or a
cumulative sum goes on with them without a word, and decodes a text that no law stands behind. So the
largest logit of every row is looked at, one reduction: it is NaN where any logit is, plus infinity where one
is, and minus infinity where no token is possible. On a CPU that is known at once; on other devices asking
would wait for the device, so what was seen is kept there until :meth:`Watch.require_sound` reads it.

A target's logits must be sound. A draft may be wrong in any way and costs speed alone: inside
:func:`drafting` nothing is refused, and :func:`sound_draft` makes a uniform law of such a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from specdec_lib.errors import UnsoundLogits
from specdec_lib.models.architecture import sentences

_MOST_UNREAD = 256
"""Forwards on a device between two looks at what was seen, when nobody asks."""
_DRAFTING: ContextVar[bool] = ContextVar("drafting", default=False)


@contextmanager
def drafting() -> Iterator[None]:
    """Inside, logits are guesses: forwards refuse none; the drafter passes them to :func:`sound_draft`."""
    token = _DRAFTING.set(True)
    try:
        yield
    finally:
        _DRAFTING.reset(token)


def in_draft() -> bool:
    """Whether this is called inside :func:`drafting`."""
    return _DRAFTING.get()


def sound_draft(logits: Float[Tensor, "*rows vocab"]) -> Float[Tensor, "*rows vocab"]:
    """The same logits, but rows that are no numbers are uniform over what is not minus infinity in them.

    A row in which everything is minus infinity becomes uniform over the whole vocabulary. Nothing leaves the
    device, so this may stand inside compiled code.
    """
    bad = unsound(logits)
    if bad.device.type == "cpu" and not torch.compiler.is_compiling() and not bad.any():
        return logits
    possible = logits != -torch.inf
    possible = possible | ~possible.any(-1, keepdim=True)
    uniform = torch.zeros_like(logits).masked_fill(~possible, -torch.inf)
    return torch.where(bad[..., None], uniform, logits)


def unsound(logits: Float[Tensor, "*rows vocab"]) -> Bool[Tensor, "*rows"]:
    """Which rows hold NaN or plus infinity, or nothing but minus infinity."""
    return ~logits.amax(-1).isfinite()


class Watch:
    """Looks at the logits that leave one model.

    Args:
        name: the model's, for the message.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._unread: list[tuple[int, Tensor]] = []

    def see(self, logits: Float[Tensor, "1 n vocab"], end: int) -> None:
        """Look at the logits of the last n of ``end`` positions.

        Raises:
            UnsoundLogits: on a CPU, where looking costs nothing; elsewhere :meth:`require_sound` does.
        """
        if _DRAFTING.get() or logits.device.type == "meta":
            return
        peaks = logits.amax(-1)
        if peaks.device.type != "cpu":
            self._note(peaks, end)
        elif not peaks.isfinite().all():
            raise UnsoundLogits(self._told(peaks[0], end))

    def _note(self, peaks: Float[Tensor, "1 n"], end: int) -> None:
        self._unread.append((end, peaks))
        if len(self._unread) >= _MOST_UNREAD:
            self.require_sound()

    def require_sound(self) -> None:
        """Raise UnsoundLogits if logits seen since the last call were no numbers; waits for the device."""
        seen, self._unread = self._unread, []
        if not seen:
            return
        peaks = torch.cat([rows[0] for _, rows in seen])
        if peaks.isfinite().all():
            return
        first = next((end, rows[0]) for end, rows in seen if not rows.isfinite().all())
        raise UnsoundLogits(self._told(first[1], first[0]))

    def _told(self, peaks: Float[Tensor, " n"], end: int) -> str:
        first = int((~peaks.isfinite()).nonzero()[0])
        position, peak = end - len(peaks) + first, float(peaks[first])
        seen = "NaN" if peak != peak else "+inf" if peak > 0 else sentences.NO_TOKEN_POSSIBLE
        advice = sentences.WEIGHTS_OR_CONFIG
        if peaks.dtype == torch.float16:
            advice = sentences.FLOAT16_OVERFLOWS
        return sentences.UNSOUND_LOGITS.format(self.name, seen, position, peaks.dtype, advice)
