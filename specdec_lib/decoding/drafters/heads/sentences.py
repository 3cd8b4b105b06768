"""Every sentence about a trained exit in a folder: templates, filled by ``format`` in order."""

from __future__ import annotations

OTHER_WEIGHTS = (
    "draft 'head:{}': it was trained for {}, and {} has other weights; train one with 'specdec train "
    "--exit {} --target {}'"
)
NO_FOLDER = "draft 'head:{}': there is no such folder; 'specdec train --exit' makes one"
NO_EXIT = (
    "draft 'head:{}': the folder holds no trained exit ({}: {}); give one that 'specdec train --exit' wrote"
)
FACTS_DAMAGED = "draft 'head:{}': {} is damaged (sizes {}); train the exit again"
WEIGHTS_UNREADABLE = "draft 'head:{}': {} cannot be read ({}); train the exit again"
