"""Does a rolled-back cache hold what it says? A model that compares it with a fresh forward every time.

The two forwards add the same numbers up in another order, so they differ by rounding. How much of it is right
is measured: the same text, read in forwards of other widths on a cache that nothing was taken from. That
cache is the model's own too, so what it may explain is bounded by forwards that no cache takes part in.
"""

from __future__ import annotations

from functools import cached_property

import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.doubles.base import StandIn, in_eager_mode
from specdec_lib.lossless.evidence.rounding import cacheless_noise, measured_noise, noise_allowed
from specdec_lib.models.base import CausalModel, check_length


class CheckedModel(StandIn):
    """Stands in for ``model``; notes how far a rolled-back cache's logits are from those of no cache.

    After each roll-back one more token is fed behind the cut as it is, every kept position in it, and behind
    the whole text without a cache. Which token does not matter: the last one, once more.
    """

    def __init__(self, model: CausalModel) -> None:
        super().__init__(in_eager_mode(model))
        self._seen: tuple[int, ...] = ()
        self.num_checks = 0
        self.largest_difference = 0.0
        self.largest_logit = 0.0

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        """The model's own logits; the text is remembered."""
        held = self.get_cache_length(past_key_values)
        self._seen = (*self._seen[:held], *input_ids[0].tolist())
        return self._inner.forward(input_ids, past_key_values, use_cache, logits_to_keep)

    def truncate_cache(self, cache, keep_length):
        """As the model's own, and checked where a token is kept and another has room behind it."""
        cut = self._inner.truncate_cache(cache, keep_length)
        if keep_length >= 1 and self._has_room(keep_length):
            self._check(cut, keep_length)
        return cut

    def _has_room(self, held: int) -> bool:
        """Whether one more token may be fed; a text's last one never is."""
        try:
            check_length(self._inner, held, held + 2)
        except InvalidArgument:
            return False
        return self.context_length is None or held < self.context_length

    def _check(self, cut, keep_length: int) -> None:
        probe = self._seen[keep_length - 1]
        text = torch.tensor([[*self._seen[:keep_length], probe]], device=self.device)
        continued, _ = self._inner.forward(text[:, -1:], cut, use_cache=False)  # the cut stays as it was
        fresh, _ = self._inner.forward(text, use_cache=False, logits_to_keep=1)
        possible = ~(continued[0, -1].isneginf() & fresh[0, -1].isneginf())  # masked on either side
        ours, theirs = (logits[0, -1][possible].double() for logits in (continued, fresh))
        self.largest_difference = max(self.largest_difference, float((ours - theirs).abs().max()))
        self.largest_logit = max(self.largest_logit, float(theirs.abs().max()))
        self.num_checks += 1

    @cached_property
    def noise(self) -> float:
        """Rounding of this model on the text that it saw last; to be asked when the run is over."""
        return measured_noise(self._inner, self._seen)

    @cached_property
    def allowed(self) -> float:
        """The largest difference that rounding explains; to be asked then too."""
        depth = getattr(getattr(self._inner, "config", None), "num_hidden_layers", None) or 1
        cacheless = cacheless_noise(self._inner, self._seen)
        return noise_allowed(self.dtype, self.largest_logit, self.noise, depth, cacheless)
