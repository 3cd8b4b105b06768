"""Every sentence about a cache: templates, filled by ``format`` in the order of their braces."""

from __future__ import annotations

NO_CACHE_OF_CONFIG = (
    "forward: no cache can be made for {} of its config.json ({}); correct it, or choose another model"
)
OUTSIDE_THE_CACHE = "truncate_cache: keep_length {} is outside [0, {}], the cache's length"
LAYER_STAYS = "{} with a {} cannot be rolled back; {}"
STATE_STAYS = "forward: {} has {}, which cannot be rolled back; {}"
RECURRENT_STATE = "a recurrent state"
NO_CACHE = "no cache of keys and values"
OTHER_MODEL = "choose an attention-only model, or pass use_cache=False"
OWN_CACHE = "use the cache that ModelWrapper.forward returns"
