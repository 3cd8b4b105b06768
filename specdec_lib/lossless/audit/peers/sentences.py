"""What is said while other people's engines are started and audited: templates, filled by ``format``."""

from __future__ import annotations

NO_EXECUTABLE = "cannot start {}: there is no such program; {}"
SERVER_ENDED = "{} ended with code {} before it answered; its log, {}, ends with: {}"
SERVER_IS_SILENT = "{} did not answer at {} within {:g} s; its log, {}, ends with: {}"
LOG_IS_EMPTY = "nothing"
INSTALL_BY_MAKE = "make peers installs it"
NO_AUDIT = "{}, line {}, is no audit of an engine: {}"
GREEDY = "{} greedy texts of {} …"
RAISED = "{} raised an error: {}"
NOT_INSTALLED = "{} is not installed ({} is missing): make peers"
PASSED_OVER = "{}, {}: passed over, since {}"
GREEDY_FOUND = "{}, {}: {} of {} greedy texts are Transformers' of float32"
TOLD_TO_END = "told to end"
