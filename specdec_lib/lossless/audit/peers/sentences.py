"""What is said of other people's engines while they are started and audited: templates, filled by ``format``."""

from __future__ import annotations

NO_EXECUTABLE = "cannot start {}: there is no such program; {}"
SERVER_ENDED = "{} ended with code {} before it answered; its log, {}, ends with: {}"
SERVER_IS_SILENT = "{} did not answer at {} within {:g} s; its log, {}, ends with: {}"
LOG_IS_EMPTY = "nothing"
INSTALL_BY_MAKE = "make peers installs it"
