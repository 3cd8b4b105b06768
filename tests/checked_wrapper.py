"""A wrapper that compares every rolled-back cache with a fresh forward of what it should hold."""

from __future__ import annotations

import torch

from specdec_lib.models.wrapper import ModelWrapper


class CheckedWrapper(ModelWrapper):
    """Fails as soon as a truncated cache, fed its last token again, gives other logits than no cache."""

    tolerance = 1e-10
    seen: tuple[int, ...] = ()
    num_checks = 0

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        held = self.get_cache_length(past_key_values)
        self.seen = (*self.seen[:held], *input_ids[0].tolist())
        return super().forward(input_ids, past_key_values, use_cache, logits_to_keep)

    def truncate_cache(self, cache, keep_length):
        cut = super().truncate_cache(cache, keep_length)
        if keep_length >= 1:
            kept = torch.tensor([self.seen[:keep_length]])
            before = super().truncate_cache(cut, keep_length - 1)
            continued, _ = super().forward(kept[:, -1:], before)
            fresh, _ = super().forward(kept)
            torch.testing.assert_close(
                continued[0, -1], fresh[0, -1], atol=self.tolerance, rtol=self.tolerance
            )
            self.num_checks += 1
        return cut
